//! Where two histories part: of two runs that should have been one, the first event that differs, with its neighbours from both.

use std::fmt;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use crate::history::{Event, History};
use crate::log::Recording;
use crate::run::Report;

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

/// Two runs that should have been one.
#[derive(Debug, Clone, PartialEq)]
pub struct Parted {
    /// What happened in each.
    pub histories: [History; 2],
    /// Where they part.
    pub difference: Difference,
}

impl fmt::Display for Parted {
    /// The first event that differs, with its neighbours from both.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { index, neighbours } = &self.difference;
        writeln!(f, "two runs differ from event {index} on:")?;
        for (title, history) in ["one run", "the other"].iter().zip(&self.histories) {
            writeln!(f, "  {title}:")?;
            for place in neighbours.clone() {
                let mark = if place == *index { ">" } else { " " };
                match history.get(place) {
                    Some((at, event)) => writeln!(f, "  {mark} {place:>6} {:>12.6} {event}", at.as_secs_f64())?,
                    None => writeln!(f, "  {mark} {place:>6} (it has ended)")?,
                }
            }
        }
        Ok(())
    }
}

/// Runs a schedule twice, recorded, each time on a thread of its own; yields where the two part, if they do.
///
/// They do when the system, or its observer, depends on what is no function of the seed: a static, an address, a thread, the environment.
///
/// # Panics
///
/// When `rehearse` does, and when it does not record as it is told to.
pub fn run_twice(rehearse: impl Fn(Recording) -> Report + Sync) -> Option<Parted> {
    let histories = [(); 2].map(|()| {
        let report = thread::scope(|scope| scope.spawn(|| rehearse(Recording::History)).join());
        let history = report.unwrap_or_else(|panic| resume_unwind(panic)).history;
        history.expect("a run that is compared is recorded: hand on the `Recording`")
    });
    first_difference(&histories[0], &histories[1]).map(|difference| Parted { histories, difference })
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
