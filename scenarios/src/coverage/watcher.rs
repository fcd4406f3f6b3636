//! Who sees which step each node is at, and counts the faults that strike there.

use std::collections::BTreeMap;

use mr_core::coordinator;
use mr_core::ids::{TaskId, WorkerId};
use sim::{Event, FaultKind, FileEvent, Node, Operation};

use super::{Grid, Step};
use crate::notes::{Happened, WorkerStarts};
use crate::rehearsal::COORDINATOR;
use crate::schedule::Schedule;

/// Watches one run.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    schedule: &'a Schedule,
    /// What each node is doing; nothing, when it is down or has left.
    steps: BTreeMap<String, Step>,
    node_of: BTreeMap<WorkerId, String>,
    ended: bool,
    pub(crate) grid: Grid,
}

impl<'a> Watcher<'a> {
    /// Of a run of `schedule`.
    pub(crate) fn new(schedule: &'a Schedule) -> Self {
        Self { schedule, steps: BTreeMap::new(), node_of: BTreeMap::new(), ended: false, grid: Grid::default() }
    }

    pub(crate) fn see(&mut self, event: &Event) {
        match event {
            Event::NodeStarted { node, .. } if node.name() == COORDINATOR => self.set(node, Step::Awaiting),
            Event::NodeStarted { node, .. } => self.set(node, Step::Registering),
            Event::NodeCrashed { node } | Event::NodeFinished { node } => {
                self.steps.remove(node.name());
            }
            Event::FaultStruck { fault, .. } => self.strike(*fault),
            // Reading is half of all steps, and shows nothing.
            Event::File(step) if !matches!(step.operation, Operation::Open | Operation::Read) => {
                let now = self.steps.get(step.node.name()).copied();
                if let Some(next) = now.and_then(|now| self.after(now, step)) {
                    self.set(&step.node, next);
                }
            }
            Event::Note { node: Some(node), note } => {
                if let Some(happened) = note.get::<Happened>() {
                    self.decided(&happened.event);
                } else if note.get::<WorkerStarts>().is_some() {
                    self.set(node, Step::Registering);
                }
            }
            _ => {}
        }
    }

    fn set(&mut self, node: &Node, step: Step) {
        if let Some(present) = self.steps.get_mut(node.name()) {
            *present = step;
        } else {
            self.steps.insert(node.name().to_owned(), step);
        }
    }

    fn set_worker(&mut self, worker: WorkerId, step: Step) {
        let present = self.node_of.get(&worker).and_then(|node| self.steps.get_mut(node));
        if let Some(present) = present {
            *present = step;
        }
    }

    fn strike(&mut self, fault: usize) {
        let Some(fault) = self.schedule.faults.get(fault).map(|fault| &fault.what) else { return };
        for (node, step) in self.steps.iter().filter(|(node, _)| hits(fault, node)) {
            if node != COORDINATOR || concerns_coordinator(fault.name()) {
                self.grid.add(*step, fault.name(), 1);
            }
        }
    }

    fn decided(&mut self, event: &coordinator::Event) {
        use coordinator::Event as E;
        match event {
            E::WorkerRegistered { worker, name, .. } => {
                self.node_of.insert(*worker, name.clone());
                self.set_worker(*worker, Step::Asking);
            }
            E::AttemptAssigned { attempt, worker, .. } => {
                let is_map = matches!(attempt.task, TaskId::Map(_));
                self.set_worker(*worker, if is_map { Step::Mapping } else { Step::Fetching });
                self.set_coordinator(if is_map { Step::MapPhase } else { Step::ReducePhase });
            }
            E::AttemptCommitted { worker, .. } | E::AttemptFailed { worker, .. } => {
                self.set_worker(*worker, Step::Asking);
            }
            E::JobEnded { .. } => {
                self.ended = true;
                self.set_coordinator(Step::Parting);
            }
            _ => {}
        }
    }

    fn set_coordinator(&mut self, step: Step) {
        if let Some(present) = self.steps.get_mut(COORDINATOR) {
            *present = step;
        }
    }

    /// The step that a step on files shows a worker to be at.
    fn after(&self, now: Step, step: &FileEvent) -> Option<Step> {
        let is_of = |task: &str| step.path.rsplit('/').next().is_some_and(|name| name.starts_with(task));
        Some(match step.operation {
            Operation::RemoveFile | Operation::RemoveDir | Operation::ReadDir if self.ended => Step::CleaningUp,
            Operation::Create if is_of("map-") => Step::Mapping,
            Operation::Sync if is_of("map-") => Step::CommittingMap,
            Operation::Create if is_of("reduce-") => Step::Fetching,
            Operation::Append if is_of("reduce-") => Step::Reducing,
            Operation::Sync if is_of("reduce-") => Step::AwaitingCommit,
            Operation::HardLink => Step::CommittingReduce,
            Operation::SyncDir if now == Step::CommittingMap => Step::Reporting,
            // The directory of the outputs, which is the root; before that the choice was synced, in the job's own.
            Operation::SyncDir if now == Step::CommittingReduce && step.path.is_empty() => Step::Reporting,
            _ => return None,
        })
    }
}

/// Whether a kind of fault can do something to the coordinator, which has no files and computes nothing.
pub(super) fn concerns_coordinator(fault: &str) -> bool {
    !matches!(
        fault,
        "disk_error" | "slow_disk" | "short_write" | "torn_write" | "bit_rot" | "power_loss" | "slow_compute"
    )
}

/// Whether `fault` hits `node`: it, or its messages.
fn hits(fault: &FaultKind, node: &str) -> bool {
    let named = |nodes: &[String]| nodes.is_empty() || nodes.iter().any(|name| name == node);
    match fault {
        FaultKind::Partition { from, to, .. }
        | FaultKind::Lossy { from, to, .. }
        | FaultKind::Duplicating { from, to, .. }
        | FaultKind::Delaying { from, to, .. } => named(from) || named(to),
        one => one.node() == Some(node),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Scenario;

    #[test]
    fn a_reduce_is_seen_at_each_of_its_steps() {
        let scenario = Scenario::parse(Path::new("plain.toml"), "about = \"a\"\npromise = \"b\"").unwrap();
        let schedule = scenario.draw(1);
        let mut watcher = Watcher::new(&schedule);
        let node = Node::new(1, "w1");
        watcher.see(&Event::NodeStarted { node: node.clone(), starts: 1 });
        for (operation, path, at) in [
            (Operation::Create, "mr-job-1/reduce-0-1.tmp", Step::Fetching),
            (Operation::Append, "mr-job-1/reduce-0-1.tmp", Step::Reducing),
            (Operation::Sync, "mr-job-1/reduce-0-1.tmp", Step::AwaitingCommit),
            (Operation::HardLink, "mr-job-1/reduce-0-1.tmp", Step::CommittingReduce),
            (Operation::SyncDir, "mr-job-1", Step::CommittingReduce),
            (Operation::Rename, "mr-job-1/reduce-0-1.tmp", Step::CommittingReduce),
            (Operation::SyncDir, "", Step::Reporting),
        ] {
            let (node, path) = (node.clone(), path.into());
            let step =
                FileEvent { node, operation, path, to: None, result: Ok(()), bytes: 0, digest: 0, spoiled_by: None };
            watcher.see(&Event::File(step));
            assert_eq!(watcher.steps.get("w1"), Some(&at), "{operation}");
        }
    }
}
