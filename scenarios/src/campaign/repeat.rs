//! The same schedule once more: does it run the same way, event for event?

use std::thread;

use sim::{Recording, run_twice};

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
    let parted = run_twice(|recording| rehearse(schedule, recording).report);
    Some(parted.map_or_else(
        || {
            format!(
                "two runs differed ({} and {} events), but two more did not: what differs is rare",
                first.report.events, again.report.events
            )
        },
        |parted| parted.to_string(),
    ))
}

/// A run has a thread to itself.
fn alone(schedule: &Schedule, recording: Recording, rehearse: Rehearse<'_>) -> Rehearsal {
    thread::scope(|scope| scope.spawn(|| rehearse(schedule, recording)).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
