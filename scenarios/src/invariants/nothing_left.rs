//! When a job has ended and everybody has left, nothing is left of it but its outputs: no temporary and no intermediate file, no
//! directory. (Lab 1: intermediate files are for the workers' eyes only.)
//!
//! What is *not* promised, and why:
//!
//! * that somebody cleans up when every worker dies between the last commit and the end of the coordinator's grace. The
//!   coordinator does not wait for dead workers and cannot reach their files;
//! * that what was removed stays removed in a power loss. Nobody syncs a removal: it costs time, and a file that is back harms
//!   nobody;
//! * that a map output goes which was finished after the end, by a worker that slept through it. It finds no coordinator to
//!   report to, and cannot know whether its earlier report was heard and others read that output.

use std::time::Duration;

use mr_core::coordinator;
use sim::{DiskView, Event, Operation};

use super::{Invariant, Verdict, decided};
use crate::notes::{CoordinatorLeft, WorkerLeft};

/// Who has left so far, and what may be left for it.
#[derive(Default)]
pub(super) struct NothingLeft {
    ended: bool,
    coordinator_left: bool,
    a_worker_left_in_time: bool,
    excused: bool,
}

impl Invariant for NothingLeft {
    fn name(&self) -> &'static str {
        "nothing_left"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        match event {
            Event::Note { note, .. } => {
                self.ended |= matches!(decided(event), Some(coordinator::Event::JobEnded { .. }));
                self.coordinator_left |= note.get::<CoordinatorLeft>().is_some();
                let left = note.get::<WorkerLeft>().is_some_and(|left| left.0.is_ok());
                self.a_worker_left_in_time |= left && !self.coordinator_left;
            }
            Event::UnsyncedLost { names, .. } => self.excused |= self.ended && *names > 0,
            Event::File(step) if self.ended && step.operation == Operation::Rename => {
                self.excused |= step.to.as_ref().is_some_and(|to| to.contains("/map-"));
            }
            _ => {}
        }
        Ok(())
    }

    fn check_end(&mut self, disk: &DiskView<'_>) -> Verdict {
        if self.excused || !self.a_worker_left_in_time {
            return Ok(());
        }
        let left = disk.files().find(|path| !path.starts_with("in/") && !path.starts_with("mr-out-"));
        let directory = disk.list("").find(|name| name.starts_with("mr-job-"));
        match left.or(directory) {
            Some(path) => Err(format!("{path} is left although the job has ended and a worker has left in peace")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use mr_core::protocol::Ending;
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{node, note, step, succeeded, watch};

    fn after(history: Vec<Event>, left: &[&str]) -> Verdict {
        let mut disk = StillDisk::default();
        for path in ["in/0", "mr-out-0"].iter().chain(left) {
            disk.put(path, b"");
        }
        let mut invariant = NothingLeft::default();
        watch(&mut invariant, &disk, [succeeded()].into_iter().chain(history))?;
        invariant.check_end(&disk.view())
    }

    fn worker_left() -> Event {
        note(WorkerLeft(Ok(Ending::Succeeded)))
    }

    fn coordinator_left() -> Event {
        note(CoordinatorLeft(Ending::Succeeded))
    }

    #[test]
    fn inputs_and_outputs_may_stay() {
        assert_eq!(after(vec![worker_left(), coordinator_left()], &[]), Ok(()));
    }

    #[test]
    fn an_intermediate_file_or_an_unknown_one_may_not() {
        for left in ["mr-job-1/map-0-1", "mr-0-0", "mr-job-1/reduce-0-1.tmp"] {
            let broken = after(vec![worker_left(), coordinator_left()], &[left]).unwrap_err();
            assert!(broken.starts_with(left), "{broken}");
        }
    }

    #[test]
    fn nobody_is_blamed_when_no_worker_was_there_to_clean_up() {
        assert_eq!(after(vec![coordinator_left(), worker_left()], &["mr-job-1/map-0-1"]), Ok(()));
    }

    #[test]
    fn a_removal_undone_by_a_power_loss_and_a_map_finished_after_the_end_are_excused() {
        let power_loss = Event::UnsyncedLost { node: node("w1"), appends: 0, names: 1 };
        let late = step("w1", Operation::Rename, "mr-job-1/map-0-1.tmp", Some("mr-job-1/map-0-1"));
        for excuse in [power_loss, late] {
            assert_eq!(after(vec![worker_left(), coordinator_left(), excuse], &["mr-job-1/map-0-1"]), Ok(()));
        }
    }
}
