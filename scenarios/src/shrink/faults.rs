//! Fewer and plainer faults: the simulator's own steps, taken on the faults of a schedule.

use sim::{Fault, smaller};

use crate::schedule::Schedule;

/// `schedule` with each of the lists of faults that `step` makes of its own.
fn with(schedule: &Schedule, step: fn(&[Fault]) -> Vec<Vec<Fault>>) -> Vec<Schedule> {
    step(&schedule.faults).into_iter().map(|faults| Schedule { faults, ..schedule.clone() }).collect()
}

pub(super) fn fewer(schedule: &Schedule) -> Vec<Schedule> {
    with(schedule, smaller::fewer)
}

pub(super) fn at_a_time(schedule: &Schedule) -> Vec<Schedule> {
    with(schedule, smaller::at_a_time)
}

pub(super) fn shorter(schedule: &Schedule) -> Vec<Schedule> {
    with(schedule, smaller::shorter)
}

pub(super) fn plainer_numbers(schedule: &Schedule) -> Vec<Schedule> {
    with(schedule, smaller::plainer_numbers)
}

pub(super) fn rounder(schedule: &Schedule) -> Vec<Schedule> {
    with(schedule, smaller::rounder)
}
