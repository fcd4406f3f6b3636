//! The fixed-size parts of a run file, as bytes: block headers, index entries and the trailer.

use std::fmt;

use crate::ids::{Attempt, AttemptId, JobId, MapIndex, Partition, TaskId};

/// The version of the format that this program writes, and the only one it reads.
pub const FORMAT_VERSION: u32 = 2;

/// The last bytes of every run file, of whatever version.
pub(super) const MAGIC: [u8; 8] = *b"mr-run\x1a\n";

pub(super) const BLOCK_HEADER_BYTES: usize = 12;
pub(super) const INDEX_ENTRY_BYTES: usize = 28;
pub(super) const TRAILER_BYTES: usize = 48;

/// Who wrote a run file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Producer {
    /// In which job.
    pub job: JobId,
    /// Which attempt.
    pub attempt: AttemptId,
}

impl fmt::Display for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of job {}", self.attempt, self.job)
    }
}

/// What is wrong with a run file, and where in it: a sentence's end, to be put behind the file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The file ends too early.
    #[error("the file ends at byte {size}, inside its {what} at byte {offset}")]
    Truncated {
        /// What is cut off.
        what: &'static str,
        /// Where that starts, or would.
        offset: u64,
        /// Where the file ends.
        size: u64,
    },
    /// The file does not end as run files do.
    #[error("not a run file, or one with something behind its end: no magic number at byte {offset}")]
    Magic {
        /// Where the number should be.
        offset: u64,
    },
    /// The file is of another version.
    #[error("written by format version {found}, this program reads {FORMAT_VERSION} (byte {offset})")]
    Version {
        /// The version it is of.
        found: u32,
        /// Where that is written.
        offset: u64,
    },
    /// Bytes are not those that were written.
    #[error("wrong checksum of the {what} at byte {offset}")]
    Checksum {
        /// What they are.
        what: &'static str,
        /// Where they start.
        offset: u64,
    },
    /// The bytes are those that were written, but they do not fit together.
    #[error("the {what} at byte {offset} makes no sense")]
    Malformed {
        /// What they are.
        what: &'static str,
        /// Where they start.
        offset: u64,
    },
    /// The file is somebody else's.
    #[error("written by {found}, not by {expected} (byte {offset})")]
    Foreign {
        /// Whose it is.
        found: Producer,
        /// Whose it should be.
        expected: Producer,
        /// Where that is written.
        offset: u64,
    },
    /// The file was cut for another number of reduces.
    #[error("it holds {found} partitions, not {expected} (byte {offset})")]
    Partitions {
        /// How many it holds.
        found: u32,
        /// How many it should hold.
        expected: u32,
        /// Where that is written.
        offset: u64,
    },
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("a range of four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a range of eight bytes"))
}

/// The checksum of `bytes` found at `place`: the same bytes anywhere else have another.
fn checksum_at(place: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&place.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// What stands before the payload of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) payload_len: u32,
    pub(super) payload_checksum: u32,
}

impl BlockHeader {
    /// The header of `payload`.
    pub(super) fn of(payload: &[u8]) -> Self {
        let payload_len = u32::try_from(payload.len()).expect("a block holds one key and value of 1 GiB each at most");
        Self { payload_len, payload_checksum: crc32fast::hash(payload) }
    }

    /// The header as it stands at byte `offset` of a file.
    pub(super) fn encode(self, offset: u64) -> [u8; BLOCK_HEADER_BYTES] {
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.payload_checksum.to_le_bytes());
        let checksum = checksum_at(offset, &bytes[0..8]);
        bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8], offset: u64) -> Result<Self, FormatError> {
        if checksum_at(offset, &bytes[0..8]) != u32_at(bytes, 8) {
            return Err(FormatError::Checksum { what: "block header", offset });
        }
        Ok(Self { payload_len: u32_at(bytes, 0), payload_checksum: u32_at(bytes, 4) })
    }
}

/// Where one partition's segment lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct IndexEntry {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) records: u64,
}

impl IndexEntry {
    pub(super) fn encode(self, partition: Partition) -> [u8; INDEX_ENTRY_BYTES] {
        let mut bytes = [0; INDEX_ENTRY_BYTES];
        bytes[0..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.len.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.records.to_le_bytes());
        let checksum = checksum_at(partition.0.into(), &bytes[0..24]);
        bytes[24..28].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the entry of `partition`, found at byte `offset` of the file. `data_end` is where the segments end.
    pub(super) fn decode(bytes: &[u8], partition: Partition, offset: u64, data_end: u64) -> Result<Self, FormatError> {
        if checksum_at(partition.0.into(), &bytes[0..24]) != u32_at(bytes, 24) {
            return Err(FormatError::Checksum { what: "index entry", offset });
        }
        let entry = Self { offset: u64_at(bytes, 0), len: u64_at(bytes, 8), records: u64_at(bytes, 16) };
        match entry.offset.checked_add(entry.len) {
            Some(end) if end <= data_end => Ok(entry),
            _ => Err(FormatError::Malformed { what: "index entry", offset }),
        }
    }
}

/// The end of a run file, which says all that is needed to read the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) producer: Producer,
    pub(super) partitions: u32,
    /// Where the segments end and the index starts.
    pub(super) index_offset: u64,
}

impl Trailer {
    pub(super) fn encode(self) -> [u8; TRAILER_BYTES] {
        let (kind, index) = match self.producer.attempt.task {
            TaskId::Map(map) => (0, map.0),
            TaskId::Reduce(partition) => (1_u32, partition.0),
        };
        let mut bytes = [0; TRAILER_BYTES];
        bytes[0..8].copy_from_slice(&self.producer.job.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&kind.to_le_bytes());
        bytes[12..16].copy_from_slice(&index.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.producer.attempt.attempt.0.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.partitions.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.index_offset.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[0..32]);
        bytes[32..36].copy_from_slice(&checksum.to_le_bytes());
        bytes[36..40].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[40..48].copy_from_slice(&MAGIC);
        bytes
    }

    /// Reads the trailer of a file of `size` bytes, and checks that the file is as long as it says.
    pub(super) fn decode(bytes: &[u8; TRAILER_BYTES], size: u64) -> Result<Self, FormatError> {
        let offset = size - TRAILER_BYTES as u64;
        if bytes[40..48] != MAGIC {
            return Err(FormatError::Magic { offset: offset + 40 });
        }
        let version = u32_at(bytes, 36);
        if version != FORMAT_VERSION {
            return Err(FormatError::Version { found: version, offset: offset + 36 });
        }
        if crc32fast::hash(&bytes[0..32]) != u32_at(bytes, 32) {
            return Err(FormatError::Checksum { what: "trailer", offset });
        }
        let malformed = FormatError::Malformed { what: "trailer", offset };
        let task = match (u32_at(bytes, 8), u32_at(bytes, 12)) {
            (0, index) => TaskId::Map(MapIndex(index)),
            (1, index) => TaskId::Reduce(Partition(index)),
            _ => return Err(malformed),
        };
        let attempt = AttemptId { task, attempt: Attempt(u32_at(bytes, 16)) };
        let partitions = u32_at(bytes, 20);
        let index_offset = u64_at(bytes, 24);
        let index_len = u64::from(partitions) * INDEX_ENTRY_BYTES as u64;
        if index_offset.checked_add(index_len) != Some(offset) {
            return Err(malformed);
        }
        Ok(Self { producer: Producer { job: JobId(u64_at(bytes, 0)), attempt }, partitions, index_offset })
    }
}
