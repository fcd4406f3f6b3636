//! Shrinking: from a schedule that breaks a promise to the smallest one found that breaks the *same* promise.
//!
//! Each step takes something away or makes a value plainer and runs what is left. Because decisions are addressed and not drawn in
//! sequence, taking one fault out moves nothing else, and most steps succeed or fail for a reason. First go faults, then workers,
//! inputs and reduces, then whatever makes the rest less plain; then all over again, until nothing more can be taken away or the time is
//! up.

mod cluster;
mod faults;
mod pieces;
mod workload;

use std::thread;
use std::time::{Duration, Instant};

use sim::Recording;

use crate::campaign::Rehearse;
use crate::schedule::Schedule;

/// Makes the schedules that are a step smaller in one respect; the boldest first.
type Step = fn(&Schedule) -> Vec<Schedule>;

/// The steps, in the order in which they are tried.
const STEPS: [Step; 12] = [
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
    /// How many of them were smaller and broke the same promise.
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

/// Shrinks `schedule`, which breaks `promise`, for as long as `time` allows. `progress` is told of every step.
pub fn shrink(
    schedule: &Schedule,
    promise: &str,
    time: Duration,
    rehearse: Rehearse<'_>,
    mut progress: impl FnMut(Shrinking),
) -> Shrunk {
    let begun = Instant::now();
    let mut smallest = schedule.clone();
    let mut shrinking = Shrinking { tried: 0, accepted: 0, faults: schedule.faults.len() };
    loop {
        let accepted_before = shrinking.accepted;
        for step in STEPS {
            // A step that succeeds is tried again on what it has made.
            'again: loop {
                for candidate in step(&smallest) {
                    if begun.elapsed() >= time {
                        return Shrunk { schedule: smallest, shrinking, complete: false };
                    }
                    shrinking.tried += 1;
                    let broken = breaks(&candidate, promise, rehearse);
                    if broken {
                        smallest = candidate;
                        shrinking.accepted += 1;
                        shrinking.faults = smallest.faults.len();
                    }
                    progress(shrinking);
                    if broken {
                        continue 'again;
                    }
                }
                break;
            }
        }
        if shrinking.accepted == accepted_before {
            return Shrunk { schedule: smallest, shrinking, complete: true };
        }
    }
}

/// Whether `schedule` breaks `promise`. A candidate that the harness cannot run breaks nothing.
fn breaks(schedule: &Schedule, promise: &str, rehearse: Rehearse<'_>) -> bool {
    let rehearsal = thread::scope(|scope| scope.spawn(|| rehearse(schedule, Recording::Nothing)).join());
    rehearsal.is_ok_and(|rehearsal| rehearsal.broken.is_some_and(|broken| broken.promise == promise))
}

#[cfg(test)]
mod tests;
