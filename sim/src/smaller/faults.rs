//! Fewer and plainer faults. None of these steps makes a fault that [`Fault::check`] refuses of one that it accepts.

use std::time::Duration;

use super::pieces::{smaller_numbers, without_pieces};
use crate::plan::{Fault, FaultKind, Trigger};

/// Without some of the faults.
#[must_use]
pub fn fewer(faults: &[Fault]) -> Vec<Vec<Fault>> {
    without_pieces(faults)
}

/// `faults` with one of them changed in each of the ways that `change` has for it.
fn changed(faults: &[Fault], change: impl Fn(&Fault) -> Vec<Fault>) -> Vec<Vec<Fault>> {
    let mut all = Vec::new();
    for (index, fault) in faults.iter().enumerate() {
        for plainer in change(fault) {
            let mut faults = faults.to_vec();
            faults[index] = plainer;
            all.push(faults);
        }
    }
    all
}

/// Earlier operations to strike after, and the very beginning to strike at.
#[must_use]
pub fn at_a_time(faults: &[Fault]) -> Vec<Vec<Fault>> {
    changed(faults, |fault| match &fault.when {
        Trigger::At(at) if at.is_zero() => Vec::new(),
        Trigger::At(_) => vec![Fault { when: Trigger::At(Duration::ZERO), what: fault.what.clone() }],
        Trigger::After { node, operation, nth } => {
            let after = |nth| Trigger::After { node: node.clone(), operation: *operation, nth };
            smaller_numbers(*nth, 1)
                .into_iter()
                .map(|nth| Fault { when: after(nth), what: fault.what.clone() })
                .collect()
        }
    })
}

/// Shorter faults, by half at a time.
#[must_use]
pub fn shorter(faults: &[Fault]) -> Vec<Vec<Fault>> {
    changed(faults, |fault| {
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
#[must_use]
pub fn plainer_numbers(faults: &[Fault]) -> Vec<Vec<Fault>> {
    changed(faults, |fault| {
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
#[must_use]
pub fn rounder(faults: &[Fault]) -> Vec<Vec<Fault>> {
    changed(faults, |fault| {
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
