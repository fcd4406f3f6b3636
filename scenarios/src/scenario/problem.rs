//! What makes no sense in a scenario file, and where it stands there.

use std::ops::Range;

use toml::Spanned;

use crate::schedule::check::Sense;

/// What makes no sense in a file: the bytes where it stands, and why.
pub(super) type Problem = (Range<usize>, String);

/// The first of `checks` that does not hold.
pub(super) fn first_problem(checks: impl IntoIterator<Item = (Range<usize>, Sense)>) -> Option<Problem> {
    checks.into_iter().find_map(|(span, sense)| Some((span, sense.err()?)))
}

/// What holds where a file says nothing.
pub(super) fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

/// Where `value` stands in the file; where `other` does, if it is unwritten.
pub(super) fn written_or<T, U>(value: &Spanned<T>, other: &Spanned<U>) -> Range<usize> {
    if value.span().is_empty() { other.span() } else { value.span() }
}
