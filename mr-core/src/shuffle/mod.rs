//! Between map and reduce: emitted records are buffered, sorted, written as runs, merged.

/// The largest key or value, in bytes, that an intermediate file can hold.
pub const MAX_FIELD_BYTES: usize = 1 << 30;
