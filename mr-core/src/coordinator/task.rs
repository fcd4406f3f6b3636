//! One task: the attempts that run at it, who has had trouble with it, and which attempt counts.

use std::collections::BTreeMap;
use std::time::Duration;

use world::Timestamp;

use crate::counters::Counters;
use crate::ids::{Attempt, WorkerId};

/// An attempt that was given out and has not come to an end that the coordinator knows of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) worker: WorkerId,
    /// When it was given out.
    pub(super) since: Timestamp,
    pub(super) ticks: u64,
    pub(super) last_progress: Timestamp,
    /// How many map commits there were when it was given out: what a reduce reads, however often it is told.
    pub(super) map_commits: u64,
}

/// The attempt at a task that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) attempt: Attempt,
    pub(super) by: WorkerId,
}

/// One task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) running: BTreeMap<Attempt, Running>,
    /// How many attempts were ever given out; the highest attempt number.
    pub(super) assigned: u32,
    pub(super) failures: u32,
    /// Who had better leave it to others, and since when: who has failed at it, was stranded in it, or made what nobody could read.
    pub(super) failed_by: BTreeMap<WorkerId, Timestamp>,
    /// Who could not read what was made of it, so that it had to be made again, and since when.
    pub(super) blamed_by: BTreeMap<WorkerId, Timestamp>,
    /// The attempt that counts.
    pub(super) committed: Option<Committed>,
    /// What the last attempt that counted has counted. It stays in the sum when its output is lost: whoever read it counts on it, and
    /// when the last reduce is committed nobody does the map again.
    pub(super) counted: Counters,
    /// Every attempt that was told it may commit, in order; the last one holds the permission, as long as it runs.
    pub(super) granted: Vec<Attempt>,
}

impl Task {
    /// When every attempt at it will have gone without a sign of progress for `timeout`, if none comes; none when nobody works at it.
    pub(super) fn deadline(&self, timeout: Duration) -> Option<Timestamp> {
        self.running.values().map(|running| running.last_progress + timeout).max()
    }

    /// How much company the attempt has that has shown progress last.
    pub(super) fn company(&self, timeout: Duration) -> Option<Company> {
        let (last, latest) = self.running.iter().max_by_key(|(_, running)| running.last_progress)?;
        let others = self.running.iter().filter(|(attempt, _)| *attempt != last);
        let overdue = others.map(|(_, running)| running.last_progress + timeout).max();
        Some(match overdue {
            Some(until) if until > latest.since => Company::Accompanied { until, since: latest.since },
            _ => Company::Alone { since: latest.since },
        })
    }
}

/// Whether an attempt has company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// It runs since then, alone, or beside those that were overdue already when it began.
    Alone { since: Timestamp },
    /// It runs since then, and unless they show progress its companions are overdue at that time.
    Accompanied { until: Timestamp, since: Timestamp },
}
