//! Every `mr-out-X` that anybody can see has exactly the bytes that the sequential run says for its partition; once its reduce is
//! committed it never vanishes; and in the end all of them are there. (MapReduce paper, sections 3.3 and 4.5; lab 1: "a worker
//! should not leave a partially written output".)
//!
//! Checked after every step on files. An output that its worker has not reported yet may still vanish in a power loss.

use mr_core::ids::TaskId;
use sim::{DiskView, Event};

use crate::rehearsal::Committed;

/// The outputs as they must be.
pub(super) struct Outputs {
    oracle: Vec<Vec<u8>>,
    committed: Vec<bool>,
}

impl Outputs {
    pub(super) fn new(oracle: Vec<Vec<u8>>) -> Self {
        Self { committed: vec![false; oracle.len()], oracle }
    }

    pub(super) fn check(&mut self, event: &Event, disk: &DiskView<'_>) -> Result<(), String> {
        match event {
            Event::Note { note, .. } => {
                if let Some(Committed(attempt)) = note.get()
                    && let TaskId::Reduce(partition) = attempt.task
                {
                    self.committed[partition.0 as usize] = true;
                    return self.check_visible(disk);
                }
                Ok(())
            }
            Event::File(step)
                if [Some(&step.path), step.to.as_ref()].into_iter().flatten().any(|path| path.contains("mr-out")) =>
            {
                self.check_visible(disk)
            }
            Event::UnsyncedLost { .. } => self.check_visible(disk),
            _ => Ok(()),
        }
    }

    pub(super) fn check_end(&self, disk: &DiskView<'_>) -> Result<(), String> {
        self.check_visible(disk)?;
        match (0..self.oracle.len()).find(|partition| disk.read(&format!("mr-out-{partition}")).is_none()) {
            Some(partition) => Err(format!("the job has ended and mr-out-{partition} is not there")),
            None => Ok(()),
        }
    }

    fn check_visible(&self, disk: &DiskView<'_>) -> Result<(), String> {
        for (partition, (expected, committed)) in self.oracle.iter().zip(&self.committed).enumerate() {
            match disk.read(&format!("mr-out-{partition}")) {
                None if *committed => return Err(format!("mr-out-{partition} was committed and has vanished")),
                None => {}
                Some(found) if found == expected => {}
                Some(found) => {
                    let at =
                        expected.iter().zip(found).position(|(a, b)| a != b).unwrap_or(expected.len().min(found.len()));
                    return Err(format!(
                        "mr-out-{partition} differs from the sequential run at byte {at}: expected {:?}, found {:?}",
                        String::from_utf8_lossy(expected),
                        String::from_utf8_lossy(found)
                    ));
                }
            }
        }
        Ok(())
    }
}
