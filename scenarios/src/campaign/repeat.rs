//! The same schedule once more: does it run the same way, event for event?

use std::fmt::Write;
use std::thread;

use sim::{History, Recording, first_difference};

use super::Rehearse;
use crate::rehearsal::Rehearsal;
use crate::schedule::Schedule;

/// Runs `schedule` again and compares it with `first`. On a difference it is run twice more with its history kept; the text shows
/// the first event that differs in these, with its neighbours from both.
#[must_use]
pub fn check_determinism(schedule: &Schedule, first: &Rehearsal, rehearse: Rehearse<'_>) -> Option<String> {
    let again = alone(schedule, Recording::Nothing, rehearse);
    if again.report.history_hash == first.report.history_hash {
        return None;
    }
    let [one, other] =
        [(); 2].map(|()| alone(schedule, Recording::History, rehearse).report.history.unwrap_or_default());
    Some(first_difference(&one, &other).map_or_else(
        || {
            format!(
                "two runs differed ({} and {} events), but two more did not: what differs is rare",
                first.report.events, again.report.events
            )
        },
        |difference| {
            let mut text = format!("two runs differ from event {} on:\n", difference.index);
            for (title, history) in [("one run", &one), ("the other", &other)] {
                let _ = writeln!(text, "  {title}:");
                show(&mut text, history, difference.index, difference.neighbours.clone());
            }
            text
        },
    ))
}

/// A run has a thread to itself.
fn alone(schedule: &Schedule, recording: Recording, rehearse: Rehearse<'_>) -> Rehearsal {
    thread::scope(|scope| scope.spawn(|| rehearse(schedule, recording)).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn show(text: &mut String, history: &History, index: usize, neighbours: std::ops::Range<usize>) {
    for place in neighbours {
        let mark = if place == index { ">" } else { " " };
        let _ = match history.get(place) {
            Some((at, event)) => writeln!(text, "  {mark} {place:>6} {:>12.6} {event}", at.as_secs_f64()),
            None => writeln!(text, "  {mark} {place:>6} (it has ended)"),
        };
    }
}
