//! Only one attempt of a task counts: a task is committed again only after its output was found bad, and a reduce never.
//! (MapReduce paper, section 3.3: of several completions of one task the master ignores all but the first.)

use std::collections::BTreeSet;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::TaskId;
use sim::{DiskView, Event};

use super::{Invariant, Verdict, decided};

/// The tasks that are committed at present.
#[derive(Default)]
pub(super) struct DoneOnce {
    committed: BTreeSet<TaskId>,
}

impl Invariant for DoneOnce {
    fn name(&self) -> &'static str {
        "done_once"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        match decided(event) {
            Some(coordinator::Event::MapOutputLost { map, .. }) => {
                self.committed.remove(&TaskId::Map(map.map));
            }
            Some(coordinator::Event::AttemptCommitted { attempt, worker, .. })
                if !self.committed.insert(attempt.task) =>
            {
                return Err(format!(
                    "{attempt} of worker {} was committed although another attempt counts already",
                    worker.0
                ));
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
    fn a_map_whose_output_went_bad_is_committed_anew() {
        let history = [committed(map(0, 1)), lost(map(0, 1)), committed(map(0, 2))];
        assert_eq!(watch(&mut DoneOnce::default(), &StillDisk::default(), history), Ok(()));
    }
}
