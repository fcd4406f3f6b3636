//! Input files, read a block at a time and cut into the pieces that [`App::map`](crate::app::App::map) is called with.
//!
//! A line belongs to the split that it *starts* in, so for any cut of a file each line is read by exactly one split, whole.
//! A split can tell where its first line starts without knowing the one before: a line starts at byte `p` if and only if
//! byte `p - 1` is a line end, so it looks from the byte before its offset on. By the same rule it stops behind the first
//! line end at or after the last byte of its stretch.
//!
//! Reading ([`SplitReader::read`]) waits for the file; cutting ([`SplitReader::pieces`]) does not, and copies nothing.

mod pieces;

use std::io;

use camino::Utf8Path;
use world::{File, FileError, FileOperation, FileSystem};

pub use pieces::{Piece, Pieces};

use crate::app::InputKind;
use crate::job::Split;

/// What is read first of every split.
const FIRST_READ: usize = 8 << 10;

/// Reads one split.
///
/// ```text
/// while let Some(bytes) = reader.read().await? {
///     for piece in reader.pieces() { … }
/// }
/// ```
pub struct SplitReader<F> {
    file: F,
    kind: InputKind,
    read_block: usize,
    /// How much is read next: a little at first, so that a small file does not cost a large buffer, and twice as much after every
    /// read that was filled.
    next_read: usize,
    /// Where the stretch ends: lines that start there or later are another split's.
    end: Option<u64>,
    planned: Planned,
    /// Whether the first line is still to be found.
    skipping: bool,
    /// Whether nothing is left to be read.
    finished: bool,
    /// What was read; valid up to `filled`, the rest is room for more.
    buffer: Vec<u8>,
    filled: usize,
    /// What of the buffer was handed out: `..ready` by the last [`SplitReader::pieces`].
    taken: usize,
    /// Complete lines: what the next [`SplitReader::pieces`] hands out ends here.
    ready: usize,
    /// Where in the file the buffer starts.
    offset: u64,
}

impl<F: File> SplitReader<F> {
    /// Opens the file of `split`, to be cut as `kind` says and read `read_block` bytes at a time.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or is shorter than when the job was planned.
    pub async fn open<S: FileSystem<File = F>>(
        files: &S,
        split: &Split,
        kind: InputKind,
        read_block: usize,
    ) -> Result<Self, FileError> {
        let file = files.open(Utf8Path::new(&split.path)).await?;
        let (start, end) = match kind {
            InputKind::WholeFile => (0, None),
            InputKind::Line | InputKind::Lines => (split.offset, split.len.map(|len| split.offset.saturating_add(len))),
        };
        let planned = Planned { path: split.path.clone(), len: split.file_len.or(end).unwrap_or(0) };
        planned.check(file.size())?;
        Ok(Self {
            file,
            kind,
            read_block: read_block.max(1),
            next_read: read_block.clamp(1, FIRST_READ),
            end,
            planned,
            skipping: start > 0,
            finished: end.is_some_and(|end| end <= start),
            buffer: Vec::new(),
            filled: 0,
            taken: 0,
            ready: 0,
            offset: start.saturating_sub(1),
        })
    }

    /// Reads one block more and says how many bytes came, or none at all when the split was read before. Zero bytes are the
    /// end of the file, which can complete a last line.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or ends sooner than when the job was planned.
    pub async fn read(&mut self) -> Result<Option<usize>, FileError> {
        if self.finished {
            return Ok(None);
        }
        self.drop_taken();
        if self.buffer.len() < self.filled + self.next_read {
            self.buffer.resize(self.filled + self.next_read, 0);
        }
        // Not all that is there: after one long line everything that follows would come in stretches of its length.
        let room = &mut self.buffer[self.filled..self.filled + self.next_read];
        let count = self.file.read_at(self.offset + self.filled as u64, room).await?;
        if count == room.len() {
            self.next_read = (2 * self.next_read).min(self.read_block);
        }
        let fresh = self.filled;
        self.filled += count;
        if count == 0 {
            self.planned.check(self.offset + self.filled as u64)?;
        }
        self.finished = count == 0;
        self.cut(fresh);
        Ok(Some(count))
    }

