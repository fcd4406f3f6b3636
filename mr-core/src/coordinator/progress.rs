//! How far a job has come, for people: progress bars, the closing summary, a status page.

use super::Coordinator;
use crate::counters::Counters;

/// Which tasks are being given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Maps, for the first time or again because an output went bad.
    Map,
    /// Reduces.
    Reduce,
    /// None any more.
    Ended,
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobProgress {
    /// Which tasks are being given out.
    pub phase: Phase,
    /// How many map tasks there are; zero until the app, and with it what each map reads, is known.
    pub maps: usize,
    /// How many of them are committed.
    pub maps_committed: usize,
    /// How many reduce tasks there are.
    pub reduces: usize,
    /// How many of them are committed.
    pub reduces_committed: usize,
    /// How many attempts were given out.
    pub attempts: u64,
    /// How many of these were not the first of their task, nor backups.
    pub retries: u64,
    /// How many were backups.
    pub backups: u64,
    /// How many attempts failed, and map outputs went bad.
    pub failures: u64,
    /// How many workers are present.
    pub workers: usize,
    /// The sum over committed attempts.
    pub counters: Counters,
}

impl Coordinator {
    /// How far the job has come.
    #[must_use]
    pub fn progress(&self) -> JobProgress {
        let phase = match (&self.ending, self.app.is_some() && self.maps.all_committed()) {
            (Some(_), _) => Phase::Ended,
            (None, true) => Phase::Reduce,
            (None, false) => Phase::Map,
        };
        JobProgress {
            phase,
            maps: self.maps.len(),
            maps_committed: self.maps.committed(),
            reduces: self.reduces.len(),
            reduces_committed: self.reduces.committed(),
            attempts: self.attempts,
            retries: self.retries,
            backups: self.backups,
            failures: self.failures,
            workers: self.present_workers(),
            counters: self.counters,
        }
    }
}
