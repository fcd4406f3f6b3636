//! Every `mr-out-X` that anybody can see has exactly the bytes that the sequential run says for its partition, and is not there at all if the
//! app stumbles on the way to it; once its reduce is committed it never vanishes; and when the job has succeeded all of them are there.
//! Nothing else is ever called `mr-out-…`: who takes all files of such names, as the lab's own tests do, takes outputs. (MapReduce paper,
//! sections 3.3 and 4.5; lab 1: a crash must not leave a partially written output for others to see.)
//!
//! Checked at every step that changes an output, whatever the name under which it is changed. An output that its worker has not reported
//! yet may still vanish in a power loss.

use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{Partition, TaskId};
use mr_core::protocol::Ending;
use sim::{DiskView, Event, FileEvent, Operation};

use super::{Invariant, Verdict, decided};
use crate::apps::without_signatures;
use crate::oracle::Expected;

/// The outputs as they must be.
pub(super) struct Outputs {
    /// The bytes of each; none, of one that cannot be made.
    expected: Vec<Option<Vec<u8>>>,
    /// Of an app that signs what it writes: the bytes of each output when last seen.
    signed: Option<Vec<Option<Vec<u8>>>>,
    committed: Vec<bool>,
    /// Whether each was there when last looked at.
    visible: Vec<bool>,
    names: Vec<String>,
    succeeded: bool,
}

impl Outputs {
    /// Of a job of which `expected` must come.
    pub(super) fn new(expected: &Expected) -> Self {
        let partitions = expected.outputs.len();
        Self {
            expected: expected.outputs.clone(),
            signed: None,
            committed: vec![false; partitions],
            visible: vec![false; partitions],
            names: (0..partitions).map(|partition| format!("mr-out-{partition}")).collect(),
            succeeded: false,
        }
    }

    /// The same of an app whose output is signed by whoever wrote it.
    pub(super) fn signed(self) -> Self {
        Self { signed: Some(vec![None; self.committed.len()]), ..self }
    }

    /// Looks at every output.
    fn check_all(&mut self, disk: &DiskView<'_>) -> Verdict {
        (0..self.names.len()).try_for_each(|partition| self.check_one(partition, disk))
    }

    /// Looks at the outputs that a step on files can have changed: a name, or the bytes of a file under whatever name.
    fn check_step(&mut self, step: &FileEvent, disk: &DiskView<'_>) -> Verdict {
        match step.operation {
            Operation::Create | Operation::Rename | Operation::HardLink | Operation::RemoveFile => {
                self.check_names(step)?;
                let paths = [Some(&step.path), step.to.as_ref()];
                let touched = paths.into_iter().flatten().filter_map(|path| self.partition(path)).collect::<Vec<_>>();
                touched.into_iter().try_for_each(|partition| self.check_one(partition, disk))
            }
            // A failed append may have written something.
            Operation::Append if self.visible.contains(&true) => {
                let renamed = !disk.exists(&step.path);
                let touched = |partition: &usize| {
                    self.visible[*partition] && (renamed || disk.is_one_file(&step.path, &self.names[*partition]))
                };
                let touched: Vec<usize> = (0..self.names.len()).filter(touched).collect();
                touched.into_iter().try_for_each(|partition| self.check_one(partition, disk))
            }
            _ => Ok(()),
        }
    }

    /// Whose output is called `path`.
    fn partition(&self, path: &str) -> Option<usize> {
        let number: usize = path.strip_prefix("mr-out-")?.parse().ok()?;
        (self.names.get(number)? == path).then_some(number)
    }

    /// Nothing but an output gets the name of one.
    fn check_names(&self, step: &FileEvent) -> Verdict {
        let name = step.to.as_ref().unwrap_or(&step.path);
        let made = step.operation != Operation::RemoveFile && step.result.is_ok();
        match made && name.starts_with("mr-out-") && self.partition(name).is_none() {
            true => Err(format!("{name} is made among the outputs and is none of them")),
            false => Ok(()),
        }
    }

    fn check_one(&mut self, partition: usize, disk: &DiskView<'_>) -> Verdict {
        let found = disk.read(&self.names[partition]);
        self.visible[partition] = found.is_some();
        let Some(expected) = &self.expected[partition] else {
            return match found {
                None => Ok(()),
                Some(_) => {
                    Err(format!("mr-out-{partition} is there, although the app stumbles on the way to it every time"))
                }
            };
        };
        match (found, &mut self.signed) {
            (None, _) if self.committed[partition] => Err(format!("mr-out-{partition} was committed and has vanished")),
            (None, None) => Ok(()),
            (None, Some(seen)) => {
                seen[partition] = None;
                Ok(())
            }
            (Some(found), None) if found == expected => Ok(()),
            (Some(found), None) => Err(difference(partition, expected, found)),
            (Some(found), Some(seen)) => check_signed(partition, expected, found, &mut seen[partition]),
        }
    }
}

