//! Reads a run file: its end once, with the trailer, then one partition's segment block by block, believing nothing it has not checked.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use world::{File, FileError};

use super::format::{
    BLOCK_HEADER_BYTES, BlockHeader, FormatError, INDEX_ENTRY_BYTES, IndexEntry, Producer, TRAILER_BYTES, Trailer,
};
use super::group::{Group, GroupPlace};
use crate::ids::{Partition, Reduces};

/// Why a run file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The file system would not have it.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not what it should be.
    #[error("{path}: {error}")]
    Format {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong with it.
        error: FormatError,
    },
}

/// How much is read of a file's end at first: of a small file everything, of most others the whole index. A reduce opens the outputs of
/// all maps, so each call to the file system that this saves is saved as often as there are maps times reduces.
const TAIL_BYTES: u64 = 4096;

/// An open run file whose trailer was checked.
#[derive(Debug)]
pub struct RunFile<F> {
    file: F,
    path: Utf8PathBuf,
    index_offset: u64,
    block_bytes: usize,
    /// The last bytes of the file, and where they start.
    tail: (u64, Vec<u8>),
}

impl<F: File> RunFile<F> {
    /// Looks at the end of `file`, which `path` names in errors. About `block_bytes` will be read at a time.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is damaged, or is not of `producer` with `partitions` partitions.
    pub async fn open(
        file: F,
        path: &Utf8Path,
        producer: Producer,
        partitions: Reduces,
        block_bytes: usize,
    ) -> Result<Self, RunError> {
        let size = file.size();
        let start = size.saturating_sub(TAIL_BYTES);
        let mut run = Self { file, path: path.to_owned(), index_offset: 0, block_bytes, tail: (start, Vec::new()) };
        let Some(offset) = size.checked_sub(TRAILER_BYTES as u64) else {
            return Err(run.wrong(FormatError::Truncated { what: "trailer", offset: 0, size }));
        };
        let mut tail = vec![0; (size - start) as usize];
        run.read_exact(start, &mut tail, "trailer").await?;
        let trailer: &[u8; TRAILER_BYTES] = tail.last_chunk().expect("the tail is no shorter than the trailer");
        let trailer = Trailer::decode(trailer, size).map_err(|error| run.wrong(error))?;
        run.tail.1 = tail;
        if trailer.producer != producer {
            let foreign = FormatError::Foreign { found: trailer.producer, expected: producer, offset };
            return Err(run.wrong(foreign));
        }
        if trailer.partitions != partitions.get() {
            let (found, expected) = (trailer.partitions, partitions.get());
            return Err(run.wrong(FormatError::Partitions { found, expected, offset: offset + 20 }));
        }
        run.index_offset = trailer.index_offset;
        Ok(run)
    }

    /// The segment of `partition`, which must be one the file was opened for.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is damaged.
    pub async fn segment(self: &Arc<Self>, partition: Partition) -> Result<Segment<F>, RunError> {
        let offset = self.index_offset + u64::from(partition.0) * INDEX_ENTRY_BYTES as u64;
        let mut bytes = [0; INDEX_ENTRY_BYTES];
        match self.in_tail(offset, INDEX_ENTRY_BYTES as u64) {
            Some(known) => bytes.copy_from_slice(known),
            None => self.read_exact(offset, &mut bytes, "index entry").await?,
        }
        let entry =
            IndexEntry::decode(&bytes, partition, offset, self.index_offset).map_err(|error| self.wrong(error))?;
        Ok(Segment {
            run: Arc::clone(self),
            window: self.in_tail(entry.offset, entry.len).map(<[u8]>::to_vec).unwrap_or_default(),
            start: entry.offset,
            end: entry.offset + entry.len,
            block_len: 0,
            group: GroupPlace::before(BLOCK_HEADER_BYTES),
            joined_key: Vec::new(),
            last_key: Vec::new(),
            unread_records: entry.records,
        })
    }

    /// The `len` bytes of the file from `offset` on, if they are known already.
    fn in_tail(&self, offset: u64, len: u64) -> Option<&[u8]> {
        let (start, tail) = &self.tail;
        let from = usize::try_from(offset.checked_sub(*start)?).ok()?;
        tail.get(from..from.checked_add(usize::try_from(len).ok()?)?)
    }

    async fn read_exact(&self, offset: u64, mut bytes: &mut [u8], what: &'static str) -> Result<(), RunError> {
        let mut at = offset;
        while !bytes.is_empty() {
            let count = self.file.read_at(at, bytes).await?;
            if count == 0 {
                return Err(self.wrong(FormatError::Truncated { what, offset, size: at }));
            }
            at += count as u64;
            bytes = &mut bytes[count..];
        }
        Ok(())
    }

