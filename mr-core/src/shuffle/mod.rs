//! Between map and reduce: emitted records are buffered, sorted, written as runs, merged.
//!
//! A map gathers what it emits in a [`MapBuffer`] and writes it as one run file: every partition's records, sorted by key. A
//! full buffer is spilled as a run file of its own, and the spills are merged in the end. A reduce merges its partition's
//! segments of all the maps' files ([`Merge`]), in several passes when there are many ([`Merger`]).
//!
//! # The run file, version 2
//!
//! Numbers are unsigned and little-endian; checksums are CRC-32 (IEEE). There is no header: a file is written front to back,
//! and a reducer needs its end, its own index entry and its own segment, nothing else.
//!
//! ```text
//! file     segment of partition 0, segment of partition 1, …, index, trailer
//! segment  blocks, one behind the other; perhaps none
//! block    u32 length of the payload in bytes, never 0
//!          u32 checksum of the payload
//!          u32 checksum of: the block's offset in the file as u64, the eight bytes before
//!          payload: groups, one behind the other
//! group    varint twice the number of the key's own bytes, and one more if it begins with bytes of the key before it in the block
//!          then varint number of these, if there are any; a block's first key has none
//!          the key's own bytes
//!          runs: varint count (not 0), varint length of the value, value
//!          varint 0
//! index    an entry of 28 bytes for every partition
//! entry    u64 offset of the segment in the file
//!          u64 length of the segment in bytes
//!          u64 number of records in it (the sum of the counts)
//!          u32 checksum of: the partition's number as u64, the 24 bytes before
//! trailer  u64 id of the job                                               at byte 0 of the last 48
//!          u32 0: written by a map, 1: by a reduce (a temporary file)      8
//!          u32 number of that map or reduce                               12
//!          u32 number of the attempt                                      16
//!          u32 number of partitions                                       20
//!          u64 offset of the index in the file                            24
//!          u32 checksum of the 32 bytes before                            32
//!          u32 version of the format: 2                                   36
//!          "mr-run", 0x1a, 0x0a                                           40
//! ```
//!
//! A varint is LEB128. Within a segment keys come in byte order; a key may have several groups, one behind the other, and
//! their values follow each other. A run is a value and how often it stands in a row. Version and magic number stand last in
//! files of every version, so that a reader can always tell what it cannot read. Every byte is under one of the checksums or
//! compared with the only value it may have, and index and trailer end where the file does: no flipped byte, cut or addition
//! goes unnoticed by who reads all partitions.

mod buffer;
mod combiner;
mod field;
mod format;
mod group;
mod hashing;
mod merge;
mod passes;
mod reader;
mod sorted;
mod source;
mod writer;

pub use buffer::{BufferedGroup, MapBuffer};
pub use combiner::Combiner;
pub(crate) use combiner::key_label;
pub use format::{FORMAT_VERSION, FormatError, Producer};
pub use group::Group;
pub use merge::{Merge, OpenRuns};
pub use passes::{Merger, create_run, write_group};
pub use reader::{RunError, RunFile, Segment};
pub(crate) use source::FileOf;
pub use source::{Origin, Source};
pub use writer::RunWriter;

/// The largest key or value, in bytes, that an intermediate file can hold.
pub const MAX_FIELD_BYTES: usize = 1 << 30;
