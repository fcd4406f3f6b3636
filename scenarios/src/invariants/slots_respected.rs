//! A worker is never given more attempts than it has slots: a question that is asked again because its answer was lost, or that arrives
//! twice, does not make an attempt that nobody runs. (The lab's worker asks for one task at a time.)
//!
//! Counted is what the coordinator believes: attempts given out that it has not seen end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, TaskId, WorkerId};
use sim::{DiskView, Event};

use super::{Invariant, Verdict, decided};
use crate::schedule::{ClusterShape, Schedule};

/// What each worker runs, as far as the coordinator can know.
pub(super) struct SlotsRespected {
    slots_of_node: BTreeMap<String, usize>,
    slots: BTreeMap<WorkerId, usize>,
    running: BTreeMap<WorkerId, BTreeSet<AttemptId>>,
}

impl SlotsRespected {
    pub(super) fn new(schedule: &Schedule) -> Self {
        let workers = schedule.cluster.workers.iter().enumerate();
        let slots = workers.map(|(index, shape)| (ClusterShape::worker_name(index), shape.slots as usize));
        Self { slots_of_node: slots.collect(), slots: BTreeMap::new(), running: BTreeMap::new() }
    }

    fn end(&mut self, ended: impl Fn(&AttemptId) -> bool) {
        self.running.values_mut().for_each(|running| running.retain(|attempt| !ended(attempt)));
    }

    fn end_task(&mut self, task: TaskId) {
        self.end(|attempt| attempt.task == task);
    }
}

impl Invariant for SlotsRespected {
    fn name(&self) -> &'static str {
        "slots_respected"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        match decided(event) {
            Some(coordinator::Event::WorkerRegistered { worker, name, .. }) => {
                self.slots.insert(*worker, self.slots_of_node.get(name).copied().unwrap_or_default());
            }
            Some(coordinator::Event::AttemptAssigned { attempt, worker, .. }) => {
                let running = self.running.entry(*worker).or_default();
                running.insert(*attempt);
                let slots = self.slots.get(worker).copied().unwrap_or_default();
                if running.len() > slots {
                    let count = running.len();
                    return Err(format!(
                        "worker {} was given {attempt} and so has {count} attempts in {slots} slots",
                        worker.0
                    ));
                }
            }
            Some(coordinator::Event::AttemptCommitted { attempt, .. }) => self.end_task(attempt.task),
            Some(
                coordinator::Event::AttemptFailed { attempt, .. } | coordinator::Event::AttemptStranded { attempt, .. },
            ) => {
                self.end(|running| running == attempt);
            }
            Some(coordinator::Event::WorkerLeft { worker }) => drop(self.running.remove(worker)),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{assigned, committed, failed, map, registered, schedule, watch};

    /// Two nodes of one slot each.
    fn check(history: Vec<Event>) -> Verdict {
        watch(&mut SlotsRespected::new(&schedule()), &StillDisk::default(), history)
    }

    #[test]
    fn a_slot_that_is_free_again_may_be_filled_again() {
        let first = || vec![registered(1, "w1"), registered(2, "w2"), assigned(0, map(0, 1), 1)];
        for end in [committed(map(0, 1)), committed(map(0, 2)), failed(map(0, 1))] {
            assert_eq!(check([first(), vec![end, assigned(0, map(1, 1), 1)]].concat()), Ok(()));
        }
        assert_eq!(check([first(), vec![assigned(0, map(1, 1), 2)]].concat()), Ok(()));
    }

    #[test]
    fn a_second_attempt_in_one_slot_is_a_broken_promise() {
        let history = vec![registered(1, "w1"), assigned(0, map(0, 1), 1), assigned(0, map(1, 1), 1)];
        assert_eq!(check(history).unwrap_err(), "worker 1 was given map 1, attempt 1 and so has 2 attempts in 1 slots");
    }
}
