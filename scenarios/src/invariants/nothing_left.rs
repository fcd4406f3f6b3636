//! When a job has ended and everybody has left, nothing is left of it but its outputs: no temporary and no intermediate file, no
//! directory. (Lab 1: intermediate files are for the workers' eyes only.)
//!
//! What is *not* promised, and why:
//!
//! * that somebody cleans up when no worker lives to say goodbye after the end, and none comes later and is told so: workers clean up before
//!   they leave. The coordinator does not wait for dead workers and cannot reach their files;
//! * that what was removed stays removed in a power loss. Nobody syncs a removal: it costs time, and a file that is back harms
//!   nobody;
//! * that a map output goes which was finished after the end, by a worker that slept through it. It finds no coordinator to
//!   report to, and cannot know whether its earlier report was heard and others read that output;
//! * that what a worker itself makes after the end goes when it dies before it can clean up: the others may have swept and left by then. So
//!   with what a step on files makes that takes effect when its process is gone: a worker does not wait long for a disk that hangs;
//! * that a worker cleans up whose disk errs at every try: it tries ten times, with longer and longer pauses, and then leaves. Others are
//!   still held to it, but for what that worker has made after the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::WorkerId;
use sim::{DiskView, Event, FileEvent, Noted, Operation};

use super::{Invariant, Verdict, decided};
use crate::notes::{WorkerLeft, WorkerStarts};
use crate::places::{APART, KEEPER};

/// Who has left so far, and what may be left for it.
#[derive(Default)]
pub(super) struct NothingLeft {
    ended: bool,
    /// The nodes of all workers.
    node_of: BTreeMap<WorkerId, String>,
    /// The nodes whose goodbye was heard after the end.
    said_goodbye: BTreeSet<String>,
    /// The nodes whose worker has left in peace.
    in_peace: BTreeSet<String>,
    /// The nodes whose worker has been registered since it started.
    registered: BTreeSet<String>,
    /// Whether a worker that came too late has left in peace, and nobody has made anything since.
    swept: bool,
    /// What each node has made after the end.
    made: BTreeMap<String, BTreeSet<String>>,
    /// What was made after the end by who could not clean up any more.
    orphaned: BTreeSet<String>,
    /// The nodes whose process has returned or died.
    gone: BTreeSet<String>,
    /// How often a fault made a step of cleaning up fail, by node.
    failed_sweeps: BTreeMap<String, u32>,
    excused: bool,
}

/// How often a worker tries to clean up (`SWEEP_ROUNDS` in `mr-core/src/worker/files.rs`).
const TRIES: u32 = 10;

impl NothingLeft {
    /// The program of a worker starts or returns.
    fn program(&mut self, node: &str, note: &Noted) {
        if note.get::<WorkerStarts>().is_some() {
            self.registered.remove(node);
        } else if let Some(WorkerLeft(Ok(_))) = note.get() {
            self.in_peace.insert(node.to_owned());
            // Who was not registered was told that it is over, and cleans up for those who cannot.
            self.swept |= !self.registered.contains(node) && self.can_sweep(node);
        }
    }
}

impl NothingLeft {
    /// A step on files after the end.
    fn step(&mut self, step: &FileEvent) {
        use Operation::{Create, CreateDir, HardLink, ReadDir, RemoveDir, RemoveFile, Rename};
        let node = step.node.name();
        let made = matches!(step.operation, Create | CreateDir | HardLink | Rename) && step.result.is_ok();
        if made {
            self.swept = false;
            let path = step.to.as_ref().unwrap_or(&step.path);
            match step.operation {
                Rename if path.contains("/map-") => self.orphaned.insert(path.to_string()),
                Rename => false,
                _ => self.made.entry(node.to_owned()).or_default().insert(path.to_string()),
            };
            if self.gone.contains(node) {
                self.orphan(node);
            }
        }
        let sweeps = matches!(step.operation, ReadDir | RemoveDir | RemoveFile);
        if sweeps && step.result.is_err() && step.spoiled_by.is_some() {
            *self.failed_sweeps.entry(node.to_owned()).or_default() += 1;
            if !self.can_sweep(node) {
                self.orphan(node);
            }
        }
    }

    /// Whether the disk did not err at every try of a worker to clean up.
    fn can_sweep(&self, node: &str) -> bool {
        self.failed_sweeps.get(node).is_none_or(|failed| *failed < TRIES)
    }

    /// What `node` has made after the end is nobody's any more.
    fn orphan(&mut self, node: &str) {
        self.orphaned.extend(self.made.remove(node).unwrap_or_default());
    }

