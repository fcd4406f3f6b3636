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
    /// Where this program splits when nobody says otherwise: at 32 MiB, half of what a map may hold. A sort of records of a
    /// hundred bytes then does not spill; what is noted of each comes to another hundred.
    pub const DEFAULT: SplitSize = SplitSize::Bytes(NonZeroU64::new(32 << 20).expect("32 MiB is not zero"));

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
        Ok(size_or(text, "whole")?.map_or(SplitSize::Whole, SplitSize::Bytes))
    }
}

/// How many bytes of small files may share a map; none at all, when files keep to themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinSize(pub Option<NonZeroU64>);

impl JoinSize {
    /// Each file has a map of its own.
    pub const NEVER: JoinSize = JoinSize(None);
}

impl FromStr for JoinSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        size_or(text, "never").map(JoinSize)
    }
}

/// A size, or nothing for `word`.
fn size_or(text: &str, word: &str) -> Result<Option<NonZeroU64>, String> {
    if text == word {
        return Ok(None);
    }
    let size = byte_count(text).map_err(|error| format!("{error}, or `{word}`"))?;
    NonZeroU64::new(size).map(Some).ok_or_else(|| format!("write a size of at least one byte, or `{word}`"))
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
        assert_eq!("32MiB".parse(), Ok(SplitSize::DEFAULT));
        assert!("0".parse::<SplitSize>().is_err());
        assert_eq!("never".parse(), Ok(JoinSize::NEVER));
        assert_eq!("1MB".parse(), Ok(JoinSize(NonZeroU64::new(1_000_000))));
        assert_eq!("whole".parse::<JoinSize>().unwrap_err(), "write a size such as 64MiB, 500MB or 4096, or `never`");
    }
}
