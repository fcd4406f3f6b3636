//! One key with values of it, as it lies in a block: values are read in place and copied whole; a key that begins like the one before it is
//! there without that beginning. Sorted keys often begin alike, places in a file above all, and what is not written need not be checked,
//! synced and read.

use crate::app::ValueRun;
use crate::varint;

/// Fewer bytes than these are not worth sharing: a key that shares any has to be put together when it is read, all others are read in place.
const LEAST_SHARED: usize = 8;

/// A key and some values of it, as they were read.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How many values, repeats counted.
    pub records: u64,
    /// All behind the key: the runs of values and the end.
    encoded_runs: &'a [u8],
}

/// Where in a block a group lies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GroupPlace {
    /// How many bytes its key has from the key before.
    shared: usize,
    /// Where its own bytes of the key start.
    own: usize,
    runs: usize,
    pub(super) end: usize,
    pub(super) records: u64,
}

impl GroupPlace {
    /// No group, but the place where the next one starts.
    pub(super) fn before(start: usize) -> Self {
        Self { end: start, ..Self::default() }
    }

    /// The group that follows in `block`. If its key shares bytes with the present one, it is put together in `joined`, where the present
    /// one is if that shares any. None when the bytes are no group, or one with a smaller key.
    pub(super) fn next(self, block: &[u8], joined: &mut Vec<u8>) -> Option<Self> {
        let mut rest = &block[self.end..];
        let own_len = varint::take(&mut rest)?;
        let shared = if own_len & 1 == 1 { usize::try_from(varint::take(&mut rest)?).ok()? } else { 0 };
        let own = block.len() - rest.len();
        let own_bytes = varint::take_bytes(&mut rest, own_len >> 1)?;
        if own_bytes < self.key(block, joined).get(shared..)? {
            return None;
        }
        if shared > 0 {
            if self.shared == 0 {
                joined.clear();
                joined.extend_from_slice(&block[self.own..self.own + shared]);
            }
            joined.truncate(shared);
            joined.extend_from_slice(own_bytes);
        }
        let runs = block.len() - rest.len();
        let mut records: u64 = 0;
        loop {
            let count = varint::take(&mut rest)?;
            if count == 0 {
                return Some(Self { shared, own, runs, end: block.len() - rest.len(), records });
            }
            records = records.checked_add(count)?;
            let len = varint::take(&mut rest)?;
            varint::take_bytes(&mut rest, len)?;
        }
    }

    /// The key of the group at this place of `block`; `joined` is what was put together when it was found.
    pub(super) fn key<'a>(self, block: &'a [u8], joined: &'a [u8]) -> &'a [u8] {
        if self.shared > 0 { joined } else { &block[self.own..self.runs] }
    }

    /// The group at this place of `block`; see [`GroupPlace::key`].
    pub(super) fn read<'a>(self, block: &'a [u8], joined: &'a [u8]) -> Group<'a> {
        let encoded_runs = &block[self.runs..self.end];
        Group { key: self.key(block, joined), records: self.records, encoded_runs }
    }
}

impl<'a> Group<'a> {
    /// The values, in order.
    pub fn runs(&self) -> impl Iterator<Item = ValueRun<'a>> + use<'a> {
        let mut rest = self.encoded_runs;
        // The group was read through when it was found: nothing fails here, and the count of zero at the end is followed by nothing.
        std::iter::from_fn(move || {
            let count = varint::take(&mut rest)?;
            let len = varint::take(&mut rest)?;
            Some(ValueRun { value: varint::take_bytes(&mut rest, len)?, count })
        })
    }

    /// The values and the group's end as they are written.
    pub(super) fn encoded_runs(&self) -> &'a [u8] {
        self.encoded_runs
    }
}

/// How many bytes of `key` are not to be written because `before` begins with them as well.
pub(super) fn shared_bytes(before: &[u8], key: &[u8]) -> usize {
    let words = before.chunks_exact(8).zip(key.chunks_exact(8)).take_while(|(a, b)| a == b).count();
    let alike = 8 * words;
    let shared = alike + before[alike..].iter().zip(&key[alike..]).take_while(|(a, b)| a == b).count();
    if shared < LEAST_SHARED { 0 } else { shared }
}

/// Appends the start of a group whose `key` has its first `shared` bytes from the key before.
pub(super) fn put_key(block: &mut Vec<u8>, shared: usize, key: &[u8]) {
    let own = &key[shared..];
    varint::put(block, (own.len() as u64) << 1 | u64::from(shared > 0));
    if shared > 0 {
        varint::put(block, shared as u64);
    }
    block.extend_from_slice(own);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_keys_share_is_all_that_both_begin_with(common: Vec<u8>, a: Vec<u8>, b: Vec<u8>) {
            let (before, key) = ([&common[..], &a].concat(), [&common[..], &b].concat());
            let alike = (0..=before.len().min(key.len())).rev().find(|&len| before[..len] == key[..len]);
            let worth = alike.filter(|&len| len >= LEAST_SHARED).unwrap_or(0);
            prop_assert_eq!(shared_bytes(&before, &key), worth);
        }
    }
}
