//! Where two histories part: of two runs that should have been one, the first event that differs, with its neighbours from both.

use std::ops::Range;
use std::time::Duration;

use crate::history::Event;

/// Where two histories part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The place of the first event that differs, from 0; the length of the shorter history when one continues the other.
    pub index: usize,
    /// The places worth showing of both histories: some events before the difference, and after it. Of a history that ends
    /// earlier, show what there is.
    pub neighbours: Range<usize>,
}

/// The first event in which two histories differ; nothing when they are the same.
#[must_use]
pub fn first_difference(one: &[(Duration, Event)], other: &[(Duration, Event)]) -> Option<Difference> {
    const BEFORE: usize = 5;
    const AFTER: usize = 3;
    let parted = one.iter().zip(other).position(|(one, other)| one != other);
    let index = parted.or((one.len() != other.len()).then(|| one.len().min(other.len())))?;
    let longest = one.len().max(other.len());
    Some(Difference { index, neighbours: index.saturating_sub(BEFORE)..(index + AFTER + 1).min(longest) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Noted;

    fn note(text: &'static str) -> (Duration, Event) {
        (Duration::ZERO, Event::Note { node: None, note: Noted::new(text) })
    }

    #[test]
    fn the_first_difference_is_found_with_its_neighbours() {
        let one: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].map(note).to_vec();
        assert_eq!(first_difference(&one, &one), None);
        let mut other = one.clone();
        other[6] = note("x");
        assert_eq!(first_difference(&one, &other), Some(Difference { index: 6, neighbours: 1..10 }));
    }

    #[test]
    fn a_history_that_goes_on_differs_where_the_other_ends() {
        let one: Vec<_> = ["a", "b"].map(note).to_vec();
        assert_eq!(first_difference(&one, &one[..1]), Some(Difference { index: 1, neighbours: 0..2 }));
    }
}
