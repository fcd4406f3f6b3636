//! A task is not given out again while an attempt of it runs and is in time: another attempt starts only when every running one has
//! shown no progress for the task timeout. Attempt numbers are never used twice, and permission to commit goes to none while any other that
//! was given it is in time; who was given it last may be told again. (MapReduce paper, section 3.3; lab 1: wait ten seconds, then give
//! the task to another.)
//!
//! A backup beside an attempt in time is for `backup_tasks` to judge. Time is the coordinator's own, which may leap. Whether the coordinator
//! is right to believe that an attempt shows no progress is for `work_done_once` to say, in runs in which it has no excuse.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, TaskId, WorkerId};
use sim::{DiskView, Event};
use world::Timestamp;

use super::{Invariant, Verdict, happened};

struct Running {
    worker: WorkerId,
    last_progress: Timestamp,
}

/// The attempts that run, naively kept.
pub(super) struct NotReissuedInTime {
    timeout: Duration,
    running: BTreeMap<AttemptId, Running>,
    highest: BTreeMap<TaskId, u32>,
    /// All that were told to commit.
    granted: BTreeSet<AttemptId>,
}

impl NotReissuedInTime {
    /// Of a job with this task timeout.
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, running: BTreeMap::new(), highest: BTreeMap::new(), granted: BTreeSet::new() }
    }

    fn in_time(&self, attempt: AttemptId, now: Timestamp) -> bool {
        self.running.get(&attempt).is_some_and(|running| running.last_progress + self.timeout > now)
    }

    fn assign(&mut self, attempt: AttemptId, worker: WorkerId, backup: bool, now: Timestamp) -> Verdict {
        let mut others = self.running.keys().copied().filter(|other| other.task == attempt.task && !backup);
        if let Some(other) = others.find(|&other| self.in_time(other, now)) {
            return Err(format!(
                "{attempt} was given to worker {} while attempt {} is in time",
                worker.0, other.attempt.0
            ));
        }
        if self.highest.insert(attempt.task, attempt.attempt.0).is_some_and(|highest| highest >= attempt.attempt.0) {
            return Err(format!("{attempt} was given out twice"));
        }
        self.running.insert(attempt, Running { worker, last_progress: now });
        Ok(())
    }

    fn grant(&mut self, attempt: AttemptId, now: Timestamp) -> Verdict {
        let mut others = self.granted.iter().filter(|other| other.task == attempt.task && **other != attempt);
        if let Some(other) = others.find(|&&other| self.in_time(other, now)) {
            let other = other.attempt.0;
            return Err(format!("{attempt} was told to commit while attempt {other}, told the same, is in time"));
        }
        self.granted.insert(attempt);
        Ok(())
    }
}

impl Invariant for NotReissuedInTime {
    fn name(&self) -> &'static str {
        "not_reissued_in_time"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        let Some(happened) = happened(event) else { return Ok(()) };
        match &happened.event {
            coordinator::Event::AttemptAssigned { attempt, worker, backup, .. } => {
                return self.assign(*attempt, *worker, *backup, happened.at);
            }
            coordinator::Event::CommitGranted { attempt } => return self.grant(*attempt, happened.at),
            coordinator::Event::AttemptProgressed { attempt, .. } => {
                if let Some(running) = self.running.get_mut(attempt) {
                    running.last_progress = happened.at;
                }
            }
            coordinator::Event::AttemptFailed { attempt, .. } | coordinator::Event::AttemptStranded { attempt, .. } => {
                self.running.remove(attempt);
            }
            coordinator::Event::AttemptCommitted { attempt, .. } => {
                self.running.retain(|other, _| other.task != attempt.task);
            }
            coordinator::Event::WorkerLeft { worker } => {
                self.running.retain(|_, running| running.worker != *worker);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{assigned, failed, happened, map, progressed, reduce, watch};

    /// With a timeout of a second.
    fn check(history: Vec<Event>) -> Verdict {
        watch(&mut NotReissuedInTime::new(Duration::from_secs(1)), &StillDisk::default(), history)
    }

    fn granted(millis: u64, attempt: AttemptId) -> Event {
        happened(millis, coordinator::Event::CommitGranted { attempt })
    }

    #[test]
    fn an_overdue_or_failed_attempt_gets_another_beside_it() {
        assert_eq!(check(vec![assigned(0, map(0, 1), 1), assigned(1000, map(0, 2), 2)]), Ok(()));
        assert_eq!(check(vec![assigned(0, map(0, 1), 1), failed(map(0, 1)), assigned(5, map(0, 2), 1)]), Ok(()));
    }

    #[test]
    fn an_attempt_in_time_does_not() {
        let early = check(vec![assigned(0, map(0, 1), 1), assigned(999, map(0, 2), 2)]);
        assert_eq!(early.unwrap_err(), "map 0, attempt 2 was given to worker 2 while attempt 1 is in time");
        let history = vec![assigned(0, map(0, 1), 1), progressed(500, map(0, 1)), assigned(1200, map(0, 2), 2)];
        assert!(check(history).is_err(), "progress starts the clock again");
    }

    #[test]
    fn an_attempt_number_is_used_once() {
        let history = vec![assigned(0, map(0, 1), 1), failed(map(0, 1)), assigned(1, map(0, 1), 1)];
        assert!(check(history).unwrap_err().contains("given out twice"));
    }

    #[test]
    fn the_permission_to_commit_moves_on_only_from_who_is_overdue() {
        let both = || vec![assigned(0, reduce(0, 1), 1), assigned(1000, reduce(0, 2), 2), granted(1100, reduce(0, 1))];
        assert_eq!(check([both(), vec![granted(1200, reduce(0, 2))]].concat()), Ok(()), "attempt 1 is overdue");
        let shows_life = [both(), vec![progressed(1100, reduce(0, 1)), granted(1200, reduce(0, 2))]].concat();
        assert!(check(shows_life).unwrap_err().contains("told the same"));
        let third = vec![
            granted(1200, reduce(0, 2)),
            assigned(2200, reduce(0, 3), 3),
            progressed(2200, reduce(0, 1)),
            granted(2200, reduce(0, 3)),
        ];
        let before_the_last = check([both(), third].concat());
        assert!(before_the_last.unwrap_err().contains("while attempt 1, told the same"), "told before an overdue one");
    }
}
