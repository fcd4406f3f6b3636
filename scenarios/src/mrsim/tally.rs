//! What a campaign adds up to, scenario by scenario, whether it was run here or on several machines.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::exit::Ending;
use crate::campaign::Rehearsed;
use crate::coverage::Grid;

/// How many failures are told; of each scenario and promise at least one is.
const TOLD: usize = 10;

/// The row of the regressions.
pub(super) const REGRESSIONS: &str = "(regressions)";

/// What the schedules of one scenario add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) schedules: u64,
    pub(super) failed: u64,
    /// How many came to no end because their plans left nobody to finish them.
    pub(super) nobody_left: u64,
    pub(super) events: u64,
    pub(super) virtual_time: Duration,
    pub(super) faults: BTreeMap<&'static str, u64>,
    /// The run that took the most virtual time, and its seed.
    pub(super) slowest: Option<(Duration, u64)>,
    pub(super) coverage: Grid,
    pub(super) marks: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// One more schedule.
    pub(super) fn add(&mut self, rehearsed: &Rehearsed) {
        self.schedules += 1;
        self.failed += u64::from(!rehearsed.passed());
        self.nobody_left += u64::from(rehearsed.nobody_left);
        self.events += rehearsed.events;
        self.virtual_time += rehearsed.virtual_time;
        add_all(&mut self.faults, &rehearsed.faults);
        // The seed of a plan file finds nothing again.
        self.slower((!rehearsed.regression).then_some((rehearsed.virtual_time, rehearsed.seed)));
        self.coverage.join(&rehearsed.coverage);
        add_all(&mut self.marks, &rehearsed.marks);
    }

    /// Both together.
    pub(super) fn join(&mut self, other: &Self) {
        self.schedules += other.schedules;
        self.failed += other.failed;
        self.nobody_left += other.nobody_left;
        self.events += other.events;
        self.virtual_time += other.virtual_time;
        add_all(&mut self.faults, &other.faults);
        self.slower(other.slowest);
        self.coverage.join(&other.coverage);
        add_all(&mut self.marks, &other.marks);
    }

    /// Of two that took equally long the smaller seed is kept, whatever the order.
    fn slower(&mut self, other: Option<(Duration, u64)>) {
        let rank = |slowest: Option<(Duration, u64)>| slowest.map(|(time, seed)| (time, std::cmp::Reverse(seed)));
        if rank(other) > rank(self.slowest) {
            self.slowest = other;
        }
    }
}

fn add_all(sums: &mut BTreeMap<&'static str, u64>, more: &BTreeMap<&'static str, u64>) {
    for (kind, count) in more {
        *sums.entry(kind).or_default() += count;
    }
}

/// A failure, in a line or two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) seed: u64,
    pub(super) promise: String,
    pub(super) repeat: String,
}

/// What a campaign adds up to.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) tallies: BTreeMap<String, Tally>,
    /// The first failures, and the first of each scenario and promise.
    pub(super) told: Vec<Told>,
    seen: BTreeSet<(String, String)>,
    pub(super) ending: Ending,
}

impl Sums {
    /// One more schedule.
    pub(super) fn add(&mut self, rehearsed: &Rehearsed) {
        let row = if rehearsed.regression { REGRESSIONS } else { &rehearsed.name };
        if let Some(tally) = self.tallies.get_mut(row) {
            tally.add(rehearsed);
        } else {
            self.tallies.entry(row.to_owned()).or_default().add(rehearsed);
        }
    }

    /// One more failure. Says whether it is the first of its scenario and promise.
    pub(super) fn fail(&mut self, ending: Ending, told: Told) -> bool {
        self.ending = self.ending.max(ending);
        let first = self.seen.insert((told.name.clone(), told.promise.clone()));
        if first || self.told.len() < TOLD {
            self.told.push(told);
        }
        first
    }

    /// All scenarios together, and the regressions if they are wanted.
    pub(super) fn total(&self, regressions: bool) -> Tally {
        let mut total = Tally::default();
        let rows = self.tallies.iter().filter(|(name, _)| regressions || name.as_str() != REGRESSIONS);
        rows.for_each(|(_, tally)| total.join(tally));
        total
    }
}
