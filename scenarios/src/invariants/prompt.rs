//! A task that can be given out is given at once to a worker that waits for one: nobody polls, and nobody sleeps while there is work.
//! (`mr-core/src/coordinator/serve.rs`; the lab's loop of sleeping and asking is what this does better.)
//!
//! A task can be given out when nobody runs it, or when it has become overdue; a reduce, when all maps are committed as well. That a
//! straggler gets its backup at once is for `backup_tasks` to judge. Of whom it is promised stands in `idle_workers`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, TaskId, WorkerId};
use sim::{DiskView, Event};
use world::Timestamp;

use super::idle_workers::IdleWorkers;
use super::{Invariant, Verdict, happened};
use crate::notes::Happened;
use crate::schedule::Schedule;

/// What can be given out since when, by the coordinator's clock.
pub(super) struct Prompt {
    timeout: Duration,
    allowance: Duration,
    maps: usize,
    committed_maps: BTreeSet<TaskId>,
    all_committed_since: Timestamp,
    /// When an attempt of a task ended last.
    ended_at: BTreeMap<TaskId, Timestamp>,
    workers: IdleWorkers,
}

impl Prompt {
    pub(super) fn new(schedule: &Schedule) -> Self {
        Self {
            timeout: schedule.cluster.task_timeout,
            allowance: IdleWorkers::allowance(schedule),
            maps: schedule.workload.maps(&schedule.cluster),
            committed_maps: BTreeSet::new(),
            all_committed_since: Timestamp::default(),
            ended_at: BTreeMap::new(),
            workers: IdleWorkers::new(schedule),
        }
    }

    /// Since when `task` could have been given out.
    fn available_since(&self, task: TaskId) -> Timestamp {
        let overdue = self.workers.running_at(task).map(|(_, running)| running.last_progress + self.timeout).max();
        let ended = self.ended_at.get(&task).copied().unwrap_or_default();
        // An attempt that ends may have kept the task although another one was overdue already.
        let since = ended.max(overdue.unwrap_or_default());
        match task {
            TaskId::Map(_) => since,
            TaskId::Reduce(_) => since.max(self.all_committed_since),
        }
    }

    fn assign(&self, now: Timestamp, attempt: AttemptId, worker: WorkerId) -> Verdict {
        let Some(waits_since) = self.workers.waits_since(worker) else { return Ok(()) };
        let turned_away = self.workers.turned_away_until(attempt.task, worker);
        let waited = now.since(self.available_since(attempt.task).max(waits_since).max(turned_away));
        if waited <= self.allowance {
            return Ok(());
        }
        Err(format!(
            "worker {} waited {:.3} s for {attempt}, which could have been given to it at once",
            worker.0,
            waited.as_secs_f64()
        ))
    }

    fn commit(&mut self, now: Timestamp, task: TaskId) {
        self.ended_at.insert(task, now);
        if matches!(task, TaskId::Map(_)) {
            self.committed_maps.insert(task);
            if self.committed_maps.len() == self.maps {
                self.all_committed_since = now;
            }
        }
    }

    fn leave(&mut self, now: Timestamp, worker: WorkerId) {
        let left = self.workers.running().filter(|(_, running)| running.worker == worker);
        self.ended_at.extend(left.map(|(attempt, _)| (attempt.task, now)));
    }
}

impl Invariant for Prompt {
    fn name(&self) -> &'static str {
        "prompt"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        self.workers.see(event);
        let Some(Happened { at, event }) = happened(event) else { return Ok(()) };
        match event {
            coordinator::Event::AttemptAssigned { attempt, worker, .. } => self.assign(*at, *attempt, *worker)?,
            coordinator::Event::AttemptCommitted { attempt, .. } => self.commit(*at, attempt.task),
            coordinator::Event::AttemptFailed { attempt, .. } | coordinator::Event::AttemptStranded { attempt, .. } => {
                self.ended_at.insert(attempt.task, *at);
            }
            coordinator::Event::MapOutputLost { map, .. } => {
                self.committed_maps.remove(&TaskId::Map(map.map));
                self.ended_at.insert(TaskId::Map(map.map), *at);
            }
            coordinator::Event::WorkerLeft { worker } => self.leave(*at, *worker),
            _ => {}
        }
        self.workers.apply(*at, event);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim::{Fault, FaultKind, StillDisk, Trigger};

    use super::*;
    use crate::invariants::testing::{
        assigned, committed, committed_at, happened, map, reduce, registered, schedule, watch,
    };

    /// Two maps, a timeout of a second, and a fault 0 that hits w2; w1 and w2 are there from the start.
    fn check(history: Vec<Event>) -> Verdict {
        let mut schedule = schedule();
        let what = FaultKind::Pause { node: "w2".into(), duration: Duration::ZERO };
        schedule.faults = vec![Fault { when: Trigger::At(Duration::ZERO), what }];
        let start = vec![registered(1, "w1"), registered(2, "w2")];
        watch(&mut Prompt::new(&schedule), &StillDisk::default(), [start, history].concat())
    }

    #[test]
    fn what_a_worker_has_failed_at_may_be_left_to_others_for_the_timeout() {
        let maps = [assigned(1, map(0, 1), 1), assigned(1, map(1, 1), 2), failed_at(100, map(0, 1), 1)];
        let again = |millis| check([&maps[..], &[assigned(millis, map(0, 2), 1)]].concat());
        assert_eq!(again(1105), Ok(()));
        assert!(again(2000).is_err());
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
