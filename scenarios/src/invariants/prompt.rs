//! A task that can be given out is given at once to a worker that waits for one: nobody polls, and nobody sleeps while there is work.
//! (`mr-core/src/coordinator/serve.rs`; the lab's loop of sleeping and asking is what this does better.)
//!
//! A task can be given out when nobody runs it, or when it has become overdue; a reduce, when all maps are committed as well. A worker
//! waits from the last moment at which the coordinator gave it something or saw an attempt of it end. Nothing is promised of a node
//! that a fault has struck, while the coordinator itself was struck, or of a worker whose attempt was overtaken, which may be busy
//! with it for as long as it likes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, TaskId, WorkerId};
use sim::{DiskView, Event, Fault};
use world::Timestamp;

use super::{Invariant, Verdict, happened};
use crate::notes::Happened;
use crate::rehearsal::COORDINATOR;
use crate::schedule::Schedule;

/// What can be given out since when, and who waits since when; by the coordinator's clock.
pub(super) struct Prompt {
    faults: Vec<Fault>,
    timeout: Duration,
    /// A question or two on their way, and a directory made.
    allowance: Duration,
    maps: usize,
    committed_maps: BTreeSet<TaskId>,
    all_committed_since: Timestamp,
    running: BTreeMap<AttemptId, (WorkerId, Timestamp)>,
    /// When an attempt of a task ended last.
    ended_at: BTreeMap<TaskId, Timestamp>,
    free_since: BTreeMap<WorkerId, Timestamp>,
    node_of: BTreeMap<WorkerId, String>,
    /// Workers of whom nothing is promised any more.
    excused: BTreeSet<WorkerId>,
    struck: BTreeSet<String>,
    everybody_struck: bool,
}

impl Prompt {
    pub(super) fn new(schedule: &Schedule) -> Self {
        let models = &schedule.models;
        Self {
            faults: schedule.faults.clone(),
            timeout: schedule.cluster.task_timeout,
            allowance: models.network.latency.max * 4 + models.disk.latency.max * 10,
            maps: schedule.workload.maps(&schedule.cluster),
            committed_maps: BTreeSet::new(),
            all_committed_since: Timestamp::default(),
            running: BTreeMap::new(),
            ended_at: BTreeMap::new(),
            free_since: BTreeMap::new(),
            node_of: BTreeMap::new(),
            excused: BTreeSet::new(),
            struck: BTreeSet::new(),
            everybody_struck: false,
        }
    }

    fn strike(&mut self, fault: usize) {
        let Some(fault) = self.faults.get(fault) else { return };
        let mut nodes = fault.what.nodes().peekable();
        self.everybody_struck |= nodes.peek().is_none();
        for node in nodes {
            self.everybody_struck |= node == COORDINATOR;
            self.struck.insert(node.to_owned());
        }
    }

    /// Since when `task` could have been given out.
    fn available_since(&self, task: TaskId) -> Timestamp {
        let attempts = self.running.iter().filter(|(attempt, _)| attempt.task == task);
        let overdue = attempts.map(|(_, (_, last_progress))| *last_progress + self.timeout).max();
        let ended = self.ended_at.get(&task).copied().unwrap_or_default();
        // An attempt that ends may have kept the task although another one was overdue already.
        let since = ended.max(overdue.unwrap_or_default());
        match task {
            TaskId::Map(_) => since,
            TaskId::Reduce(_) => since.max(self.all_committed_since),
        }
    }

    fn assign(&mut self, now: Timestamp, attempt: AttemptId, worker: WorkerId) -> Verdict {
        let waits_since = self.free_since.insert(worker, now).unwrap_or(now);
        let could = self.available_since(attempt.task).max(waits_since);
        self.running.insert(attempt, (worker, now));
        let struck = self.node_of.get(&worker).is_none_or(|node| self.struck.contains(node));
        let waited = now.since(could);
        if self.everybody_struck || struck || self.excused.contains(&worker) || waited <= self.allowance {
            return Ok(());
        }
        Err(format!(
            "worker {} waited {:.3} s for {attempt}, which could have been given to it at once",
            worker.0,
            waited.as_secs_f64()
        ))
    }

    /// An attempt has ended as its worker reported.
    fn end(&mut self, now: Timestamp, attempt: AttemptId) {
        if let Some((worker, _)) = self.running.remove(&attempt) {
            self.free_since.insert(worker, now);
        }
        self.ended_at.insert(attempt.task, now);
    }

    fn commit(&mut self, now: Timestamp, attempt: AttemptId) {
        self.end(now, attempt);
        let overtaken = self.running.extract_if(.., |other, _| other.task == attempt.task);
        self.excused.extend(overtaken.map(|(_, (worker, _))| worker));
        if matches!(attempt.task, TaskId::Map(_)) {
            self.committed_maps.insert(attempt.task);
            if self.committed_maps.len() == self.maps {
                self.all_committed_since = now;
            }
        }
    }

