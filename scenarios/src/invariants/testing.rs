//! Histories made by hand, for the tests of the invariants.

use std::time::Duration;

use mr_core::coordinator;
use mr_core::counters::Counters;
use mr_core::ids::{Attempt, AttemptId, MapAttempt, MapIndex, Partition, TaskId, WorkerId};
use mr_core::protocol::Ending;
use sim::{Event, FileEvent, Node, Note, Noted, Operation, StillDisk};
use world::Timestamp;

use super::{Invariant, Verdict, is_message};
use crate::notes::Happened;
use crate::oracle::Expected;
use crate::schedule::{AppChoice, Bytes, ClusterShape, LimitsShape, Models, Schedule, WorkerShape, Workload};

/// Two workers of one slot, two inputs of one map each, two partitions, a timeout of one second, no faults.
pub(super) fn schedule() -> Schedule {
    let worker = WorkerShape::steady(1);
    Schedule {
        seed: 0,
        cluster: ClusterShape {
            workers: vec![worker, worker],
            task_timeout: Duration::from_secs(1),
            max_failures: 4,
            backup_tasks: true,
            apart: false,
        },
        workload: Workload {
            app: AppChoice::Wc,
            combine: false,
            reduces: 2,
            split_size: None,
            join_size: None,
            limits: LimitsShape::ROOMY,
            trouble: None,
            inputs: vec![Bytes(b"a b".to_vec()), Bytes(b"b c".to_vec())],
        },
        models: Models::default(),
        faults: Vec::new(),
    }
}

/// What must come of a job with these outputs.
pub(super) fn expected(outputs: &[&str]) -> Expected {
    let outputs = outputs.iter().map(|output| Some(output.as_bytes().to_vec())).collect();
    Expected { outputs, counters: Counters::default(), depends_on_the_cut: Vec::new() }
}

/// The node called `name`: the coordinator, or `w1`, `w2` and so on.
pub(super) fn node(name: &str) -> Node {
    let index = name.strip_prefix('w').map_or(0, |number| number.parse().expect("a worker's number"));
    Node::new(index, name)
}

/// Attempt `attempt` of map `map`.
pub(super) fn map(map: u32, attempt: u32) -> AttemptId {
    AttemptId { task: TaskId::Map(MapIndex(map)), attempt: Attempt(attempt) }
}

/// Attempt `attempt` of reduce `partition`.
pub(super) fn reduce(partition: u32, attempt: u32) -> AttemptId {
    AttemptId { task: TaskId::Reduce(Partition(partition)), attempt: Attempt(attempt) }
}

/// A note of the coordinator.
pub(super) fn note(note: impl Note) -> Event {
    Event::Note { node: Some(node("coordinator")), note: Noted::new(note) }
}

/// Something happened in the coordinator `millis` after its start.
pub(super) fn happened(millis: u64, event: coordinator::Event) -> Event {
    note(Happened { at: Timestamp::from_origin(Duration::from_millis(millis)), event })
}

/// `attempt` is given to worker number `worker`.
pub(super) fn assigned(millis: u64, attempt: AttemptId, worker: u32) -> Event {
    happened(
        millis,
        coordinator::Event::AttemptAssigned { attempt, worker: WorkerId(worker), question: 1, backup: false },
    )
}

/// `attempt` of worker 1 is the one that counts.
pub(super) fn committed(attempt: AttemptId) -> Event {
    let (worker, counters) = (WorkerId(1), Counters::default());
    happened(0, coordinator::Event::AttemptCommitted { attempt, worker, counters })
}

/// `attempt` of worker number `worker` is the one that counts, `millis` after the start.
pub(super) fn committed_at(millis: u64, attempt: AttemptId, worker: u32) -> Event {
    let (worker, counters) = (WorkerId(worker), Counters::default());
    happened(millis, coordinator::Event::AttemptCommitted { attempt, worker, counters })
}

/// `attempt` shows progress.
pub(super) fn progressed(millis: u64, attempt: AttemptId) -> Event {
    happened(millis, coordinator::Event::AttemptProgressed { attempt, ticks: 1 })
}

/// `attempt` of worker 1 failed.
pub(super) fn failed(attempt: AttemptId) -> Event {
    happened(0, coordinator::Event::AttemptFailed { attempt, worker: WorkerId(1), reason: "tripped".into() })
}

/// The output of a map attempt of worker 1 was found bad by worker 2.
pub(super) fn lost(attempt: AttemptId) -> Event {
    lost_at(0, attempt, 1, 2)
}

/// The output of a map attempt of worker `maker` was found bad by worker `reporter`.
pub(super) fn lost_at(millis: u64, attempt: AttemptId, maker: u32, reporter: u32) -> Event {
    let TaskId::Map(map) = attempt.task else { panic!("only maps are lost") };
    let map = MapAttempt { map, attempt: attempt.attempt };
    let (maker, reporter) = (WorkerId(maker), WorkerId(reporter));
    happened(millis, coordinator::Event::MapOutputLost { map, maker, reporter, reason: "rotten".into() })
}

/// Worker number `worker` registers from the node called so.
pub(super) fn registered(worker: u32, node: &str) -> Event {
    let (worker, name) = (WorkerId(worker), node.to_owned());
    happened(0, coordinator::Event::WorkerRegistered { worker, nonce: 1, name })
}

/// The job has succeeded.
pub(super) fn succeeded() -> Event {
    happened(0, coordinator::Event::JobEnded { ending: Ending::Succeeded })
}

/// The job has failed.
pub(super) fn job_failed(reason: &str) -> Event {
    happened(0, coordinator::Event::JobEnded { ending: Ending::Failed { reason: reason.into() } })
}

/// A step on files that succeeded.
pub(super) fn step(worker: &str, operation: Operation, path: &str, to: Option<&str>) -> Event {
    let (node, path, to) = (node(worker), path.into(), to.map(Into::into));
    Event::File(FileEvent { node, operation, path, to, result: Ok(()), bytes: 0, digest: 0, spoiled_by: None })
}

/// Shows `events` to `invariant`, as far as it wants to see them, over a disk on which nothing happens: the first complaint, if any.
pub(super) fn watch(
    invariant: &mut dyn Invariant,
    disk: &StillDisk,
    events: impl IntoIterator<Item = Event>,
) -> Verdict {
    for event in events {
        let shown = match &event {
            Event::File(step) => invariant.watches().contains(&step.operation),
            event => !is_message(event),
        };
        if shown {
            invariant.check(Duration::ZERO, &event, &disk.view())?;
        }
    }
    Ok(())
}
