//! Numbers of bytes as people write them: `64MiB`, `500MB`, `4096`.

use std::num::NonZeroU64;
use std::str::FromStr;

use bytesize::ByteSize;

/// Reads a number of bytes, for clap.
///
/// # Errors
///
/// When `text` is none.
pub fn byte_count(text: &str) -> Result<u64, String> {
    text.parse::<ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| "write a size such as 64MiB, 500MB or 4096".to_owned())
}

/// How large a piece of an input file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitSize {
    /// At most this many bytes, and one line.
    Bytes(NonZeroU64),
    /// The whole file.
    Whole,
}

impl SplitSize {
    /// What Hadoop and this program split at when nobody says otherwise: 64 MiB.
    pub const DEFAULT: SplitSize = SplitSize::Bytes(NonZeroU64::new(64 << 20).expect("64 MiB is not zero"));

    /// The size, if there is one.
    #[must_use]
    pub fn bytes(self) -> Option<NonZeroU64> {
        match self {
            SplitSize::Bytes(size) => Some(size),
            SplitSize::Whole => None,
        }
    }
}

impl FromStr for SplitSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "whole" {
            return Ok(SplitSize::Whole);
        }
        let size = byte_count(text).map_err(|error| format!("{error}, or `whole`"))?;
        NonZeroU64::new(size).map(SplitSize::Bytes).ok_or_else(|| "a split has at least one byte".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(byte_count("64MiB"), Ok(64 << 20));
        assert_eq!(byte_count("500MB"), Ok(500_000_000));
        assert_eq!(byte_count("4096"), Ok(4096));
        assert!(byte_count("many").is_err() && byte_count("-1").is_err());
    }

    #[test]
    fn a_split_is_whole_or_has_bytes() {
        assert_eq!("whole".parse(), Ok(SplitSize::Whole));
        assert_eq!("64MiB".parse(), Ok(SplitSize::DEFAULT));
        assert!("0".parse::<SplitSize>().is_err());
    }
}
