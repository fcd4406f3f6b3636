//! When a job has succeeded and everybody has left, nothing is left of it but its outputs: no temporary and no intermediate
//! file, no directory. (Lab 1: intermediate files are for the workers' eyes only.)
//!
//! What is *not* promised: that somebody cleans up when every worker dies between the last commit and the end of the
//! coordinator's grace. The coordinator does not wait for dead workers, and it cannot reach their files. So the promise holds
//! for runs in which at least one worker left while the coordinator was still there.

use sim::{DiskView, Event};

/// Who has left so far.
#[derive(Default)]
pub(super) struct NothingLeft {
    coordinator_left: bool,
    a_worker_left_in_time: bool,
}

impl NothingLeft {
    pub(super) fn watch(&mut self, event: &Event) {
        if let Event::NodeFinished { node } = event {
            self.coordinator_left |= node.name() == "coordinator";
            self.a_worker_left_in_time |= !self.coordinator_left;
        }
    }

    pub(super) fn check_end(&self, disk: &DiskView<'_>) -> Result<(), String> {
        if !self.a_worker_left_in_time {
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
