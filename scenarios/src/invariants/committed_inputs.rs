//! A reduce reads the committed attempt of every map, and never two attempts of one. (MapReduce paper, section 3.3: the master ignores all
//! but the first completion of a map, so that every reduce reads the same one.)
//!
//! Which attempts those are follows from the coordinator's events: when the reduce was given out, the latest commit of each map. What it
//! reads follows from the files that its node opens. A node of one slot runs one reduce at a time, so there it is known which reduce
//! reads, and it must have opened all of them before it links its output. On a node of several slots a file must be an input
//! of some reduce that was given to that node; that two of them are not mixed up there is *not* checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, MapIndex, TaskId, WorkerId};
use sim::{DiskView, Event, FileEvent, Operation};

use super::{Invariant, Verdict, decided};
use crate::schedule::{ClusterShape, Schedule};

/// What a reduce attempt is to read, and has read so far.
struct Reduce {
    inputs: BTreeMap<u32, u32>,
    opened: BTreeSet<u32>,
}

/// The reduces of one node.
#[derive(Default)]
struct NodeState {
    one_slot: bool,
    /// By partition and attempt.
    reduces: BTreeMap<(u32, u32), Reduce>,
    /// The one that runs, on a node of one slot.
    current: Option<(u32, u32)>,
}

/// The inputs of every reduce.
pub(super) struct CommittedInputs {
    committed: BTreeMap<MapIndex, u32>,
    nodes: BTreeMap<String, NodeState>,
    node_of: BTreeMap<WorkerId, String>,
}

impl CommittedInputs {
    pub(super) fn new(schedule: &Schedule) -> Self {
        let workers = schedule.cluster.workers.iter().enumerate();
        let nodes = workers.map(|(index, shape)| {
            (ClusterShape::worker_name(index), NodeState { one_slot: shape.slots == 1, ..NodeState::default() })
        });
        Self { committed: BTreeMap::new(), nodes: nodes.collect(), node_of: BTreeMap::new() }
    }

    fn assign(&mut self, attempt: AttemptId, worker: WorkerId) {
        let TaskId::Reduce(partition) = attempt.task else { return };
        let inputs = self.committed.iter().map(|(map, &attempt)| (map.0, attempt)).collect();
        let node = self.node_of.get(&worker).and_then(|name| self.nodes.get_mut(name));
        if let Some(node) = node {
            let reduce = Reduce { inputs, opened: BTreeSet::new() };
            node.reduces.insert((partition.0, attempt.attempt.0), reduce);
        }
    }

