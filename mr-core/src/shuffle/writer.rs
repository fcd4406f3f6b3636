//! Writes a run file, front to back: nothing is ever changed that was written before.

use world::{File, FileError};

use super::format::{BLOCK_HEADER_BYTES, BlockHeader, IndexEntry, Producer, Trailer};
use super::group::{self, Group};
use crate::app::ValueRun;
use crate::ids::{Partition, Reduces};
use crate::tasks::Limits;

/// Writes a run file. Records come partition by partition, in key order within one.
///
/// Only [`RunWriter::flush`] and [`RunWriter::finish`] touch the file; a caller flushes whenever [`RunWriter::is_due`].
pub struct RunWriter<F> {
    file: F,
    producer: Producer,
    partitions: Reduces,
    block_bytes: usize,
    flush_bytes: usize,
    to_be_synced: bool,
    /// The bytes that are in the file.
    written: u64,
    /// Finished blocks on their way to the file.
    pending: Vec<u8>,
    /// The payload of the block that is being filled.
    block: Vec<u8>,
    /// The key that was written last.
    key: Vec<u8>,
    /// Where in the block the values of that group start.
    values_start: usize,
    /// The segments that are complete, one a partition.
    index: Vec<IndexEntry>,
    segment: IndexEntry,
}

impl<F: File> RunWriter<F> {
    /// A writer into the empty `file`.
    #[must_use]
    pub fn new(file: F, producer: Producer, partitions: Reduces, limits: &Limits) -> Self {
        Self {
            file,
            producer,
            partitions,
            // With a key and a value of the largest size on top, twice in a group that is copied, the length still fits its 32 bits.
            block_bytes: limits.run_block.clamp(1, 1 << 28),
            flush_bytes: limits.write_block,
            to_be_synced: false,
            written: 0,
            pending: Vec::new(),
            block: Vec::new(),
            key: Vec::new(),
            values_start: 0,
            index: Vec::new(),
            segment: IndexEntry::default(),
        }
    }

    /// The same for a file that will be synced in the end.
    #[must_use]
    pub fn to_be_synced(self) -> Self {
        Self { to_be_synced: true, ..self }
    }

    /// Goes on to the segment of `partition`.
    ///
    /// # Panics
    ///
    /// When a later partition was written to already, or the file is to have no such partition.
    pub fn start_partition(&mut self, partition: Partition) {
        assert!(partition.0 < self.partitions.get() && partition.0 as usize >= self.index.len(), "partitions in order");
        while self.index.len() < partition.0 as usize {
            self.finish_segment();
        }
    }

    /// Starts a group of values of `key`. A key may have several groups, one behind the other.
    pub fn start_group(&mut self, key: &[u8]) {
        if self.block.len() >= self.block_bytes {
            self.finish_block();
        }
        // The first key of a block is written whole: what a block says depends on no other.
        let shared = if self.block.is_empty() { 0 } else { group::shared_bytes(&self.key, key) };
        group::put_key(&mut self.block, shared, key);
        self.values_start = self.block.len();
        self.key.truncate(shared);
        self.key.extend_from_slice(&key[shared..]);
    }

    /// Adds values to the group. A group that fills its block goes on as another one in the next.
    pub fn push_run(&mut self, run: ValueRun<'_>) {
        // The key does not count, or one longer than a block would be repeated for every value.
        let full = self.block.len() >= self.block_bytes + self.key.len();
        if full && self.block.len() > self.values_start {
            group::put_end(&mut self.block);
            self.finish_block();
            group::put_key(&mut self.block, 0, &self.key);
            self.values_start = self.block.len();
        }
        group::put_run(&mut self.block, run);
        self.segment.records = self.segment.records.saturating_add(run.count);
    }

    /// Ends the group.
    pub fn end_group(&mut self) {
        group::put_end(&mut self.block);
    }

    /// Adds a whole group as it was read.
    pub fn copy_group(&mut self, group: &Group<'_>) {
        self.start_group(group.key);
        self.block.extend_from_slice(group.encoded_runs());
        self.segment.records = self.segment.records.saturating_add(group.records);
    }

    /// Whether enough has gathered to be worth a [`RunWriter::flush`].
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.pending.len() >= self.flush_bytes.max(1)
    }

    /// Appends the finished blocks to the file and says how many bytes these were.
    ///
    /// # Errors
    ///
    /// When the file cannot be written to.
    pub async fn flush(&mut self) -> Result<u64, FileError> {
        let len = self.pending.len() as u64;
        if len > 0 {
            self.file.append(&self.pending).await?;
            if self.to_be_synced {
                self.file.sync_soon();
            }
            self.pending.clear();
            self.written += len;
        }
        Ok(len)
    }

    /// Writes what is left, with the index and the trailer. Yields the file, not yet synced, and its length in bytes.
    ///
    /// # Errors
    ///
    /// When the file cannot be written to.
    pub async fn finish(mut self) -> Result<(F, u64), FileError> {
        while self.index.len() < self.partitions.get() as usize {
            self.finish_segment();
        }
        let index_offset = self.position();
        for (partition, entry) in self.partitions.partitions().zip(&self.index) {
            self.pending.extend_from_slice(&entry.encode(partition));
        }
        let trailer = Trailer { producer: self.producer, partitions: self.partitions.get(), index_offset };
        self.pending.extend_from_slice(&trailer.encode());
        self.flush().await?;
        Ok((self.file, self.written))
    }

    /// Where in the file the next finished block goes.
    fn position(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    fn finish_block(&mut self) {
        let header = BlockHeader::of(&self.block).encode(self.position());
        self.pending.reserve(BLOCK_HEADER_BYTES + self.block.len());
        self.pending.extend_from_slice(&header);
        self.pending.extend_from_slice(&self.block);
        self.block.clear();
    }

    fn finish_segment(&mut self) {
        if !self.block.is_empty() {
            self.finish_block();
        }
        let end = self.position();
        self.index.push(IndexEntry { len: end - self.segment.offset, ..self.segment });
        self.segment = IndexEntry { offset: end, ..IndexEntry::default() };
    }
}
