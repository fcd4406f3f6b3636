//! A worker that gives up leaves nothing half-done behind: no temporary file of an attempt that it ran. (`mr_core::worker::run`: what its
//! unfinished attempts wrote is removed; lab 1: intermediate files are for the workers' eyes only.)
//!
//! A worker gives up when it has lost its coordinator, and nobody else knows of its files: whoever looks after the end removes the whole
//! directory, but after a coordinator that died nobody does. What is *not* promised: that a disk that will not remove a file is made to.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

use sim::{DiskView, Event, FileEvent, Operation};

use super::{Invariant, Verdict};
use crate::notes::{WorkerLeft, WorkerStarts};
use crate::places::in_job;

/// What each worker has made since it started.
#[derive(Default)]
pub(super) struct GivesUpCleanly {
    made: BTreeMap<String, Made>,
}

#[derive(Default)]
struct Made {
    files: Vec<String>,
    /// Whether its disk would not remove something, or not say what is there.
    excused: bool,
}

impl GivesUpCleanly {
    fn step(&mut self, step: &FileEvent) {
        let Some(made) = self.made.get_mut(step.node.name()) else { return };
        let path = step.to.as_ref().unwrap_or(&step.path);
        match (step.operation, step.result) {
            (Operation::Create | Operation::HardLink, Ok(())) if is_temporary(path) => {
                made.files.push(path.to_string());
            }
            (Operation::RemoveFile | Operation::ReadDir, Err(error)) if error != ErrorKind::NotFound => {
                made.excused = true;
            }
            _ => {}
        }
    }
}

/// Whether it is an attempt's own: only these names have a dot.
fn is_temporary(path: &str) -> bool {
    in_job(path).is_some_and(|(_, name)| name.contains('.'))
}

impl Invariant for GivesUpCleanly {
    fn name(&self) -> &'static str {
        "gives_up_cleanly"
    }

    fn watches(&self) -> &'static [Operation] {
        &[Operation::Create, Operation::HardLink, Operation::RemoveFile, Operation::ReadDir]
    }

    fn check(&mut self, _at: Duration, event: &Event, disk: &DiskView<'_>) -> Verdict {
        match event {
            Event::File(step) => self.step(step),
            Event::Note { node: Some(node), note } if note.get::<WorkerStarts>().is_some() => {
                self.made.insert(node.name().to_owned(), Made::default());
            }
            Event::Note { node: Some(node), note } => {
                let Some(WorkerLeft(Err(error))) = note.get() else { return Ok(()) };
                let made = self.made.remove(node.name()).unwrap_or_default();
                let left = made.files.iter().find(|path| !made.excused && disk.exists(path));
                if let Some(path) = left {
                    return Err(format!("{node} gave up ({error}) and left {path}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim::{Noted, StillDisk};

    use super::*;
    use crate::invariants::testing::{node, step, watch};

    const FILE: &str = "mr-job-1/reduce-0-1.tmp";

    fn starts() -> Event {
        Event::Note { node: Some(node("w1")), note: Noted::new(WorkerStarts) }
    }

    fn gives_up() -> Event {
        Event::Note { node: Some(node("w1")), note: Noted::new(WorkerLeft(Err("no coordinator".into()))) }
    }

    fn after(history: impl IntoIterator<Item = Event>, left: &[&str]) -> Verdict {
        let mut disk = StillDisk::default();
        left.iter().for_each(|path| disk.put(path, b""));
        watch(&mut GivesUpCleanly::default(), &disk, history)
    }

    #[test]
    fn a_temporary_file_of_its_own_may_not_stay() {
        let created = || step("w1", Operation::Create, FILE, None);
        assert_eq!(after([starts(), created(), gives_up()], &[]), Ok(()));
        let broken = after([starts(), created(), gives_up()], &[FILE]).unwrap_err();
        assert!(broken.ends_with(FILE), "{broken}");
    }

    #[test]
    fn what_others_have_made_or_it_made_in_an_earlier_life_may() {
        let others = step("w2", Operation::Create, FILE, None);
        assert_eq!(after([starts(), others, gives_up()], &[FILE]), Ok(()));
        let earlier = step("w1", Operation::Create, FILE, None);
        assert_eq!(after([starts(), earlier, starts(), gives_up()], &[FILE]), Ok(()), "it died and started anew");
    }

    #[test]
    fn a_complete_map_output_may_stay_and_so_may_what_the_disk_will_not_remove() {
        let renamed = step("w1", Operation::Create, "mr-job-1/map-0-1", None);
        assert_eq!(after([starts(), renamed, gives_up()], &["mr-job-1/map-0-1"]), Ok(()));
        let mut stuck = step("w1", Operation::RemoveFile, FILE, None);
        if let Event::File(step) = &mut stuck {
            step.result = Err(ErrorKind::Other);
        }
        assert_eq!(after([starts(), step("w1", Operation::Create, FILE, None), stuck, gives_up()], &[FILE]), Ok(()));
    }
}