    fn wrong(&self, error: FormatError) -> RunError {
        RunError::Format { path: self.path.clone(), error }
    }
}

/// The records of one partition, a block in memory at a time. Starts before its first block.
#[derive(Debug)]
pub struct Segment<F> {
    run: Arc<RunFile<F>>,
    /// Bytes of the file from `start` on: the present block with its header, and perhaps more that was read along.
    window: Vec<u8>,
    start: u64,
    /// Where in the file the segment ends.
    end: u64,
    /// The length of the present block with its header; none before the first.
    block_len: usize,
    /// Where in the window the present group lies.
    group: GroupPlace,
    /// The key of the present group, if it shares bytes with the one before.
    joined_key: Vec<u8>,
    /// The last key of the block before.
    last_key: Vec<u8>,
    /// How many records are yet to come, as the index says.
    unread_records: u64,
}

impl<F: File> Segment<F> {
    /// Goes on to the first group of the next block, and says how many bytes that block has; none at the segment's end.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is damaged.
    pub async fn next_block(&mut self) -> Result<Option<usize>, RunError> {
        if self.block_len > 0 {
            self.last_key.clear();
            self.last_key.extend_from_slice(self.group.key(&self.window, &self.joined_key));
        }
        self.window.drain(..self.block_len);
        self.start += self.block_len as u64;
        self.block_len = 0;
        self.group = GroupPlace::before(BLOCK_HEADER_BYTES);
        if self.start == self.end {
            let complete = self.unread_records == 0;
            return if complete { Ok(None) } else { Err(self.malformed("number of records in the segment ending")) };
        }
        // Everything up to the next header is read at once; before the first block, as much as a usual block has.
        self.fill(BLOCK_HEADER_BYTES, self.run.block_bytes, "block header").await?;
        let header = BlockHeader::decode(&self.window[..BLOCK_HEADER_BYTES], self.start)
            .map_err(|error| self.run.wrong(error))?;
        let len = BLOCK_HEADER_BYTES as u64 + u64::from(header.payload_len);
        if header.payload_len == 0 || len > self.end - self.start {
            return Err(self.malformed("block header"));
        }
        let len = usize::try_from(len).map_err(|_| self.malformed("block header"))?;
        self.fill(len, BLOCK_HEADER_BYTES, "block").await?;
        if crc32fast::hash(&self.window[BLOCK_HEADER_BYTES..len]) != header.payload_checksum {
            let offset = self.start + BLOCK_HEADER_BYTES as u64;
            return Err(self.run.wrong(FormatError::Checksum { what: "block", offset }));
        }
        self.block_len = len;
        self.next_group()?;
        if self.key() < &*self.last_key {
            return Err(self.malformed("order of keys at the block"));
        }
        Ok(Some(len))
    }

    /// Goes on to the next group of the present block; says whether there is one.
    ///
    /// # Errors
    ///
    /// When the block is malformed.
    pub fn next_group(&mut self) -> Result<bool, RunError> {
        let block = &self.window[..self.block_len];
        if self.group.end >= block.len() {
            return Ok(false);
        }
        let Some(group) = self.group.next(block, &mut self.joined_key) else { return Err(self.malformed("block")) };
        let Some(unread) = self.unread_records.checked_sub(group.records) else {
            return Err(self.malformed("number of records in the block"));
        };
        self.unread_records = unread;
        self.group = group;
        Ok(true)
    }

    /// The present group.
    ///
    /// # Panics
    ///
    /// Perhaps, before the first block and after the last, when there is none.
    #[must_use]
    pub fn group(&self) -> Group<'_> {
        self.group.read(&self.window, &self.joined_key)
    }

    /// The key of the present group.
    ///
    /// # Panics
    ///
    /// As for [`Segment::group`].
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.group.key(&self.window, &self.joined_key)
    }

    /// Sees to it that the window has `needed` bytes, and reads up to `more` beyond them where the segment has them.
    async fn fill(&mut self, needed: usize, more: usize, what: &'static str) -> Result<(), RunError> {
        let have = self.window.len();
        if have >= needed {
            return Ok(());
        }
        let left = usize::try_from(self.end - self.start).unwrap_or(usize::MAX);
        if left < needed {
            return Err(self.malformed(what));
        }
        self.window.resize(needed.saturating_add(more).min(left), 0);
        let offset = self.start + have as u64;
        self.run.read_exact(offset, &mut self.window[have..], what).await
    }

    /// That something in the present block cannot be.
    pub(super) fn malformed(&self, what: &'static str) -> RunError {
        self.run.wrong(FormatError::Malformed { what, offset: self.start })
    }
}
