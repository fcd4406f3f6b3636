//! A key or a value in an arena, with its first eight bytes beside it: most need no look into the arena to be compared.

use std::ops::Range;

/// A key or a value in the arena.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    /// Its first eight bytes; see [`key_prefix`].
    pub(super) prefix: u64,
    start: usize,
    len: u32,
}

impl Field {
    /// Appends `field` to `bytes`.
    pub(super) fn push(bytes: &mut Vec<u8>, field: &[u8]) -> Self {
        let len = u32::try_from(field.len()).expect("keys and values are shorter than 4 GiB");
        let start = bytes.len();
        bytes.extend_from_slice(field);
        Self { prefix: key_prefix(field), start, len }
    }

    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.range()]
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start..self.start + self.len as usize
    }

    /// Whether it is `field`, which starts with `prefix`.
    #[inline]
    pub(super) fn is(self, bytes: &[u8], field: &[u8], prefix: u64) -> bool {
        self.prefix == prefix
            && self.len as usize == field.len()
            && (field.len() <= size_of::<u64>() || self.of(bytes) == field)
    }
}

/// The first eight bytes of `key` as a number that sorts like them: keys whose prefixes differ sort as these do.
#[inline]
pub(super) fn key_prefix(key: &[u8]) -> u64 {
    if let Some(first) = key.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let missing = 8 * (size_of::<u64>() - key.len());
    match (key.first_chunk(), key.last_chunk()) {
        // Two halves that overlap say the same where they do.
        (Some(head), Some(tail)) => {
            u64::from(u32::from_be_bytes(*head)) << 32 | u64::from(u32::from_be_bytes(*tail)) << missing
        }
        _ => key.iter().zip([56, 48, 40]).fold(0, |prefix, (byte, shift)| prefix | u64::from(*byte) << shift),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_the_key_padded_with_nothing() {
        let key = b"abcdefghij";
        for len in 0..=key.len() {
            let mut padded = [0; 8];
            padded[..len.min(8)].copy_from_slice(&key[..len.min(8)]);
            assert_eq!(key_prefix(&key[..len]), u64::from_be_bytes(padded), "{len}");
        }
    }
}