    fn check_step(&mut self, step: &FileEvent) -> Verdict {
        let Some(node) = self.nodes.get_mut(step.node.name()) else { return Ok(()) };
        let Some((_, name)) = step.path.rsplit_once('/') else { return Ok(()) };
        match step.operation {
            Operation::Create => {
                if let Some(reduce) = numbers(name, "reduce-", ".tmp") {
                    node.current = Some(reduce);
                }
                Ok(())
            }
            Operation::Open => numbers(name, "map-", "").map_or(Ok(()), |map| node.open(step, map)),
            Operation::HardLink => match numbers(name, "reduce-", ".tmp") {
                Some(reduce) if node.one_slot => node.link(reduce),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl NodeState {
    fn open(&mut self, step: &FileEvent, (map, attempt): (u32, u32)) -> Verdict {
        let current = self.current.filter(|_| self.one_slot);
        let mut readers =
            self.reduces.iter_mut().filter(|(reduce, _)| current.is_none_or(|current| **reduce == current));
        match readers.find(|(_, reduce)| reduce.inputs.get(&map) == Some(&attempt)) {
            Some((_, reduce)) => {
                reduce.opened.insert(map);
                Ok(())
            }
            None => Err(format!("{} read {}, which is no input of a reduce that it runs", step.node, step.path)),
        }
    }

    fn link(&self, reduce: (u32, u32)) -> Verdict {
        let Some(known) = self.reduces.get(&reduce) else { return Ok(()) };
        match known.inputs.keys().find(|map| !known.opened.contains(map)) {
            Some(map) => Err(format!("reduce {}, attempt {} is done and has not read map {map}", reduce.0, reduce.1)),
            None => Ok(()),
        }
    }
}

/// The two numbers in a name such as `map-3-2`.
fn numbers(name: &str, prefix: &str, suffix: &str) -> Option<(u32, u32)> {
    let (task, attempt) = name.strip_prefix(prefix)?.strip_suffix(suffix)?.split_once('-')?;
    Some((task.parse().ok()?, attempt.parse().ok()?))
}

impl Invariant for CommittedInputs {
    fn name(&self) -> &'static str {
        "committed_inputs"
    }

    fn watches(&self) -> &'static [Operation] {
        &[Operation::Create, Operation::Open, Operation::HardLink]
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        if let Event::File(step) = event {
            return if step.result.is_ok() { self.check_step(step) } else { Ok(()) };
        }
        match decided(event) {
            Some(coordinator::Event::WorkerRegistered { worker, name, .. }) => {
                self.node_of.insert(*worker, name.clone());
            }
            Some(coordinator::Event::AttemptCommitted { attempt, .. }) => {
                if let TaskId::Map(map) = attempt.task {
                    self.committed.insert(map, attempt.attempt.0);
                }
            }
            Some(coordinator::Event::AttemptAssigned { attempt, worker, .. }) => self.assign(*attempt, *worker),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{assigned, committed, lost, map, reduce, registered, schedule, step, watch};

    /// Map 0 was committed by its second attempt, map 1 by its first, and w1 was given reduce 0.
    fn check(slots: u32, history: Vec<Event>) -> Verdict {
        let mut schedule = schedule();
        schedule.cluster.workers[0].slots = slots;
        let start = vec![
            registered(1, "w1"),
            committed(map(0, 2)),
            committed(map(1, 1)),
            assigned(0, reduce(0, 1), 1),
            step("w1", Operation::Create, "mr-job-1/reduce-0-1.tmp", None),
        ];
        watch(&mut CommittedInputs::new(&schedule), &StillDisk::default(), [start, history].concat())
    }

    fn opens(map: &str) -> Event {
        step("w1", Operation::Open, &format!("mr-job-1/{map}"), None)
    }

    fn links() -> Event {
        step("w1", Operation::HardLink, "mr-job-1/reduce-0-1.tmp", Some("mr-job-1/output-0"))
    }

    #[test]
    fn the_committed_attempt_of_every_map_is_read() {
        assert_eq!(check(1, vec![opens("map-0-2"), opens("map-1-1"), links()]), Ok(()));
    }

    #[test]
    fn an_attempt_that_does_not_count_may_not_be_read() {
        let broken = check(1, vec![opens("map-0-1")]).unwrap_err();
        assert_eq!(broken, "w1 read mr-job-1/map-0-1, which is no input of a reduce that it runs");
        assert!(check(2, vec![opens("map-0-1")]).is_err());
    }

    #[test]
    fn a_map_may_not_be_left_out() {
        let broken = check(1, vec![opens("map-1-1"), links()]).unwrap_err();
        assert_eq!(broken, "reduce 0, attempt 1 is done and has not read map 0");
    }

    #[test]
    fn a_map_made_anew_is_for_reduces_given_out_after_it() {
        let anew = || vec![lost(map(0, 2)), committed(map(0, 3))];
        assert_eq!(check(1, [anew(), vec![opens("map-0-2")]].concat()), Ok(()), "it was told so");
        assert!(check(1, [anew(), vec![opens("map-0-3")]].concat()).is_err());
        let next = vec![
            assigned(0, reduce(1, 1), 1),
            step("w1", Operation::Create, "mr-job-1/reduce-1-1.tmp", None),
            opens("map-0-3"),
        ];
        assert_eq!(check(1, [anew(), next.clone()].concat()), Ok(()));
        assert!(check(1, [anew(), next, vec![opens("map-0-2")]].concat()).is_err(), "never both");
    }
}