/// A signed output is that of one hand, right but for the signature, and the one that was seen before.
fn check_signed(partition: usize, expected: &[u8], found: &[u8], seen: &mut Option<Vec<u8>>) -> Verdict {
    match seen {
        Some(seen) if seen == found => return Ok(()),
        Some(seen) => return Err(format!("mr-out-{partition} has changed: {}", difference(partition, seen, found))),
        None => *seen = Some(found.to_vec()),
    }
    match without_signatures(found) {
        Some(plain) if plain == expected => Ok(()),
        Some(plain) => Err(difference(partition, expected, &plain)),
        None => Err(format!("mr-out-{partition} was written by two workers: \"{}\"", found.escape_ascii())),
    }
}

/// Where an output parts from what it should be.
fn difference(partition: usize, expected: &[u8], found: &[u8]) -> String {
    let parted = expected.iter().zip(found).position(|(one, other)| one != other);
    let at = parted.unwrap_or(expected.len().min(found.len()));
    format!(
        "mr-out-{partition} differs from the sequential run at byte {at}: expected {}, found {}",
        excerpt(expected, at),
        excerpt(found, at)
    )
}

/// The line around a byte, or where the file ends.
fn excerpt(bytes: &[u8], at: usize) -> String {
    const AFTER: usize = 60;
    if at >= bytes.len() {
        return format!("its end after {} bytes", bytes.len());
    }
    let start = bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let end = (at + AFTER).min(bytes.len());
    let end = bytes[at..end].iter().position(|&byte| byte == b'\n').map_or(end, |newline| at + newline);
    format!("\"{}\"", bytes[start.max(at.saturating_sub(AFTER))..end].escape_ascii())
}

