//! Only one attempt of a task counts: a task is committed again only after its output was found bad, and a reduce never. What was found bad is
//! the output that counts: who comes late with a complaint about an earlier one takes nothing back.
//! (MapReduce paper, section 3.3: of several completions of one task the master ignores all but the first.)

use std::collections::BTreeMap;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{Attempt, AttemptId, TaskId, WorkerId};
use sim::{DiskView, Event};

use super::{Invariant, Verdict, decided};

/// The attempts that count at present.
#[derive(Default)]
pub(super) struct DoneOnce {
    committed: BTreeMap<TaskId, Attempt>,
}

impl DoneOnce {
    fn commit(&mut self, attempt: AttemptId, worker: WorkerId) -> Verdict {
        match self.committed.insert(attempt.task, attempt.attempt) {
            None => Ok(()),
            Some(_) => {
                let worker = worker.0;
                Err(format!("{attempt} of worker {worker} was committed although another attempt counts already"))
            }
        }
    }

    fn lose(&mut self, lost: AttemptId) -> Verdict {
        match self.committed.remove(&lost.task) {
            Some(counted) if counted == lost.attempt => Ok(()),
            Some(counted) => {
                Err(format!("the output of {lost} was given up, but it is attempt {} that counts", counted.0))
            }
            None => Err(format!("the output of {lost} was given up, but none counts")),
        }
    }
}

impl Invariant for DoneOnce {
    fn name(&self) -> &'static str {
        "done_once"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        match decided(event) {
            Some(coordinator::Event::MapOutputLost { map, .. }) => self.lose((*map).into()),
            Some(coordinator::Event::AttemptCommitted { attempt, worker, .. }) => self.commit(*attempt, *worker),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{committed, lost, map, reduce, watch};

    #[test]
    fn each_task_may_be_committed_once() {
        let history = [committed(map(0, 1)), committed(map(1, 2)), committed(reduce(0, 1))];
        assert_eq!(watch(&mut DoneOnce::default(), &StillDisk::default(), history), Ok(()));
    }

    #[test]
    fn a_second_commit_is_a_broken_promise() {
        let history = [committed(map(0, 1)), committed(map(0, 2))];
        let broken = watch(&mut DoneOnce::default(), &StillDisk::default(), history).unwrap_err();
        assert!(broken.contains("map 0, attempt 2"), "{broken}");
    }

    #[test]
    fn what_does_not_count_any_more_is_not_given_up_again() {
        let made_again = || vec![committed(map(0, 1)), lost(map(0, 1)), committed(map(0, 2))];
        let after =
            |event| watch(&mut DoneOnce::default(), &StillDisk::default(), [made_again(), vec![event]].concat());
        assert_eq!(after(lost(map(0, 2))), Ok(()));
        let late = after(lost(map(0, 1))).unwrap_err();
        assert_eq!(late, "the output of map 0, attempt 1 was given up, but it is attempt 2 that counts");
        assert!(after(lost(map(1, 1))).is_err(), "it was never committed");
    }

    #[test]
    fn a_map_whose_output_went_bad_is_committed_anew() {
        let history = [committed(map(0, 1)), lost(map(0, 1)), committed(map(0, 2))];
        assert_eq!(watch(&mut DoneOnce::default(), &StillDisk::default(), history), Ok(()));
    }
}