    /// Whether nobody is to blame for what is left at `path`, which may be the directory of what nobody is to blame for.
    fn is_orphaned(&self, path: &str) -> bool {
        let inside =
            |orphan: &String| orphan.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.orphaned.iter().any(inside)
    }
}

impl Invariant for NothingLeft {
    fn name(&self) -> &'static str {
        "nothing_left"
    }

    fn watches(&self) -> &'static [Operation] {
        use Operation::{Create, CreateDir, HardLink, ReadDir, RemoveDir, RemoveFile, Rename};
        &[Create, CreateDir, HardLink, ReadDir, RemoveDir, RemoveFile, Rename]
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        match event {
            Event::Note { node, note } => {
                if let Some(node) = node {
                    self.program(node.name(), note);
                }
                match decided(event) {
                    Some(coordinator::Event::JobEnded { .. }) => self.ended = true,
                    Some(coordinator::Event::WorkerRegistered { worker, name, .. }) => {
                        self.node_of.insert(*worker, name.clone());
                        self.registered.insert(name.clone());
                    }
                    Some(coordinator::Event::WorkerLeft { worker }) if self.ended => {
                        self.said_goodbye.extend(self.node_of.get(worker).cloned());
                    }
                    _ => {}
                }
            }
            Event::UnsyncedLost { names, .. } => self.excused |= self.ended && *names > 0,
            Event::NodeStarted { node, .. } => {
                self.gone.remove(node.name());
            }
            Event::NodeFinished { node } => {
                self.gone.insert(node.name().to_owned());
            }
            Event::NodeCrashed { node } => {
                self.gone.insert(node.name().to_owned());
                self.orphan(node.name());
            }
            Event::File(step) if self.ended => self.step(step),
            _ => {}
        }
        Ok(())
    }

    fn check_end(&mut self, disk: &DiskView<'_>) -> Verdict {
        let swept = self.said_goodbye.intersection(&self.in_peace).any(|node| self.can_sweep(node));
        if self.excused || !self.swept && !swept {
            return Ok(());
        }
        let is_given = |path: &str| path.starts_with("in/") || path.starts_with("mr-out-") || path == KEEPER;
        let belongs = |path: &str| is_given(path) || self.is_orphaned(path);
        let file = disk.files().map(str::to_owned).find(|path| !belongs(path));
        let beside = disk.list("").map(str::to_owned);
        let apart = disk.list(APART).map(|name| format!("{APART}/{name}"));
        let mut directories = beside.chain(apart).filter(|path| path.contains("mr-job-"));
        match file.or_else(|| directories.find(|path| !belongs(path))) {
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
    use crate::invariants::testing::{happened, node, registered, step, succeeded, watch};

    /// What is said of `left` beside inputs and outputs, after w1 has registered and the job has ended.
    fn after(history: Vec<Event>, left: &[&str]) -> Verdict {
        let mut disk = StillDisk::default();
        for path in ["in/0", "mr-out-0"].iter().chain(left) {
            disk.put(path, b"");
        }
        let mut invariant = NothingLeft::default();
        watch(&mut invariant, &disk, [vec![registered(1, "w1"), succeeded()], history].concat())?;
        invariant.check_end(&disk.view())
    }

    fn goodbye() -> Event {
        happened(0, coordinator::Event::WorkerLeft { worker: WorkerId(1) })
    }

    fn left(result: Result<Ending, String>) -> Event {
        Event::Note { node: Some(node("w1")), note: Noted::new(WorkerLeft(result)) }
    }

    fn in_peace() -> Event {
        left(Ok(Ending::Succeeded))
    }

    #[test]
    fn inputs_and_outputs_may_stay() {
        assert_eq!(after(vec![goodbye(), in_peace()], &[]), Ok(()));
    }

    #[test]
    fn an_intermediate_file_or_an_unknown_one_may_not() {
        for file in ["mr-job-1/map-0-1", "mr-0-0", "mr-job-1/reduce-0-1.tmp"] {
            let broken = after(vec![goodbye(), in_peace()], &[file]).unwrap_err();
            assert!(broken.starts_with(file), "{broken}");
        }
    }

    #[test]
    fn nobody_is_blamed_when_no_worker_was_there_to_clean_up() {
        let file = ["mr-job-1/map-0-1"];
        assert_eq!(after(vec![in_peace()], &file), Ok(()), "its goodbye was not heard");
        assert_eq!(after(vec![goodbye(), left(Err("no disk".into()))], &file), Ok(()), "it could not go on");
    }

    #[test]
    fn a_worker_that_comes_too_late_cleans_up_for_those_who_died() {
        let starts = || Event::Note { node: Some(node("w1")), note: Noted::new(WorkerStarts) };
        let file = ["mr-job-1/map-0-1"];
        assert!(after(vec![starts(), in_peace()], &file).is_err());
        assert_eq!(after(vec![starts(), in_peace()], &[]), Ok(()));
        let made = step("w2", Operation::Create, "mr-job-1/map-0-1.tmp", None);
        assert_eq!(after(vec![starts(), in_peace(), made], &file), Ok(()), "somebody was still at work");
    }

    #[test]
    fn who_makes_something_after_the_end_and_dies_is_excused_and_who_lives_is_not() {
        let file = ["mr-job-1/map-0-1.tmp"];
        let made = || vec![goodbye(), in_peace(), step("w2", Operation::Create, file[0], None)];
        let crash = |node_name| Event::NodeCrashed { node: node(node_name) };
        assert_eq!(after([made(), vec![crash("w2")]].concat(), &file), Ok(()));
        assert!(after(made(), &file).is_err());
        assert!(after([made(), vec![crash("w3")]].concat(), &file).is_err(), "w3 has made nothing");
        let older = ["mr-job-1/map-0-1.tmp", "mr-job-1/map-7-1"];
        let broken = after([made(), vec![crash("w2")]].concat(), &older).unwrap_err();
        assert!(broken.starts_with("mr-job-1/map-7-1"), "w2 has not made that: {broken}");
    }

    #[test]
    fn what_takes_effect_when_its_process_is_gone_is_excused_and_what_it_made_before_is_not() {
        let file = ["mr-job-1/map-0-1.tmp"];
        let (made, returned) =
            (|| step("w2", Operation::Create, file[0], None), || Event::NodeFinished { node: node("w2") });
        let again = || Event::NodeStarted { node: node("w2"), starts: 2 };
        assert_eq!(after(vec![goodbye(), in_peace(), returned(), made()], &file), Ok(()));
        assert!(after(vec![goodbye(), in_peace(), made(), returned()], &file).is_err());
        assert!(after(vec![goodbye(), in_peace(), returned(), again(), made()], &file).is_err());
    }

    #[test]
    fn a_disk_that_errs_at_every_try_is_an_excuse_and_one_that_errs_less_is_not() {
        let failed = || {
            let Event::File(step) = step("w1", Operation::ReadDir, "mr-job-1", None) else {
                unreachable!("it is a step")
            };
            Event::File(FileEvent { result: Err(std::io::ErrorKind::Other), spoiled_by: Some(0), ..step })
        };
        let tries = |count| (0..count).map(|_| failed()).chain([goodbye(), in_peace()]).collect::<Vec<_>>();
        assert!(after(tries(9), &["mr-job-1/map-0-1"]).is_err());
        assert_eq!(after(tries(10), &["mr-job-1/map-0-1"]), Ok(()));
        let other = ["w2"]
            .map(node)
            .map(|node| Event::Note { node: Some(node), note: Noted::new(WorkerLeft(Ok(Ending::Succeeded))) });
        let told = happened(0, coordinator::Event::WorkerLeft { worker: WorkerId(2) });
        let both = [vec![registered(2, "w2")], tries(10), vec![told], other.to_vec()].concat();
        assert!(after(both, &["mr-job-1/map-0-1"]).is_err(), "the other's disk did not err");
    }

    #[test]
    fn a_removal_undone_by_a_power_loss_and_a_map_finished_after_the_end_are_excused() {
        let power_loss =
            Event::UnsyncedLost { node: node("w1"), appends: 0, names: 1, digest: 0, lost: Default::default() };
        let late = step("w1", Operation::Rename, "mr-job-1/map-0-1.tmp", Some("mr-job-1/map-0-1"));
        for excuse in [power_loss, late] {
            assert_eq!(after(vec![goodbye(), in_peace(), excuse], &["mr-job-1/map-0-1"]), Ok(()));
        }
    }

    #[test]
    fn a_map_finished_after_the_end_excuses_itself_only_and_only_if_it_got_its_name() {
        let late = || step("w1", Operation::Rename, "mr-job-1/map-0-1.tmp", Some("mr-job-1/map-0-1"));
        let broken = after(vec![goodbye(), in_peace(), late()], &["mr-job-1/map-7-1"]).unwrap_err();
        assert!(broken.starts_with("mr-job-1/map-7-1"), "{broken}");
        let Event::File(step) = late() else { unreachable!("it is a step") };
        let in_vain = Event::File(FileEvent { result: Err(std::io::ErrorKind::NotFound), ..step });
        assert!(after(vec![goodbye(), in_peace(), in_vain], &["mr-job-1/map-0-1"]).is_err());
    }
}
