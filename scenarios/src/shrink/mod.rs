//! Shrinking: from a schedule that breaks a promise to the smallest one found that breaks the *same* promise in the same way.
//!
//! Each step takes something away or makes a value plainer and runs what is left. Because decisions are addressed and not drawn in
//! sequence, taking one fault out moves nothing else, and most steps succeed or fail for a reason. First go faults, then workers,
//! inputs and reduces, then whatever makes the rest less plain; then all over again, until nothing more can be taken away or the time is
//! up.
//!
//! The same promise can be broken in ways that have nothing to do with each other: a job that goes in circles does not end, and one that
//! waits does not either. So the run must also end the same way: out of time, out of events, spinning, or in the same panic, of whichever node.
//! (A job that hangs because nothing is left of its workers breaks no promise, so that the last one alive is not taken away.)

mod cluster;
mod faults;
mod workload;

use std::mem::{Discriminant, discriminant};
use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use sim::smaller::{Step, step_by_step};
use sim::{Finished, Recording};

use crate::campaign::Rehearse;
use crate::schedule::Schedule;

/// The steps, in the order in which they are tried.
const STEPS: [Step<Schedule>; 12] = [
    faults::fewer,
    cluster::fewer_workers,
    workload::fewer_inputs,
    workload::fewer_reduces,
    workload::plainer,
    cluster::plainer,
    cluster::plainer_models,
    workload::less_text,
    faults::at_a_time,
    faults::shorter,
    faults::plainer_numbers,
    faults::rounder,
];

/// How far shrinking has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shrinking {
    /// How many schedules were tried.
    pub tried: u64,
    /// How many of them were smaller and failed the same way.
    pub accepted: u64,
    /// How many faults are left.
    pub faults: usize,
}

/// The smallest schedule found.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunk {
    /// The schedule.
    pub schedule: Schedule,
    /// What it took.
    pub shrinking: Shrinking,
    /// Whether nothing more can be taken away, as far as the steps go; otherwise the time was up.
    pub complete: bool,
}

/// Shrinks `schedule`, which breaks `promise`, for as long as `time` allows. `progress` is told of every step, and may say that it is enough.
pub fn shrink(
    schedule: &Schedule,
    promise: &str,
    time: Duration,
    rehearse: Rehearse<'_>,
    mut progress: impl FnMut(Shrinking) -> ControlFlow<()>,
) -> Shrunk {
    let begun = Instant::now();
    let original = failure_of(schedule, rehearse);
    let same = |failing: &Failing| {
        failing.promise == promise && original.as_ref().is_none_or(|original| failing.is_like(original))
    };
    let mut shrinking = Shrinking { tried: 0, accepted: 0, faults: schedule.faults.len() };
    let mut enough = false;
    let fails = |candidate: &Schedule| {
        if enough || begun.elapsed() >= time {
            return ControlFlow::Break(());
        }
        let same = failure_of(candidate, rehearse).is_some_and(|failing| same(&failing));
        shrinking.tried += 1;
        if same {
            shrinking.accepted += 1;
            shrinking.faults = candidate.faults.len();
        }
        enough = progress(shrinking).is_break();
        ControlFlow::Continue(same)
    };
    let (schedule, complete) = step_by_step(schedule.clone(), &STEPS, fails);
    Shrunk { schedule, shrinking, complete }
}

/// How a schedule fails.
struct Failing {
    /// The promise that it breaks.
    promise: &'static str,
    /// Out of what the run came to its end.
    ended: Discriminant<Finished>,
    /// The words of the panic that it ended in.
    panic: Option<String>,
}

impl Failing {
    /// Whether it shows what `original` shows, with the promise left aside.
    fn is_like(&self, original: &Self) -> bool {
        self.ended == original.ended && self.panic == original.panic
    }
}

/// How `schedule` fails, if it does. One that the harness cannot run breaks nothing.
fn failure_of(schedule: &Schedule, rehearse: Rehearse<'_>) -> Option<Failing> {
    let rehearsal = thread::scope(|scope| scope.spawn(|| rehearse(schedule, Recording::Nothing)).join()).ok()?;
    let broken = rehearsal.broken?;
    let finished = &rehearsal.report.finished;
    let panic = match finished {
        Finished::Panicked { message, .. } => Some(without_numbers(message)),
        _ => None,
    };
    Some(Failing { promise: broken.promise, ended: discriminant(finished), panic })
}

/// Lengths, indices and names of workers are others in a smaller schedule, though the panic is the same.
fn without_numbers(message: &str) -> String {
    message.replace(|letter: char| letter.is_ascii_digit(), "")
}

#[cfg(test)]
mod tests;