    fn leave(&mut self, now: Timestamp, worker: WorkerId) {
        let left: Vec<AttemptId> =
            self.running.iter().filter(|(_, (whose, _))| *whose == worker).map(|(attempt, _)| *attempt).collect();
        left.into_iter().for_each(|attempt| self.end(now, attempt));
    }
}

impl Invariant for Prompt {
    fn name(&self) -> &'static str {
        "prompt"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        if let Event::FaultStruck { fault, .. } = event {
            self.strike(*fault);
        }
        let Some(Happened { at, event }) = happened(event) else { return Ok(()) };
        match event {
            coordinator::Event::WorkerRegistered { worker, name, .. } => {
                self.free_since.insert(*worker, *at);
                self.node_of.insert(*worker, name.clone());
            }
            coordinator::Event::AttemptAssigned { attempt, worker, .. } => return self.assign(*at, *attempt, *worker),
            coordinator::Event::AttemptProgressed { attempt, .. } => {
                if let Some((_, last_progress)) = self.running.get_mut(attempt) {
                    *last_progress = *at;
                }
            }
            coordinator::Event::AttemptCommitted { attempt, .. } => self.commit(*at, *attempt),
            coordinator::Event::AttemptFailed { attempt, .. } | coordinator::Event::AttemptStranded { attempt, .. } => {
                self.end(*at, *attempt);
            }
            coordinator::Event::MapOutputLost { map, .. } => {
                self.committed_maps.remove(&TaskId::Map(map.map));
                self.ended_at.insert(TaskId::Map(map.map), *at);
            }
            coordinator::Event::WorkerLeft { worker } => self.leave(*at, *worker),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim::{FaultKind, StillDisk, Trigger};

    use super::*;
    use crate::invariants::testing::{assigned, committed, happened, map, reduce, registered, schedule, watch};

    /// Two maps, a timeout of a second, and a fault 0 that hits w2; w1 and w2 are there from the start.
    fn check(history: Vec<Event>) -> Verdict {
        let mut schedule = schedule();
        let what = FaultKind::Pause { node: "w2".into(), duration: Duration::ZERO };
        schedule.faults = vec![Fault { when: Trigger::At(Duration::ZERO), what }];
        let start = vec![registered(1, "w1"), registered(2, "w2")];
        watch(&mut Prompt::new(&schedule), &StillDisk::default(), [start, history].concat())
    }

    fn committed_at(millis: u64, attempt: AttemptId, worker: u32) -> Event {
        let (worker, counters) = (WorkerId(worker), Default::default());
        happened(millis, coordinator::Event::AttemptCommitted { attempt, worker, counters })
    }

    fn failed_at(millis: u64, attempt: AttemptId, worker: u32) -> Event {
        let (worker, reason) = (WorkerId(worker), "tripped".to_owned());
        happened(millis, coordinator::Event::AttemptFailed { attempt, worker, reason })
    }

    #[test]
    fn a_worker_that_waits_is_given_what_turns_up() {
        let maps = || vec![assigned(1, map(0, 1), 1), assigned(1, map(1, 1), 2), committed_at(500, map(0, 1), 1)];
        let reduces = |at| vec![committed_at(900, map(1, 1), 2), assigned(at, reduce(0, 1), 1)];
        assert_eq!(check([maps(), reduces(910)].concat()), Ok(()));
        let broken = check([maps(), reduces(1900)].concat()).unwrap_err();
        assert_eq!(
            broken,
            "worker 1 waited 1.000 s for reduce 0, attempt 1, which could have been given to it at once"
        );
    }

    #[test]
    fn a_worker_that_waits_is_given_what_becomes_overdue() {
        let start = || vec![assigned(1, map(0, 1), 2), assigned(1, map(1, 1), 1), committed_at(200, map(1, 1), 1)];
        assert_eq!(check([start(), vec![assigned(1005, map(0, 2), 1)]].concat()), Ok(()));
        assert!(check([start(), vec![assigned(1500, map(0, 2), 1)]].concat()).is_err());
    }

    #[test]
    fn a_task_is_not_there_to_be_given_while_a_second_attempt_runs_beside_an_overdue_one() {
        let maps = vec![assigned(1, map(0, 1), 1), assigned(1, map(1, 1), 2), committed_at(5, map(0, 1), 1)];
        let beside = vec![assigned(1001, map(1, 2), 2), failed_at(3000, map(1, 2), 2), assigned(3000, map(1, 3), 1)];
        assert_eq!(check([maps, beside].concat()), Ok(()));
    }

    #[test]
    fn nothing_is_promised_of_who_was_struck_or_overtaken() {
        let struck = Event::FaultStruck { fault: 0, kind: "pause" };
        assert_eq!(check(vec![struck, assigned(1, map(0, 1), 1), assigned(2000, map(1, 1), 2)]), Ok(()));
        let overtaken = vec![
            assigned(1, map(0, 1), 1),
            assigned(1, map(1, 1), 2),
            committed_at(900, map(1, 1), 2),
            assigned(1001, map(0, 2), 2),
            committed(map(0, 2)),
            assigned(5000, reduce(0, 1), 1),
        ];
        assert_eq!(check(overtaken), Ok(()));
    }
}
