//! Nothing is done after the job is done: nothing more is assigned, granted or committed, no output appears, vanishes or changes,
//! and a worker that has left changes no file. (Lab 1: when the job is done, workers exit.)
//!
//! What changes nothing that anybody could see is allowed: a rename of an output over itself, by an attempt that was told to
//! commit and slept; an append that a very slow disk carries out late, to a file whose name has been removed. Outputs of a job that
//! failed may still appear, from reduces that had been told to commit before.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::protocol::Ending;
use sim::{DiskView, Event, FileEvent, Operation};

use super::{Invariant, Verdict, decided};
use crate::notes::WorkerLeft;

/// What there was at the end.
#[derive(Default)]
pub(super) struct QuietAfterEnd {
    ended: bool,
    /// The outputs of a job that has succeeded: names and bytes.
    outputs: Vec<(String, Vec<u8>)>,
    /// The nodes whose worker has left in peace.
    left: BTreeSet<usize>,
    /// Files that were removed under the only name that they ever had. (No name is used twice.)
    nameless: BTreeSet<Arc<str>>,
    /// Names of which a file has got another.
    renamed: BTreeSet<Arc<str>>,
}

fn outputs(disk: &DiskView<'_>) -> impl Iterator<Item = String> {
    disk.list("").filter(|name| name.starts_with("mr-out-")).map(str::to_owned)
}

impl QuietAfterEnd {
    fn check_decision(&mut self, event: &coordinator::Event, disk: &DiskView<'_>) -> Verdict {
        match event {
            coordinator::Event::JobEnded { ending } => {
                if self.ended {
                    return Err("the job has ended twice".to_owned());
                }
                self.ended = true;
                if *ending == Ending::Succeeded {
                    let bytes = |name: &str| disk.read(name).unwrap_or_default().to_vec();
                    self.outputs = outputs(disk).map(|name| (name.clone(), bytes(&name))).collect();
                }
                Ok(())
            }
            coordinator::Event::AttemptAssigned { attempt, .. } if self.ended => {
                Err(format!("{attempt} was given out after the end of the job"))
            }
            coordinator::Event::CommitGranted { attempt } if self.ended => {
                Err(format!("{attempt} was told to commit after the end of the job"))
            }
            coordinator::Event::AttemptCommitted { attempt, .. } if self.ended => {
                Err(format!("{attempt} was committed after the end of the job"))
            }
            _ => Ok(()),
        }
    }

    fn check_outputs(&self, disk: &DiskView<'_>) -> Verdict {
        for (name, bytes) in &self.outputs {
            if disk.read(name) != Some(bytes) {
                return Err(format!("{name} is not what it was when the job ended"));
            }
        }
        let known = |name: &String| self.outputs.iter().any(|(output, _)| output == name);
        match outputs(disk).find(|name| !known(name)) {
            Some(name) if !self.outputs.is_empty() => Err(format!("{name} appeared after the end of the job")),
            _ => Ok(()),
        }
    }

    /// A name was given or taken away.
    fn follow_names(&mut self, step: &FileEvent) {
        match step.operation {
            Operation::Rename | Operation::HardLink => drop(self.renamed.insert(Arc::clone(&step.path))),
            Operation::RemoveFile if !self.renamed.contains(&step.path) => {
                self.nameless.insert(Arc::clone(&step.path));
            }
            _ => {}
        }
    }

    /// Whether a step can change a file that has a name, or a name. A worker whose clock leaps may leave while an attempt of its still
    /// reads.
    fn changes_something(&self, step: &FileEvent) -> bool {
        match step.operation {
            Operation::Append => !self.nameless.contains(&step.path),
            Operation::Create | Operation::Rename | Operation::HardLink | Operation::RemoveFile => true,
            _ => false,
        }
    }
}

/// Whether a step can change an output: by its name, or by what is written to a file under whatever name.
fn may_touch_outputs(step: &FileEvent) -> bool {
    let is_output = |path: &str| path.starts_with("mr-out-");
    step.operation == Operation::Append || is_output(&step.path) || step.to.as_deref().is_some_and(is_output)
}

