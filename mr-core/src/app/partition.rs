//! Which reduce a key belongs to: the course's `ihash(key) % nReduce`, so that `mr-out-X` holds the same keys as theirs.

use crate::ids::{Partition, Reduces};

/// The 32-bit FNV-1a hash (Fowler, Noll, Vo; draft-eastlake-fnv).
#[must_use]
pub fn fnv1a_32(bytes: &[u8]) -> u32 {
    const OFFSET_BASIS: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    bytes.iter().fold(OFFSET_BASIS, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME))
}

/// The default partition of `key`: FNV-1a without its sign bit, modulo the number of reduces (lab 1, `worker.go`).
#[must_use]
pub fn hash_partition(key: &[u8], reduces: Reduces) -> Partition {
    Partition((fnv1a_32(key) & 0x7fff_ffff) % reduces.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_agrees_with_the_published_vectors() {
        // From the test vectors of draft-eastlake-fnv and Landon Curt Noll's test suite.
        for (text, hash) in [
            ("", 0x811c_9dc5),
            ("a", 0xe40c_292c),
            ("b", 0xe70c_2de5),
            ("c", 0xe60c_2c52),
            ("foo", 0xa9f3_7ed7),
            ("foobar", 0xbf9c_f968),
            ("chongo was here!\n", 0xd499_30d5),
        ] {
            assert_eq!(fnv1a_32(text.as_bytes()), hash, "{text:?}");
        }
    }

    #[test]
    fn the_sign_bit_is_dropped_before_the_modulo() {
        // "a" hashes to 0xe40c292c: with the sign bit, 3825215788 % 10 would be 8.
        assert_eq!(hash_partition(b"a", Reduces::new(10)), Partition(0x640c_292c % 10));
        assert_ne!(0x640c_292c_u32 % 10, 0xe40c_292c_u32 % 10);
    }
}
