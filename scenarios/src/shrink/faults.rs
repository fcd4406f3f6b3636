//! Fewer and plainer faults.

use std::time::Duration;

use sim::{Fault, FaultKind, Trigger};

use super::pieces::{smaller, without_pieces};
use crate::schedule::Schedule;

/// Without some of the faults.
pub(super) fn fewer(schedule: &Schedule) -> Vec<Schedule> {
    without_pieces(&schedule.faults).into_iter().map(|faults| Schedule { faults, ..schedule.clone() }).collect()
}

/// `schedule` with one fault changed in each of the ways that `change` has for it.
fn changed(schedule: &Schedule, change: impl Fn(&Fault) -> Vec<Fault>) -> Vec<Schedule> {
    let mut all = Vec::new();
    for (index, fault) in schedule.faults.iter().enumerate() {
        for plainer in change(fault) {
            let mut schedule = schedule.clone();
            schedule.faults[index] = plainer;
            all.push(schedule);
        }
    }
    all
}

/// Earlier operations to strike after, and the very beginning to strike at.
pub(super) fn at_a_time(schedule: &Schedule) -> Vec<Schedule> {
    changed(schedule, |fault| match &fault.when {
        Trigger::At(at) if at.is_zero() => Vec::new(),
        Trigger::At(_) => vec![Fault { when: Trigger::At(Duration::ZERO), what: fault.what.clone() }],
        Trigger::After { node, operation, nth } => {
            let after = |nth| Trigger::After { node: node.clone(), operation: *operation, nth };
            smaller(*nth, 1).into_iter().map(|nth| Fault { when: after(nth), what: fault.what.clone() }).collect()
        }
    })
}

/// Shorter faults, by half at a time.
pub(super) fn shorter(schedule: &Schedule) -> Vec<Schedule> {
    changed(schedule, |fault| {
        let mut half = fault.clone();
        let mut any = false;
        for duration in durations(&mut half.what) {
            if *duration > Duration::from_millis(1) {
                *duration = milliseconds(*duration / 2);
                any = true;
            }
        }
        if any { vec![half] } else { Vec::new() }
    })
}

/// Smaller factors and counts, certain chances.
pub(super) fn plainer_numbers(schedule: &Schedule) -> Vec<Schedule> {
    changed(schedule, |fault| {
        let mut plain = fault.clone();
        match &mut plain.what {
            FaultKind::Lossy { requests, replies, .. } => {
                *requests = requests.ceil();
                *replies = replies.ceil();
            }
            FaultKind::Duplicating { probability, .. } => *probability = probability.ceil(),
            FaultKind::DiskError { count: Some(count), .. }
            | FaultKind::ShortWrite { count, .. }
            | FaultKind::TornWrite { count, .. } => *count = 1,
            FaultKind::SlowDisk { factor, .. } | FaultKind::SlowCompute { factor, .. } => {
                *factor = (*factor / 2.0).round().max(1.0);
            }
            FaultKind::ClockDrift { parts_per_million, .. } => *parts_per_million /= 2,
            FaultKind::Partition { both_ways, .. } => *both_ways = true,
            _ => {}
        }
        if plain == *fault { Vec::new() } else { vec![plain] }
    })
}

/// Whole milliseconds.
pub(super) fn rounder(schedule: &Schedule) -> Vec<Schedule> {
    changed(schedule, |fault| {
        let mut round = fault.clone();
        if let Trigger::At(at) = &mut round.when {
            *at = milliseconds(*at);
        }
        durations(&mut round.what).into_iter().for_each(|duration| *duration = milliseconds(*duration));
        if round == *fault { Vec::new() } else { vec![round] }
    })
}

/// `duration` without what is less than a millisecond, unless nothing else is left.
fn milliseconds(duration: Duration) -> Duration {
    let whole = duration.as_millis() as u64;
    if whole == 0 { duration } else { Duration::from_millis(whole) }
}

/// All durations in a fault.
fn durations(what: &mut FaultKind) -> Vec<&mut Duration> {
    match what {
        FaultKind::Crash { restart_after, .. } | FaultKind::PowerLoss { restart_after, .. } => {
            restart_after.iter_mut().collect()
        }
        FaultKind::Delaying { extra, duration, .. } => vec![extra, duration],
        FaultKind::ClockJump { forward, .. } => vec![forward],
        FaultKind::Pause { duration, .. }
        | FaultKind::Partition { duration, .. }
        | FaultKind::Lossy { duration, .. }
        | FaultKind::Duplicating { duration, .. }
        | FaultKind::DiskError { duration, .. }
        | FaultKind::SlowDisk { duration, .. }
        | FaultKind::ShortWrite { duration, .. }
        | FaultKind::TornWrite { duration, .. }
        | FaultKind::BitRot { duration, .. }
        | FaultKind::ClockDrift { duration, .. }
        | FaultKind::SlowCompute { duration, .. } => vec![duration],
    }
}
