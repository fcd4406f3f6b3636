//! When a job has succeeded and everybody has left, nothing is left of it but its outputs: no temporary and no intermediate
//! file, no directory. (Lab 1: intermediate files are for the workers' eyes only.)
//!
//! What is *not* promised, and why:
//!
//! * that somebody cleans up when every worker dies between the last commit and the end of the coordinator's grace. The
//!   coordinator does not wait for dead workers and cannot reach their files;
//! * that what was removed stays removed in a power loss. Nobody syncs a removal: it costs time, and a file that is back harms
//!   nobody;
//! * that a map output goes which was finished after the end, by a worker that slept through it. It finds no coordinator to
//!   report to, and cannot know whether its earlier report was heard and others read that output.

use sim::{DiskView, Event, Operation};

use crate::rehearsal::Ended;

/// Who has left so far, and what may be left for it.
#[derive(Default)]
pub(super) struct NothingLeft {
    ended: bool,
    coordinator_left: bool,
    a_worker_left_in_time: bool,
    excused: bool,
}

impl NothingLeft {
    pub(super) fn watch(&mut self, event: &Event) {
        match event {
            Event::Note { note, .. } => self.ended |= note.get::<Ended>().is_some(),
            Event::NodeFinished { node } => {
                self.coordinator_left |= node.name() == "coordinator";
                self.a_worker_left_in_time |= !self.coordinator_left;
            }
            Event::UnsyncedLost { names, .. } => self.excused |= self.ended && *names > 0,
            Event::File(step) if self.ended && step.operation == Operation::Rename => {
                self.excused |= step.to.as_ref().is_some_and(|to| to.contains("/map-"));
            }
            _ => {}
        }
    }

    pub(super) fn check_end(&self, disk: &DiskView<'_>) -> Result<(), String> {
        if self.excused || !self.a_worker_left_in_time {
            return Ok(());
        }
        let left = disk.files().find(|path| !path.starts_with("in/") && !path.starts_with("mr-out-"));
        let directory = disk.list("").find(|name| name.starts_with("mr-job-"));
        match left.or(directory) {
            Some(path) => Err(format!("{path} is left although the job has succeeded")),
            None => Ok(()),
        }
    }
}