    /// The pieces that the last [`SplitReader::read`] completed; often none, while a line or a whole file is longer than a
    /// block. To be called once after each read.
    pub fn pieces(&mut self) -> Pieces<'_> {
        let stretch = self.taken..self.ready;
        self.taken = self.ready;
        let empty_file = self.kind == InputKind::WholeFile && self.finished && self.filled == 0;
        if stretch.is_empty() && !empty_file {
            return Pieces::none();
        }
        let piece = Piece { offset: self.offset + stretch.start as u64, data: &self.buffer[stretch] };
        match self.kind {
            InputKind::WholeFile | InputKind::Lines => Pieces::one(piece),
            InputKind::Line => Pieces::lines(piece),
        }
    }

    /// Makes room by forgetting what was handed out; what stays is the start of an incomplete line.
    fn drop_taken(&mut self) {
        if self.taken == 0 {
            return;
        }
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.offset += self.taken as u64;
        self.ready -= self.taken;
        self.taken = 0;
    }

    /// Moves `ready` over what became complete now that everything from `fresh` on is new.
    fn cut(&mut self, fresh: usize) {
        if self.kind == InputKind::WholeFile {
            if self.finished {
                self.ready = self.filled;
            }
            return;
        }
        if self.skipping && !self.skip_to_first_line(fresh) {
            return;
        }
        self.ready = if self.finished {
            self.filled
        } else {
            let from = fresh.max(self.taken);
            memchr::memrchr(b'\n', &self.buffer[from..self.filled]).map_or(self.ready, |at| from + at + 1)
        };
        self.stop_at_end(fresh);
    }

    /// Drops everything up to the first line that starts in the stretch; says whether it was found.
    fn skip_to_first_line(&mut self, fresh: usize) -> bool {
        let line_end = memchr::memchr(b'\n', &self.buffer[fresh..self.filled]);
        let start = line_end.map_or(self.filled, |at| fresh + at + 1);
        (self.taken, self.ready) = (start, start);
        let elsewhere = self.end.is_some_and(|end| self.offset + start as u64 >= end);
        self.finished |= elsewhere;
        self.skipping = line_end.is_none();
        !self.skipping && !elsewhere
    }

    /// Ends the split behind its last line, if that line is complete.
    fn stop_at_end(&mut self, fresh: usize) {
        let Some(end) = self.end else { return };
        let last_byte = end.saturating_sub(1).saturating_sub(self.offset);
        let from = usize::try_from(last_byte).unwrap_or(usize::MAX).max(fresh).max(self.taken);
        if from >= self.ready {
            return;
        }
        if let Some(at) = memchr::memchr(b'\n', &self.buffer[from..self.ready]) {
            self.ready = from + at + 1;
            self.finished = true;
        }
    }
}

/// A file as it was when the job was planned. All of it, whichever piece is read: the last line of a piece may reach beyond its end.
struct Planned {
    path: String,
    len: u64,
}

impl Planned {
    /// Fails if the file, which has no more than `len` bytes, was longer then: what it has lost would be missing from the answer. What it has
    /// gained is read by whoever reads to its end.
    fn check(&self, len: u64) -> Result<(), FileError> {
        if len >= self.len {
            return Ok(());
        }
        let reason = format!(
            "it has no more than {len} of the {} bytes that it had when the job was planned: it has changed while the job ran; \
             run the job again, and leave its inputs as they are until it ends",
            self.len
        );
        let error = io::Error::new(io::ErrorKind::UnexpectedEof, reason);
        Err(FileError::new(FileOperation::Read, Utf8Path::new(&self.path), &error))
    }
}