impl Invariant for Outputs {
    fn name(&self) -> &'static str {
        "outputs"
    }

    fn watches(&self) -> &'static [Operation] {
        &[Operation::Create, Operation::Rename, Operation::HardLink, Operation::RemoveFile, Operation::Append]
    }

    fn check(&mut self, _at: Duration, event: &Event, disk: &DiskView<'_>) -> Verdict {
        match event {
            Event::Note { .. } => match decided(event) {
                Some(coordinator::Event::AttemptCommitted { attempt, .. }) => {
                    let TaskId::Reduce(Partition(partition)) = attempt.task else { return Ok(()) };
                    let Some(committed) = self.committed.get_mut(partition as usize) else { return Ok(()) };
                    *committed = true;
                    self.check_one(partition as usize, disk)
                }
                Some(coordinator::Event::JobEnded { ending: Ending::Succeeded }) => {
                    self.succeeded = true;
                    Ok(())
                }
                _ => Ok(()),
            },
            Event::File(step) => self.check_step(step, disk),
            Event::UnsyncedLost { .. } => self.check_all(disk),
            _ => Ok(()),
        }
    }

    fn check_end(&mut self, disk: &DiskView<'_>) -> Verdict {
        self.check_all(disk)?;
        let partitions = if self.succeeded { self.committed.len() } else { 0 };
        match (0..partitions).find(|partition| !disk.exists(&format!("mr-out-{partition}"))) {
            Some(partition) => Err(format!("the job has succeeded and mr-out-{partition} is not there")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{committed, expected, reduce, step, succeeded, watch};

    fn disk(files: &[(&str, &str)]) -> StillDisk {
        let mut disk = StillDisk::default();
        files.iter().for_each(|(path, bytes)| disk.put(path, bytes.as_bytes()));
        disk
    }

    fn renamed() -> Event {
        step("w1", Operation::Rename, "mr-job-1/reduce-0-1.link", Some("mr-out-0"))
    }

    #[test]
    fn the_right_bytes_may_appear_one_output_after_the_other() {
        let mut outputs = Outputs::new(&expected(&["a 1\n", ""]));
        assert_eq!(watch(&mut outputs, &disk(&[]), [renamed()]), Ok(()));
        assert_eq!(watch(&mut outputs, &disk(&[("mr-out-1", "")]), [renamed()]), Ok(()));
        let all = disk(&[("mr-out-0", "a 1\n"), ("mr-out-1", "")]);
        assert_eq!(watch(&mut outputs, &all, [renamed(), committed(reduce(0, 1))]), Ok(()));
        assert_eq!(outputs.check_end(&all.view()), Ok(()));
    }

    #[test]
    fn the_first_wrong_byte_is_named_with_its_line() {
        let mut outputs = Outputs::new(&expected(&["a 1\nb 2\n"]));
        let broken = watch(&mut outputs, &disk(&[("mr-out-0", "a 1\nb 3\n")]), [renamed()]).unwrap_err();
        assert_eq!(broken, "mr-out-0 differs from the sequential run at byte 6: expected \"b 2\", found \"b 3\"");
    }

    #[test]
    fn a_half_written_output_is_seen_while_it_grows() {
        let mut outputs = Outputs::new(&expected(&["a 1\n"]));
        let grows = step("w1", Operation::Append, "mr-job-1/reduce-0-1.tmp", None);
        assert_eq!(watch(&mut outputs, &disk(&[("mr-out-0", "a 1\n")]), [renamed()]), Ok(()));
        let broken = watch(&mut outputs, &disk(&[("mr-out-0", "a 1\nb")]), [grows]).unwrap_err();
        assert!(broken.ends_with("expected its end after 4 bytes, found \"b\""), "{broken}");
        let created = step("w1", Operation::Create, "mr-out-0", None);
        let mut outputs = Outputs::new(&expected(&["a 1\n"]));
        let broken = watch(&mut outputs, &disk(&[("mr-out-0", "a")]), [created]).unwrap_err();
        assert!(broken.ends_with("expected \"a 1\", found its end after 1 bytes"), "{broken}");
    }

    #[test]
    fn a_committed_output_may_not_vanish_and_one_not_committed_may() {
        let mut outputs = Outputs::new(&expected(&["a 1\n"]));
        let there = disk(&[("mr-out-0", "a 1\n")]);
        let power_loss = || Event::UnsyncedLost {
            node: crate::invariants::testing::node("w1"),
            appends: 0,
            names: 1,
            digest: 0,
            lost: Default::default(),
        };
        assert_eq!(watch(&mut outputs, &there, [renamed()]), Ok(()));
        assert_eq!(watch(&mut outputs, &disk(&[]), [power_loss()]), Ok(()));
        assert_eq!(watch(&mut outputs, &there, [committed(reduce(0, 1))]), Ok(()));
        assert!(watch(&mut outputs, &disk(&[]), [power_loss()]).unwrap_err().contains("vanished"));
    }

    #[test]
    fn a_signed_output_may_be_anybodys_but_not_change_hands() {
        let mut outputs = Outputs::new(&expected(&["a 1#0\n"])).signed();
        let by = |signature: &str| disk(&[("mr-out-0", &format!("a 1#{signature}\n"))]);
        assert_eq!(watch(&mut outputs, &by("3"), [renamed(), renamed()]), Ok(()));
        let broken = watch(&mut outputs, &by("4"), [renamed()]).unwrap_err();
        assert!(broken.starts_with("mr-out-0 has changed"), "{broken}");
        let mut outputs = Outputs::new(&expected(&["a 1#0\n"])).signed();
        assert!(watch(&mut outputs, &disk(&[("mr-out-0", "a 2#3\n")]), [renamed()]).is_err(), "a wrong count");
        assert_eq!(watch(&mut outputs, &disk(&[]), [renamed()]), Ok(()), "a power loss before it was reported");
        assert_eq!(watch(&mut outputs, &by("4"), [renamed()]), Ok(()));
    }

    #[test]
    fn a_job_that_must_fail_is_held_to_what_can_be_made_of_it() {
        let of = |outputs| Outputs::new(&Expected { outputs, ..expected(&[]) });
        let one_of_two = || of(vec![Some(b"a 1\n".to_vec()), None]);
        assert_eq!(watch(&mut one_of_two(), &disk(&[("mr-out-0", "a 1\n")]), [renamed()]), Ok(()));
        assert!(watch(&mut one_of_two(), &disk(&[("mr-out-0", "a 2\n")]), [renamed()]).is_err());
        let second = step("w1", Operation::Rename, "mr-job-1/reduce-1-1.link", Some("mr-out-1"));
        let broken = watch(&mut one_of_two(), &disk(&[("mr-out-1", "")]), [second]).unwrap_err();
        assert!(broken.starts_with("mr-out-1 is there, although the app stumbles"), "{broken}");
    }

    #[test]
    fn nothing_else_is_called_like_an_output() {
        let check = |event| watch(&mut Outputs::new(&expected(&[""])), &disk(&[("mr-out-0", "")]), [event]);
        for stray in ["mr-out-0.tmp", "mr-out-1", "mr-out-00", "mr-out-"] {
            let created = check(step("w1", Operation::Create, stray, None)).unwrap_err();
            assert_eq!(created, format!("{stray} is made among the outputs and is none of them"));
            assert!(check(step("w1", Operation::HardLink, "mr-job-1/reduce-0-1.tmp", Some(stray))).is_err(), "{stray}");
        }
        assert_eq!(check(step("w1", Operation::Create, "mr-out-0", None)), Ok(()));
        assert_eq!(check(step("w1", Operation::Create, "mr-job-1/mr-out-1", None)), Ok(()));
    }

    #[test]
    fn a_job_that_succeeded_has_all_its_outputs() {
        let mut outputs = Outputs::new(&expected(&["", "b 1\n"]));
        let one = disk(&[("mr-out-0", "")]);
        assert_eq!(watch(&mut outputs, &one, [succeeded()]), Ok(()));
        assert!(outputs.check_end(&one.view()).unwrap_err().contains("mr-out-1 is not there"));
    }
}
