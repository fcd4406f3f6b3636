//! The pieces of a stretch of input, cut without copying or waiting.

/// What one call of [`App::map`](crate::app::App::map) gets of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Where in the file the piece starts, in bytes.
    pub offset: u64,
    /// Its bytes.
    pub data: &'a [u8],
}

/// The pieces of a stretch of input, in order.
#[derive(Debug)]
pub struct Pieces<'a> {
    rest: Option<Piece<'a>>,
    by_line: bool,
}

impl<'a> Pieces<'a> {
    pub(super) fn none() -> Self {
        Self { rest: None, by_line: false }
    }

    pub(super) fn one(piece: Piece<'a>) -> Self {
        Self { rest: Some(piece), by_line: false }
    }

    /// The lines of `stretch`, without their line ends. Only the last may lack one.
    pub(super) fn lines(stretch: Piece<'a>) -> Self {
        Self { rest: Some(stretch), by_line: true }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let stretch = self.rest.take()?;
        if !self.by_line {
            return Some(stretch);
        }
        let Piece { offset, data } = stretch;
        let Some(end) = memchr::memchr(b'\n', data) else {
            return Some(stretch);
        };
        if end + 1 < data.len() {
            self.rest = Some(Piece { offset: offset + end as u64 + 1, data: &data[end + 1..] });
        }
        let line = &data[..end];
        Some(Piece { offset, data: line.strip_suffix(b"\r").unwrap_or(line) })
    }
}
