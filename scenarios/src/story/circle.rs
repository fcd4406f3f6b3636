//! Where a run begins to go in circles: something fails, is tried again and fails in the same words, but for the numbers, again and again.

use std::ops::Range;

/// How often something fails in the same words where a run goes in circles, at least.
const AGAIN: usize = 20;

/// The first turn, from the place where something fails up to that where it does so the second time; of all that fails, with its place.
pub(super) fn first_turn<'a>(
    failures: impl DoubleEndedIterator<Item = (usize, &'a str)> + Clone,
) -> Option<Range<usize>> {
    let last = shape(failures.clone().next_back()?.1);
    let mut turns = failures.filter(|(_, words)| shape(words) == last).map(|(place, _)| place);
    let first = turns.next()?..turns.next()?;
    turns.nth(AGAIN).map(|_| first)
}

/// What words say, whatever the numbers in them.
fn shape(words: &str) -> String {
    words.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}
