//! One key with values of it, as it lies in a block: read in place, copied whole.

use std::ops::Range;

use super::varint;
use crate::app::ValueRun;

/// A key and some values of it, read in place.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How many values, repeats counted.
    pub records: u64,
    runs: &'a [u8],
    encoded: &'a [u8],
}

/// Where in a block a group lies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GroupPlace {
    start: usize,
    key: usize,
    values: usize,
    values_end: usize,
    pub(super) end: usize,
    pub(super) records: u64,
}

impl GroupPlace {
    /// No group, but the place where the next one starts.
    pub(super) fn before(start: usize) -> Self {
        Self { end: start, ..Self::default() }
    }

    /// The group that starts at byte `start` of `block`. None when the bytes are no group.
    pub(super) fn find(block: &[u8], start: usize) -> Option<Self> {
        let mut rest = &block[start..];
        let key_len = varint::take(&mut rest)?;
        let key = block.len() - rest.len();
        varint::take_bytes(&mut rest, key_len)?;
        let values = block.len() - rest.len();
        let mut records: u64 = 0;
        loop {
            let values_end = block.len() - rest.len();
            let count = varint::take(&mut rest)?;
            if count == 0 {
                return Some(Self { start, key, values, values_end, end: block.len() - rest.len(), records });
            }
            records = records.checked_add(count)?;
            let len = varint::take(&mut rest)?;
            varint::take_bytes(&mut rest, len)?;
        }
    }

    /// Where in the block the key lies.
    pub(super) fn key(self) -> Range<usize> {
        self.key..self.values
    }

    /// The group at this place of `block`.
    pub(super) fn read(self, block: &[u8]) -> Group<'_> {
        Group {
            key: &block[self.key()],
            records: self.records,
            runs: &block[self.values..self.values_end],
            encoded: &block[self.start..self.end],
        }
    }
}

impl<'a> Group<'a> {
    /// The values, in order.
    pub fn runs(&self) -> impl Iterator<Item = ValueRun<'a>> + use<'a> {
        let mut rest = self.runs;
        // The group was read through when it was found: nothing fails here but at the end.
        std::iter::from_fn(move || {
            let count = varint::take(&mut rest)?;
            let len = varint::take(&mut rest)?;
            Some(ValueRun { value: varint::take_bytes(&mut rest, len)?, count })
        })
    }

    /// The group as it is written.
    pub(super) fn encoded(&self) -> &'a [u8] {
        self.encoded
    }
}

/// Appends the start of a group.
pub(super) fn put_key(block: &mut Vec<u8>, key: &[u8]) {
    varint::put(block, key.len() as u64);
    block.extend_from_slice(key);
}

/// Appends a run of values to the group.
pub(super) fn put_run(block: &mut Vec<u8>, run: ValueRun<'_>) {
    varint::put(block, run.count);
    varint::put(block, run.value.len() as u64);
    block.extend_from_slice(run.value);
}

/// Appends the end of the group.
pub(super) fn put_end(block: &mut Vec<u8>) {
    varint::put(block, 0);
}
