//! Who has had trouble with a task leaves it to others for the task timeout, if there are any that have had none: one machine with something
//! wrong must not use up the failures of a task on its own, while the others are busy. (`mr-core/src/coordinator/decide.rs`; Hadoop keeps a list of
//! nodes that a job had better not run on.)
//!
//! Trouble with a task has who fails at it, who is stranded in it, and who made an output of it that was thrown away. And who has had an output
//! thrown away because it could not read it, cannot have the next one of that map thrown away within the timeout, if others are there who have
//! not: a machine that reads nothing right would else have every output made again until the job has failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, MapAttempt, TaskId, WorkerId};
use sim::{DiskView, Event};
use world::Timestamp;

use super::{Invariant, Verdict, happened};

/// Who has trouble with which task, since `event` happened.
pub(super) fn trouble(event: &coordinator::Event) -> Option<(TaskId, WorkerId)> {
    match event {
        coordinator::Event::AttemptFailed { attempt, worker, .. }
        | coordinator::Event::AttemptStranded { attempt, worker, .. } => Some((attempt.task, *worker)),
        coordinator::Event::MapOutputLost { map, maker, .. } => Some((TaskId::Map(map.map), *maker)),
        _ => None,
    }
}

/// Who has had trouble with what, and when last.
type Troubles = BTreeMap<(TaskId, WorkerId), Timestamp>;

/// Troubles, and who is there.
pub(super) struct LeftToOthers {
    timeout: Duration,
    troubles: Troubles,
    /// Who has had outputs of which map thrown away.
    blamed: Troubles,
    /// The workers that have been there ever since they registered.
    there: BTreeSet<WorkerId>,
}

impl LeftToOthers {
    /// Of a job with this task timeout.
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, troubles: Troubles::new(), blamed: Troubles::new(), there: BTreeSet::new() }
    }

    /// To whom `worker` should have left `task`, if to anybody.
    fn to_whom(&self, troubles: &Troubles, task: TaskId, worker: WorkerId, now: Timestamp) -> Option<WorkerId> {
        let lately = |worker| troubles.get(&(task, worker)).is_some_and(|&since| since + self.timeout > now);
        lately(worker).then(|| self.there.iter().copied().find(|&other| !lately(other))).flatten()
    }

    fn assign(&self, attempt: AttemptId, worker: WorkerId, now: Timestamp) -> Verdict {
        match self.to_whom(&self.troubles, attempt.task, worker, now) {
            Some(other) => Err(format!(
                "{attempt} was given to worker {}, who had trouble with it just before, and worker {} had none",
                worker.0, other.0
            )),
            None => Ok(()),
        }
    }

    fn lose(&mut self, map: MapAttempt, reporter: WorkerId, now: Timestamp) -> Verdict {
        let task = TaskId::Map(map.map);
        if let Some(other) = self.to_whom(&self.blamed, task, reporter, now) {
            return Err(format!(
                "the output of {map} was thrown away on the word of worker {}, as was another just before, and worker {} was not asked",
                reporter.0, other.0
            ));
        }
        self.blamed.insert((task, reporter), now);
        Ok(())
    }
}

impl Invariant for LeftToOthers {
    fn name(&self) -> &'static str {
        "left_to_others"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        let Some(happened) = happened(event) else { return Ok(()) };
        if let Some(trouble) = trouble(&happened.event) {
            self.troubles.insert(trouble, happened.at);
        }
        match &happened.event {
            coordinator::Event::AttemptAssigned { attempt, worker, .. } => {
                return self.assign(*attempt, *worker, happened.at);
            }
            coordinator::Event::MapOutputLost { map, reporter, .. } => return self.lose(*map, *reporter, happened.at),
            coordinator::Event::WorkerRegistered { worker, .. } => {
                self.there.insert(*worker);
            }
            coordinator::Event::WorkerLost { worker } | coordinator::Event::WorkerLeft { worker } => {
                self.there.remove(worker);
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
    use crate::invariants::testing::{assigned, failed, happened, lost_at, map, reduce, registered, watch};

    /// With a timeout of a second, and these workers there.
    fn check(there: &[u32], history: Vec<Event>) -> Verdict {
        let there = there.iter().map(|worker| registered(*worker, "w")).collect();
        watch(&mut LeftToOthers::new(Duration::from_secs(1)), &StillDisk::default(), [there, history].concat())
    }

    #[test]
    fn who_has_failed_at_a_task_is_not_the_next_to_try_it_if_there_is_another() {
        let again = |millis| vec![assigned(0, map(0, 1), 1), failed(map(0, 1)), assigned(millis, map(0, 2), 1)];
        assert_eq!(check(&[1], again(5)), Ok(()), "there is nobody else");
        let broken = check(&[1, 2], again(999)).unwrap_err();
        assert!(broken.ends_with("worker 1, who had trouble with it just before, and worker 2 had none"), "{broken}");
        assert_eq!(check(&[1, 2], again(1000)), Ok(()), "the others have had their time");
        let lost = happened(0, coordinator::Event::WorkerLost { worker: WorkerId(2) });
        assert_eq!(check(&[1, 2], [vec![lost], again(5)].concat()), Ok(()));
    }

    #[test]
    fn neither_is_who_was_stranded_in_it_nor_who_made_what_was_thrown_away() {
        let stranded = coordinator::Event::AttemptStranded {
            attempt: reduce(0, 1),
            worker: WorkerId(1),
            map: MapAttempt { map: mr_core::ids::MapIndex(0), attempt: mr_core::ids::Attempt(1) },
            reason: "rotten".into(),
        };
        let history = |worker| vec![happened(0, stranded.clone()), assigned(5, reduce(0, 2), worker)];
        assert_eq!((check(&[1, 2], history(1)).is_err(), check(&[1, 2], history(2))), (true, Ok(())));
        let history = |worker| vec![lost_at(0, map(0, 1), 2, 1), assigned(5, map(0, 2), worker)];
        assert_eq!((check(&[1, 2], history(2)).is_err(), check(&[1, 2], history(1))), (true, Ok(())));
    }

    #[test]
    fn one_worker_alone_does_not_have_a_map_made_again_and_again() {
        let twice = |millis, reporter| vec![lost_at(0, map(0, 1), 2, 1), lost_at(millis, map(0, 2), 3, reporter)];
        let broken = check(&[1, 2], twice(999, 1)).unwrap_err();
        assert!(
            broken.starts_with("the output of map 0, attempt 2 was thrown away on the word of worker 1"),
            "{broken}"
        );
        assert_eq!(check(&[1, 2], twice(999, 2)), Ok(()), "two of them say so");
        assert_eq!(check(&[1, 2], twice(1000, 1)), Ok(()), "the others have had their time");
        assert_eq!(check(&[1], twice(5, 1)), Ok(()), "there is nobody else");
    }
}
