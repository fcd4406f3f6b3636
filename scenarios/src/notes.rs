//! What the system under test puts into the history of a run, for the invariants and for whoever reads it.

use mr_core::coordinator::{Coordinator, Event, Observer};
use mr_core::counters::Counters;
use mr_core::protocol::Ending;
use sim::SimWorld;
use world::Timestamp;

/// Something happened in the coordinator. (That a worker was heard is left out: it happens all the time and changes no task.)
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Happened {
    /// When, by the coordinator's own clock.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// The job has ended, and this is what the coordinator counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counted(pub Counters);

/// The coordinator's program has returned, and this is how it says that the job ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CoordinatorLeft(pub Ending);

/// A worker starts: for the first time on its node, after a crash, or after it could not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkerStarts;

/// A worker is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ToldToStop;

/// A worker has returned: how it says that the job ended, or in which words it gave up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkerLeft(pub Result<Ending, String>);

/// Puts the coordinator's events into the history.
pub(crate) struct NoteTaker(pub(crate) SimWorld);

impl Observer for NoteTaker {
    fn observe(&mut self, now: Timestamp, event: &Event, coordinator: &Coordinator) {
        if matches!(event, Event::WorkerHeard { .. }) {
            return;
        }
        self.0.note(Happened { at: now, event: event.clone() });
        if matches!(event, Event::JobEnded { .. }) {
            self.0.note(Counted(coordinator.progress().counters));
        }
    }
}
