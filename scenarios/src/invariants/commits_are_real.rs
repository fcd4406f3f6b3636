//! What the coordinator takes for done is done: at the moment a map attempt is committed its complete output lies under its name, and
//! at the moment a reduce is committed its `mr-out-X` does, and either would survive a power loss of every machine. (MapReduce
//! paper, section 3.3: a worker reports when its files are complete; lab 1: write to a temporary file and rename it.)
//!
//! Nothing may legally come in between. Nobody removes the output of an attempt that was not told to be obsolete; a report that
//! comes after the end of the job commits nothing; and bits that rot leave the file where it is.

use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, TaskId};
use sim::{DiskView, Event};

use super::{Invariant, Verdict, decided};
use crate::places;
use crate::schedule::Schedule;

/// Knows where complete intermediate files lie.
pub(super) struct CommitsAreReal {
    intermediate: String,
}

impl CommitsAreReal {
    pub(super) fn new(schedule: &Schedule) -> Self {
        Self { intermediate: places::of_the_job(&schedule.cluster) }
    }

    fn output_of(&self, attempt: AttemptId) -> String {
        match attempt.task {
            TaskId::Map(map) => format!("{}/map-{}-{}", self.intermediate, map.0, attempt.attempt.0),
            TaskId::Reduce(partition) => format!("mr-out-{partition}"),
        }
    }
}

impl Invariant for CommitsAreReal {
    fn name(&self) -> &'static str {
        "commits_are_real"
    }

    fn check(&mut self, _at: Duration, event: &Event, disk: &DiskView<'_>) -> Verdict {
        let Some(coordinator::Event::AttemptCommitted { attempt, worker, .. }) = decided(event) else { return Ok(()) };
        let path = self.output_of(*attempt);
        if !disk.exists(&path) {
            return Err(format!("{attempt} of worker {} was committed, but there is no {path}", worker.0));
        }
        if !disk.is_durable(&path) {
            return Err(format!(
                "{attempt} of worker {} was committed, but a power loss could still take {path}",
                worker.0
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{committed, map, reduce, schedule, watch};

    #[test]
    fn what_is_there_and_synced_may_be_committed() {
        let mut disk = StillDisk::default();
        disk.put("mr-job-0000000000000001/map-0-2", b"run");
        disk.put("mr-out-1", b"");
        assert_eq!(
            watch(&mut CommitsAreReal::new(&schedule()), &disk, [committed(map(0, 2)), committed(reduce(1, 1))]),
            Ok(())
        );
    }

    #[test]
    fn a_commit_without_its_file_is_a_broken_promise() {
        let mut disk = StillDisk::default();
        disk.put("mr-job-0000000000000001/map-0-1.tmp", b"run");
        let broken = watch(&mut CommitsAreReal::new(&schedule()), &disk, [committed(map(0, 1))]).unwrap_err();
        assert!(broken.contains("there is no mr-job-0000000000000001/map-0-1"), "{broken}");
    }

    #[test]
    fn a_commit_that_a_power_loss_could_undo_is_a_broken_promise() {
        let mut disk = StillDisk::default();
        disk.put_unsynced("mr-out-0", b"a 1\n");
        let broken = watch(&mut CommitsAreReal::new(&schedule()), &disk, [committed(reduce(0, 1))]).unwrap_err();
        assert!(broken.contains("a power loss could still take mr-out-0"), "{broken}");
    }
}