impl Invariant for QuietAfterEnd {
    fn name(&self) -> &'static str {
        "quiet_after_end"
    }

    fn watches(&self) -> &'static [Operation] {
        use Operation as O;
        // All that there are: nothing that is done to an output after the end goes unseen, not even reading it, which rot can turn into a change.
        &[
            O::Open,
            O::Create,
            O::Read,
            O::Append,
            O::Sync,
            O::Metadata,
            O::Rename,
            O::HardLink,
            O::RemoveFile,
            O::CreateDir,
            O::RemoveDir,
            O::ReadDir,
            O::SyncDir,
        ]
    }

    fn check(&mut self, _at: Duration, event: &Event, disk: &DiskView<'_>) -> Verdict {
        match event {
            Event::Note { node, note } => {
                if let (Some(node), Some(WorkerLeft(Ok(_)))) = (node, note.get()) {
                    self.left.insert(node.index());
                }
                decided(event).map_or(Ok(()), |event| self.check_decision(event, disk))
            }
            Event::NodeStarted { node, .. } => {
                self.left.remove(&node.index());
                Ok(())
            }
            Event::File(step) => {
                if step.result.is_ok() {
                    self.follow_names(step);
                }
                if !self.ended {
                    return Ok(());
                }
                let gone = self.left.contains(&step.node.index());
                if gone && step.result.is_ok() && self.changes_something(step) {
                    return Err(format!("{step}, after its worker had left"));
                }
                if may_touch_outputs(step) { self.check_outputs(disk) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sim::{Noted, StillDisk};

    use super::*;
    use crate::invariants::testing::{assigned, committed, map, node, reduce, step, succeeded, watch};

    fn outputs(bytes: &[u8]) -> StillDisk {
        let mut disk = StillDisk::default();
        disk.put("mr-out-0", bytes);
        disk
    }

    fn renamed() -> Event {
        step("w1", Operation::Rename, "mr-job-1/reduce-0-1.link", Some("mr-out-0"))
    }

    #[test]
    fn an_output_renamed_over_itself_is_no_change() {
        let history = [committed(reduce(0, 1)), succeeded(), renamed()];
        assert_eq!(watch(&mut QuietAfterEnd::default(), &outputs(b"a 1\n"), history), Ok(()));
    }

    #[test]
    fn an_output_that_changes_or_appears_after_the_end_is_a_broken_promise() {
        for (after, words) in [("mr-out-0", "is not what it was"), ("mr-out-9", "appeared after")] {
            let mut invariant = QuietAfterEnd::default();
            assert_eq!(watch(&mut invariant, &outputs(b"a 1\n"), [succeeded()]), Ok(()));
            let mut disk = outputs(b"a 1\n");
            disk.put(after, b"b 2\n");
            let broken = watch(&mut invariant, &disk, [renamed()]).unwrap_err();
            assert!(broken.contains(words), "{broken}");
        }
    }

    #[test]
    fn nothing_is_given_out_or_committed_after_the_end() {
        for late in [assigned(0, map(0, 2), 1), committed(reduce(0, 2)), succeeded()] {
            assert!(watch(&mut QuietAfterEnd::default(), &outputs(b""), [succeeded(), late]).is_err());
        }
    }

    #[test]
    fn a_worker_that_has_left_changes_no_file() {
        let left = || Event::Note { node: Some(node("w1")), note: Noted::new(WorkerLeft(Ok(Ending::Succeeded))) };
        let removes = |worker| step(worker, Operation::RemoveFile, "mr-job-1/map-0-1", None);
        let check = |history: Vec<Event>| watch(&mut QuietAfterEnd::default(), &outputs(b""), history);
        assert_eq!(check(vec![succeeded(), left(), removes("w2")]), Ok(()));
        assert!(check(vec![succeeded(), left(), removes("w1")]).unwrap_err().contains("after its worker had left"));

        let path = "mr-job-1/reduce-0-1.merge-0";
        let append = || step("w1", Operation::Append, path, None);
        let removed = || step("w2", Operation::RemoveFile, path, None);
        assert_eq!(check(vec![removed(), succeeded(), left(), append()]), Ok(()), "nobody can see what is in it");
        let linked = || step("w1", Operation::HardLink, path, Some("mr-job-1/output-0"));
        for named in [vec![], vec![linked()], vec![linked(), removed()]] {
            let broken = check([named, vec![succeeded(), left(), append()]].concat()).unwrap_err();
            assert!(broken.contains("after its worker had left"), "{broken}");
        }
    }
}
