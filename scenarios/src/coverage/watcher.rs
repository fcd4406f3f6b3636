//! Who sees which step each node is at, and counts the faults that strike there.

use std::collections::BTreeMap;

use mr_core::coordinator;
use mr_core::ids::{TaskId, WorkerId};
use sim::{Event, FaultKind, FileEvent, Loss, Message, Node, Operation};

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
            Event::MessageLost(message, Loss::Partitioned) => self.strike_message(message, "partition"),
            Event::MessageLost(message, Loss::Dropped) => self.strike_message(message, "lossy"),
            Event::MessageDuplicated(message) => self.strike_message(message, "duplicating"),
            Event::File(step) => self.see_file_step(step),
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

    /// A fault begins. Of one that waits for what it can spoil, a step on files or a message, that says nothing.
    fn strike(&mut self, fault: usize) {
        let Some(fault) = self.schedule.faults.get(fault).map(|fault| &fault.what) else { return };
        let hit = self.steps.iter().filter(|(node, _)| begins_at(fault, node));
        hit.for_each(|(_, step)| self.grid.add(*step, fault.name(), 1));
    }

    /// A fault takes or doubles a message.
    fn strike_message(&mut self, message: &Message, fault: &'static str) {
        for node in [&message.from, &message.to] {
            if let Some(&step) = self.steps.get(node.name()) {
                self.grid.add(step, fault, 1);
            }
        }
    }

    fn see_file_step(&mut self, step: &FileEvent) {
        // Reading is half of all steps, and shows nothing.
        if step.spoiled_by.is_none() && matches!(step.operation, Operation::Open | Operation::Read) {
            return;
        }
        let Some(&now) = self.steps.get(step.node.name()) else { return };
        let at = self.at(now, step);
        let spoiled_by = step.spoiled_by.and_then(|fault| self.schedule.faults.get(fault));
        if let Some(fault) = spoiled_by.filter(|_| at != Step::Registering) {
            self.grid.add(at, fault.what.name(), 1);
        }
        let next = after(at, step);
        if next != now {
            self.set(&step.node, next);
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

    /// The step that a step on files is part of, for a worker that is at `now` as far as is known.
    fn at(&self, now: Step, step: &FileEvent) -> Step {
        let name = step.path.rsplit('/').next().unwrap_or_default();
        let (is_map, is_reduce) = (name.starts_with("map-"), name.starts_with("reduce-"));
        // What a map has finished has no extension.
        let is_input = step.path.starts_with("in/") || is_map && name.contains('.');
        match step.operation {
            Operation::RemoveFile | Operation::RemoveDir | Operation::ReadDir if self.ended => Step::CleaningUp,
            // Who has not registered has no files: a process that died before had begun this.
            _ if now == Step::Registering => now,
            Operation::Open | Operation::Read if is_input => Step::Mapping,
            Operation::Open | Operation::Read if now != Step::Reducing => Step::Fetching,
            Operation::Create | Operation::Append if is_map => Step::Mapping,
            Operation::Sync | Operation::Rename if is_map => Step::CommittingMap,
            Operation::Create if is_reduce => Step::Fetching,
            Operation::Append | Operation::Sync if is_reduce => Step::Reducing,
            Operation::HardLink | Operation::Rename => Step::CommittingReduce,
            _ => now,
        }
    }
}

/// What a worker is at after a step on files that was part of `at`.
fn after(at: Step, step: &FileEvent) -> Step {
    match step.operation {
        _ if step.result.is_err() => at,
        Operation::Sync if at == Step::Reducing => Step::AwaitingCommit,
        Operation::SyncDir if at == Step::CommittingMap => Step::Reporting,
        // The directory of the outputs, which is the root; before that the choice was synced, in the job's own.
        Operation::SyncDir if at == Step::CommittingReduce && step.path.is_empty() => Step::Reporting,
        _ => at,
    }
}

/// Whether `fault` hits `node`, or its messages, as soon as it begins.
fn begins_at(fault: &FaultKind, node: &str) -> bool {
    let named = |nodes: &[String]| nodes.is_empty() || nodes.iter().any(|name| name == node);
    match fault {
        FaultKind::DiskError { .. }
        | FaultKind::ShortWrite { .. }
        | FaultKind::TornWrite { .. }
        | FaultKind::BitRot { .. }
        | FaultKind::Partition { .. }
        | FaultKind::Lossy { .. }
        | FaultKind::Duplicating { .. } => false,
        // A plan may have these for the coordinator, but it has no files and computes nothing. Said here by the node and not by the table
        // of cells, which is held against what is counted.
        FaultKind::PowerLoss { .. } | FaultKind::SlowDisk { .. } | FaultKind::SlowCompute { .. }
            if node == COORDINATOR =>
        {
            false
        }
        FaultKind::Delaying { from, to, .. } => named(from) || named(to),
        one => one.node() == Some(node),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::Path;

    use sim::{Body, Part, Recording};

    use super::*;
    use crate::coverage::all_cells;
    use crate::{Scenario, rehearse};

    fn scenario(faults: &str) -> Scenario {
        let text = format!("about = \"a\"\npromise = \"b\"\n[workload]\nwords = [20, 40]\nempty = 0.0\n{faults}");
        Scenario::parse(Path::new("plain.toml"), &text).unwrap()
    }

    fn node(name: &str) -> Node {
        Node::new(if name == COORDINATOR { 0 } else { 1 }, name)
    }

    fn step(operation: Operation, path: &str) -> FileEvent {
        let path = path.into();
        FileEvent { node: node("w1"), operation, path, to: None, result: Ok(()), bytes: 0, digest: 0, spoiled_by: None }
    }

    /// Of a worker that has begun a map.
    fn at_a_map(schedule: &Schedule) -> Watcher<'_> {
        let mut watcher = Watcher::new(schedule);
        for name in [COORDINATOR, "w1"] {
            watcher.see(&Event::NodeStarted { node: node(name), starts: 1 });
        }
        watcher.steps.insert("w1".into(), Step::Asking);
        watcher.see(&Event::File(step(Operation::Create, "mr-job-1/map-0-1.tmp")));
        watcher
    }

    fn cells(watcher: &Watcher<'_>) -> Vec<(Step, &'static str, u64)> {
        watcher.grid.cells().collect()
    }

    #[test]
    fn a_reduce_is_seen_at_each_of_its_steps() {
        let schedule = scenario("").draw(1);
        let mut watcher = at_a_map(&schedule);
        for (operation, path, at) in [
            (Operation::Create, "mr-job-1/reduce-0-1.tmp", Step::Fetching),
            (Operation::Append, "mr-job-1/reduce-0-1.tmp", Step::Reducing),
            (Operation::Sync, "mr-job-1/reduce-0-1.tmp", Step::AwaitingCommit),
            (Operation::HardLink, "mr-job-1/reduce-0-1.tmp", Step::CommittingReduce),
            (Operation::SyncDir, "mr-job-1", Step::CommittingReduce),
            (Operation::Rename, "mr-job-1/reduce-0-1.tmp", Step::CommittingReduce),
            (Operation::SyncDir, "", Step::Reporting),
        ] {
            watcher.see(&Event::File(step(operation, path)));
            assert_eq!(watcher.steps.get("w1"), Some(&at), "{operation}");
        }
    }

    #[test]
    fn a_disk_fault_strikes_at_the_step_that_it_spoils() {
        let faults = r#"
[[faults]]
when = { at = "0ms" }
what = { disk_error = { node = "w1", error = "io", duration = "1s" } }
"#;
        let schedule = scenario(faults).draw(1);
        let mut watcher = at_a_map(&schedule);
        watcher.see(&Event::FaultStruck { fault: 0, kind: "disk_error" });
        assert_eq!(cells(&watcher), [], "nothing has failed yet");
        let spoiled = |step| Event::File(FileEvent { result: Err(ErrorKind::Other), spoiled_by: Some(0), ..step });
        for (operation, path, at) in [
            (Operation::Sync, "mr-job-1/map-0-1.tmp", Step::CommittingMap),
            (Operation::SyncDir, "mr-job-1", Step::CommittingMap),
            // What is not durable has not been reported.
            (Operation::RemoveFile, "mr-job-1/map-0-1", Step::CommittingMap),
            (Operation::Read, "in/1", Step::Mapping),
            (Operation::Read, "mr-job-1/map-1-1", Step::Fetching),
            (Operation::Read, "mr-job-1/map-2-1.spill-0", Step::Mapping),
            (Operation::Append, "mr-job-1/reduce-0-1.tmp", Step::Reducing),
            (Operation::Read, "mr-job-1/map-1-1", Step::Reducing),
            (Operation::Sync, "mr-job-1/reduce-0-1.tmp", Step::Reducing),
            (Operation::Rename, "mr-job-1/reduce-0-1.tmp", Step::CommittingReduce),
        ] {
            let before = watcher.grid.at(at, "disk_error");
            watcher.see(&spoiled(step(operation, path)));
            assert_eq!(watcher.grid.at(at, "disk_error"), before + 1, "{operation} {path}");
        }
    }

    #[test]
    fn the_coordinator_has_no_files_to_lose_and_nothing_to_compute() {
        let faults = [
            "power_loss = { node = \"coordinator\" }",
            "slow_disk = { node = \"coordinator\", factor = 2, duration = \"1s\" }",
            "slow_compute = { node = \"coordinator\", factor = 2, duration = \"1s\" }",
            "pause = { node = \"coordinator\", duration = \"1s\" }",
        ];
        let faults = faults.map(|what| format!("[[faults]]\nwhen = {{ at = \"0ms\" }}\nwhat = {{ {what} }}\n"));
        let schedule = scenario(&faults.concat()).draw(1);
        let mut watcher = at_a_map(&schedule);
        for (fault, planned) in schedule.faults.iter().enumerate() {
            watcher.see(&Event::FaultStruck { fault, kind: planned.what.name() });
        }
        assert_eq!(cells(&watcher), [(Step::Awaiting, "pause", 1)]);
    }

    #[test]
    fn what_a_process_had_begun_that_died_is_no_step_of_the_next() {
        let schedule = scenario("").draw(1);
        let mut watcher = at_a_map(&schedule);
        watcher.see(&Event::NodeCrashed { node: node("w1") });
        watcher.see(&Event::NodeStarted { node: node("w1"), starts: 2 });
        watcher.see(&Event::File(step(Operation::Sync, "mr-job-1/map-0-1.tmp")));
        assert_eq!(watcher.steps.get("w1"), Some(&Step::Registering));
    }

    #[test]
    fn a_message_that_is_lost_or_doubled_counts_at_both_ends() {
        let schedule = scenario("").draw(1);
        let mut watcher = at_a_map(&schedule);
        let (from, to) = (node("w1"), node(COORDINATOR));
        let message = Message { call: 1, part: Part::Request, from, to, len: 0, digest: 0, body: Body::default() };
        watcher.see(&Event::MessageLost(message.clone(), Loss::Dropped));
        watcher.see(&Event::MessageLost(message.clone(), Loss::NobodyListens));
        watcher.see(&Event::MessageLost(message.clone(), Loss::Partitioned));
        watcher.see(&Event::MessageDuplicated(message));
        let both = |fault| [(Step::Mapping, fault, 1), (Step::Awaiting, fault, 1)];
        let mut expected = ["duplicating", "lossy", "partition"].map(both).concat();
        expected.sort();
        assert_eq!(cells(&watcher), expected);
    }

    #[test]
    fn faults_that_wait_for_what_never_comes_fill_no_cell() {
        let scenario = scenario(
            r#"
[[faults]]
when = { after = { operations = ["create"], nth = 1 } }
what = { bit_rot = { node = "every worker", path_contains = "nosuch", stored = true, duration = "10s" } }
[[faults]]
when = { at = "0ms" }
what = { lossy = { from = ["everybody"], to = ["everybody"], requests = 0, replies = 0, duration = "10s" } }
[[faults]]
when = { at = "0ms" }
what = { disk_error = { node = "every worker", operations = ["remove_dir"], error = "io", count = 1, duration = "10s" } }
"#,
        );
        let mut all = Grid::default();
        (0..10).for_each(|seed| all.join(&rehearse(&scenario.draw(seed), Recording::Nothing).coverage));
        let filled: Vec<_> = all.cells().map(|(step, fault, _)| (step, fault)).collect();
        assert_eq!(filled, [(Step::CleaningUp, "disk_error")]);
    }

    #[test]
    fn no_cell_is_filled_that_is_said_to_stay_empty() {
        let cases = Scenario::read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).unwrap();
        let schedules = cases.iter().flat_map(|case| (0..20).map(|seed| case.draw(seed)));
        for schedule in schedules {
            let coverage = rehearse(&schedule, Recording::Nothing).coverage;
            for (step, fault, _) in coverage.cells() {
                assert!(all_cells().any(|cell| cell == (step, fault)), "{fault} at {step:?}: {}", schedule.describe());
            }
        }
    }
}
