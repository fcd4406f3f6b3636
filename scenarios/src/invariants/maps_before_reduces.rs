//! No reduce starts before every map is committed. (MapReduce paper, section 3.1, steps 5 and 6; lab 1: reduces cannot start until the
//! last map has finished.)
//!
//! When the output of a map has gone bad, reduces that run go on; no further one is given out until that map is committed anew.

use std::collections::BTreeSet;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{MapIndex, TaskId};
use sim::{DiskView, Event, Operation};

use super::{Invariant, Verdict, decided};

/// Which maps are committed.
pub(super) struct MapsBeforeReduces {
    maps: usize,
    committed: BTreeSet<MapIndex>,
    all_were_committed: bool,
}

impl MapsBeforeReduces {
    /// Of a job with so many maps.
    pub(super) fn new(maps: usize) -> Self {
        Self { maps, committed: BTreeSet::new(), all_were_committed: maps == 0 }
    }

    fn missing(&self) -> String {
        let missing = (0..).map(MapIndex).find(|map| !self.committed.contains(map)).unwrap_or(MapIndex(0));
        format!("map {} is not committed", missing.0)
    }
}

impl Invariant for MapsBeforeReduces {
    fn name(&self) -> &'static str {
        "maps_before_reduces"
    }

    fn watches(&self) -> &'static [Operation] {
        &[Operation::Create]
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        if let Event::File(step) = event {
            let starts = step.operation == Operation::Create && step.result.is_ok() && step.path.contains("/reduce-");
            return match starts && !self.all_were_committed {
                true => Err(format!("{} started {}, but {}", step.node, step.path, self.missing())),
                false => Ok(()),
            };
        }
        match decided(event) {
            Some(coordinator::Event::AttemptCommitted { attempt, .. }) => {
                if let TaskId::Map(map) = attempt.task {
                    self.committed.insert(map);
                    self.all_were_committed |= self.committed.len() == self.maps;
                }
            }
            Some(coordinator::Event::MapOutputLost { map, .. }) => {
                self.committed.remove(&map.map);
            }
            Some(coordinator::Event::AttemptAssigned { attempt, worker, .. })
                if matches!(attempt.task, TaskId::Reduce(_)) && self.committed.len() < self.maps =>
            {
                return Err(format!("{attempt} was given to worker {}, but {}", worker.0, self.missing()));
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
    use crate::invariants::testing::{assigned, committed, lost, map, reduce, step, watch};

    fn check(maps: usize, history: Vec<Event>) -> Verdict {
        watch(&mut MapsBeforeReduces::new(maps), &StillDisk::default(), history)
    }

    #[test]
    fn reduces_follow_the_last_map() {
        let history = vec![committed(map(0, 1)), committed(map(1, 1)), assigned(0, reduce(0, 1), 1)];
        assert_eq!(check(2, history), Ok(()));
        assert_eq!(check(0, vec![assigned(0, reduce(0, 1), 1)]), Ok(()), "a job without maps has nothing to wait for");
    }

    #[test]
    fn a_reduce_given_out_one_map_early_is_a_broken_promise() {
        let broken = check(2, vec![committed(map(0, 1)), assigned(0, reduce(0, 1), 1)]).unwrap_err();
        assert!(broken.contains("reduce 0, attempt 1") && broken.contains("map 1 is not committed"), "{broken}");
    }

    #[test]
    fn a_map_that_went_bad_holds_up_further_reduces_and_not_those_that_run() {
        let all = || vec![committed(map(0, 1)), assigned(0, reduce(0, 1), 1), lost(map(0, 1))];
        let runs_on = step("w1", Operation::Create, "mr-job-1/reduce-0-1.tmp", None);
        assert_eq!(check(1, [all(), vec![runs_on]].concat()), Ok(()));
        assert!(check(1, [all(), vec![assigned(0, reduce(1, 1), 1)]].concat()).is_err());
        let made_anew = vec![committed(map(0, 2)), assigned(0, reduce(1, 1), 1)];
        assert_eq!(check(1, [all(), made_anew].concat()), Ok(()));
    }

    #[test]
    fn a_worker_that_starts_a_reduce_by_itself_is_seen() {
        let starts = step("w1", Operation::Create, "mr-job-1/reduce-0-1.tmp", None);
        assert!(check(1, vec![starts]).unwrap_err().contains("w1 started mr-job-1/reduce-0-1.tmp"));
    }
}
