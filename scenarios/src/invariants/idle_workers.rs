//! Who waits for something to do, since when, and of whom that is promised to be short: what `prompt` and `backup_tasks` both have to know.
//!
//! A worker waits from the last moment at which the coordinator gave it something or saw an attempt of it end. Nothing is promised of a
//! node that a fault has struck, nor of any once the coordinator itself was struck, nor of a worker whose attempt was overtaken, which may be busy
//! with it for as long as it likes. What a worker has had trouble with it may have to wait for until the task timeout is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, TaskId, WorkerId};
use sim::Event;
use world::Timestamp;

use super::left_to_others::trouble;
use super::struck::Struck;
use crate::schedule::Schedule;

/// An attempt that runs, as far as the coordinator knows.
pub(super) struct Running {
    pub(super) worker: WorkerId,
    pub(super) since: Timestamp,
    pub(super) last_progress: Timestamp,
}

/// Who runs what, and who waits; by the coordinator's clock.
pub(super) struct IdleWorkers {
    struck: Struck,
    running: BTreeMap<AttemptId, Running>,
    free_since: BTreeMap<WorkerId, Timestamp>,
    timeout: Duration,
    /// Who has had trouble with what, and when last.
    troubles: BTreeMap<(TaskId, WorkerId), Timestamp>,
    node_of: BTreeMap<WorkerId, String>,
    /// Workers that the coordinator believes to be there.
    present: BTreeSet<WorkerId>,
    /// Workers of whom nothing is promised any more.
    excused: BTreeSet<WorkerId>,
}

impl IdleWorkers {
    pub(super) fn new(schedule: &Schedule) -> Self {
        Self {
            struck: Struck::new(schedule),
            running: BTreeMap::new(),
            free_since: BTreeMap::new(),
            timeout: schedule.cluster.task_timeout,
            troubles: BTreeMap::new(),
            node_of: BTreeMap::new(),
            present: BTreeSet::new(),
            excused: BTreeSet::new(),
        }
    }

    /// How long a worker may wait for what is there: a question or two on their way, and a directory made.
    pub(super) fn allowance(schedule: &Schedule) -> Duration {
        schedule.models.network.latency.max * 4 + schedule.models.disk.latency.max * 10
    }

    /// A fault strikes, if that is what `event` is.
    pub(super) fn see(&mut self, event: &Event) {
        self.struck.see(event);
    }

    /// The coordinator decided something.
    pub(super) fn apply(&mut self, now: Timestamp, event: &coordinator::Event) {
        use coordinator::Event as E;
        if let Some(trouble) = trouble(event) {
            self.troubles.insert(trouble, now);
        }
        match event {
            E::WorkerRegistered { worker, name, .. } => {
                self.free_since.insert(*worker, now);
                self.node_of.insert(*worker, name.clone());
                self.present.insert(*worker);
            }
            // That it was heard again is no note; that it was given something is.
            E::WorkerLost { worker } => {
                self.present.remove(worker);
            }
            E::WorkerLeft { worker } => {
                self.present.remove(worker);
                self.running.retain(|_, running| running.worker != *worker);
            }
            E::AttemptAssigned { attempt, worker, .. } => {
                self.present.insert(*worker);
                self.free_since.insert(*worker, now);
                self.running.insert(*attempt, Running { worker: *worker, since: now, last_progress: now });
            }
            E::AttemptProgressed { attempt, .. } => {
                if let Some(running) = self.running.get_mut(attempt) {
                    running.last_progress = now;
                }
            }
            E::AttemptFailed { attempt, .. } | E::AttemptStranded { attempt, .. } => self.end(now, *attempt),
            E::AttemptCommitted { attempt, .. } => {
                self.end(now, *attempt);
                let overtaken = self.running.extract_if(.., |other, _| other.task == attempt.task);
                self.excused.extend(overtaken.map(|(_, running)| running.worker));
            }
            _ => {}
        }
    }

    /// An attempt has ended as its worker reported.
    fn end(&mut self, now: Timestamp, attempt: AttemptId) {
        if let Some(running) = self.running.remove(&attempt) {
            self.free_since.insert(running.worker, now);
        }
    }

    /// All attempts that run.
    pub(super) fn running(&self) -> impl Iterator<Item = (AttemptId, &Running)> {
        self.running.iter().map(|(attempt, running)| (*attempt, running))
    }

    /// The attempts that run at `task`.
    pub(super) fn running_at(&self, task: TaskId) -> impl Iterator<Item = (AttemptId, &Running)> {
        self.running().filter(move |(attempt, _)| attempt.task == task)
    }

    /// Until when `task` may be left to others, because `worker` has had trouble with it.
    pub(super) fn turned_away_until(&self, task: TaskId, worker: WorkerId) -> Timestamp {
        self.troubles.get(&(task, worker)).map_or(Timestamp::default(), |since| *since + self.timeout)
    }

    /// Since when `worker` has waited; not at all, if nothing is promised of it.
    pub(super) fn waits_since(&self, worker: WorkerId) -> Option<Timestamp> {
        let struck = self.node_of.get(&worker).is_none_or(|node| self.struck.has(node));
        let promised = !struck && !self.excused.contains(&worker);
        self.free_since.get(&worker).copied().filter(|_| promised)
    }

    /// The workers that are there and run nothing, and since when they have waited, as far as that is promised to be short.
    pub(super) fn idle(&self) -> impl Iterator<Item = (WorkerId, Timestamp)> {
        let busy = |worker: WorkerId| self.running.values().any(|running| running.worker == worker);
        let there = self.present.iter().copied().filter(move |&worker| !busy(worker));
        there.filter_map(|worker| Some((worker, self.waits_since(worker)?)))
    }
}
