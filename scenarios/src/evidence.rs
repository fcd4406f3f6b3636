//! What is kept of a recorded run besides its history, for whoever asks where a wrong record came from: each map output as it was when
//! it got its name, and the outputs as they were left. Nothing of it exists in the real program, nor in a campaign.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use mr_core::ids::{JobId, MapAttempt, TaskId};
use sim::{DiskView, Event, Finished, Observer, Operation};

use crate::places::in_job;
use crate::story::attempt_of;

/// The complete output of a map attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRun {
    /// Whose output.
    pub map: MapAttempt,
    /// Of which job.
    pub job: JobId,
    /// On which node it was written.
    pub node: String,
    /// The whole file.
    pub bytes: Arc<[u8]>,
}

/// What is kept of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Map outputs, in the order in which they got their names.
    pub map_outputs: Vec<KeptRun>,
    /// The outputs that were visible when the run ended, by partition.
    pub outputs: BTreeMap<u32, Vec<u8>>,
}

/// Watches a run for an observer, and keeps evidence of it.
pub(crate) struct Keeper<'a, O> {
    observer: &'a mut O,
    partitions: u32,
    pub(crate) evidence: Evidence,
}

impl<'a, O: Observer> Keeper<'a, O> {
    /// For a run with so many partitions, which `observer` watches.
    pub(crate) fn new(observer: &'a mut O, partitions: u32) -> Self {
        Self { observer, partitions, evidence: Evidence::default() }
    }
}

impl<O: Observer> Observer for Keeper<'_, O> {
    fn observe(&mut self, at: Duration, event: &Event, disk: &DiskView<'_>) -> ControlFlow<String> {
        if let Event::File(step) = event
            && let (Operation::Rename, Ok(()), Some(to)) = (step.operation, step.result, &step.to)
            && let (Some(job), Some(map)) = (job_of(to), map_of(to))
            && let Some(bytes) = disk.read(to)
        {
            let node = step.node.name().to_owned();
            self.evidence.map_outputs.push(KeptRun { map, job, node, bytes: bytes.into() });
        }
        self.observer.observe(at, event, disk)
    }

    fn ended(&mut self, at: Duration, finished: &Finished, disk: &DiskView<'_>) {
        let output = |partition: u32| Some((partition, disk.read(&format!("mr-out-{partition}"))?.to_vec()));
        self.evidence.outputs = (0..self.partitions).filter_map(output).collect();
        self.observer.ended(at, finished, disk);
    }
}

fn job_of(path: &str) -> Option<JobId> {
    let (job, _) = in_job(path)?;
    job.parse().ok()
}

/// The map attempt whose complete output `path` is.
pub(crate) fn map_of(path: &str) -> Option<MapAttempt> {
    let attempt = attempt_of(path).filter(|_| !path.contains('.'))?;
    match attempt.task {
        TaskId::Map(map) => Some(MapAttempt { map, attempt: attempt.attempt }),
        TaskId::Reduce(_) => None,
    }
}
