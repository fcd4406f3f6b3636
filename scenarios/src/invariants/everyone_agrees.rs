//! Everybody who leaves in peace says the same of how the job ended: the coordinator and all workers; and unless something went wrong
//! everybody who was there does leave in peace. (Lab 1: when the job is done, workers exit, and they find out by asking.)
//!
//! A worker that has lost the coordinator says nothing of the job, and need not agree; nor need one that was told to stop. Nothing goes wrong
//! as long as no fault has struck and messages are fast beside the coordinator's stay at the end and beside the silence after which a
//! worker is taken for dead; a worker that comes when the job is over may find nobody. Messages that were lost, late or doubled before the
//! end are no excuse for who was at work and counted on then, however slowly it computes: the coordinator stays for as long as it may
//! take to notice that a heartbeat was lost and to send another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::WorkerId;
use mr_core::protocol::Ending;
use sim::{DiskView, Event, Fault, FaultKind, Node};

use super::{Invariant, Verdict, decided};
use crate::notes::{CoordinatorLeft, ToldToStop, WorkerLeft};
use crate::rehearsal::RETRY_FOR;
use crate::schedule::Schedule;

/// What the coordinator waits at the end for at least, besides a heartbeat and its answer.
const STAY: Duration = Duration::from_secs(1);

/// How the job ended, and who was there.
pub(super) struct EveryoneAgrees {
    ending: Option<Ending>,
    faults: Faults,
    /// The nodes whose workers have registered.
    present: BTreeSet<String>,
    names: BTreeMap<WorkerId, String>,
    /// The nodes whose workers were told to stop.
    told_to_stop: BTreeSet<String>,
    /// The nodes whose workers have been given something to do, and so know that they are registered, and have not been given up since.
    at_work: BTreeSet<String>,
}

/// What has gone wrong.
struct Faults {
    /// What each fault of the plan may keep from hearing of the end.
    harm: Vec<Harm>,
    /// Those that have struck and are not over.
    active: BTreeSet<usize>,
    /// Whether everybody hears of the end if none has struck.
    peaceful: bool,
    /// Whether everybody who was at work does, although some have.
    over: bool,
}

/// Whom a fault may keep from hearing of the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// Nobody: who computes slowly hears as well as others.
    None,
    /// Whoever does not hear of it a second time.
    Messages,
    /// Whoever it strikes.
    Nodes,
}

impl Harm {
    fn of(fault: &Fault) -> Self {
        use FaultKind as F;
        match fault.what {
            F::SlowCompute { .. } => Self::None,
            F::Partition { .. } | F::Lossy { .. } | F::Duplicating { .. } | F::Delaying { .. } => Self::Messages,
            _ => Self::Nodes,
        }
    }
}

impl Faults {
    fn new(schedule: &Schedule) -> Self {
        const MESSAGES_AT_THE_END: u32 = 4;
        let messages = schedule.models.network.latency.max * MESSAGES_AT_THE_END;
        let heartbeat = schedule.workload.job(&schedule.cluster).heartbeat_interval();
        let timeout = schedule.cluster.task_timeout;
        let peaceful = messages < STAY && heartbeat + messages < timeout;
        let harm: Vec<Harm> = schedule.faults.iter().map(Harm::of).collect();
        let of_messages = schedule.faults.iter().zip(&harm).filter(|(_, harm)| **harm == Harm::Messages);
        let disturbed: Duration = of_messages.map(|(fault, _)| fault.what.extent()).sum();
        Self {
            harm,
            active: BTreeSet::new(),
            peaceful,
            // Who is heard and hears nothing is counted on, and may give up just when messages arrive again.
            over: peaceful && disturbed < RETRY_FOR / 2,
        }
    }

    fn strikes(&mut self, fault: usize, after_the_end: bool) {
        self.peaceful = false;
        match self.harm.get(fault) {
            Some(Harm::None) => {}
            Some(Harm::Messages) if !after_the_end => drop(self.active.insert(fault)),
            _ => self.over = false,
        }
    }
}

impl EveryoneAgrees {
    pub(super) fn new(schedule: &Schedule) -> Self {
        Self {
            ending: None,
            faults: Faults::new(schedule),
            present: BTreeSet::new(),
            names: BTreeMap::new(),
            told_to_stop: BTreeSet::new(),
            at_work: BTreeSet::new(),
        }
    }

    fn decided(&mut self, event: &coordinator::Event) {
        use coordinator::Event as E;
        match event {
            E::JobEnded { ending } => {
                self.ending = Some(ending.clone());
                self.faults.over &= self.faults.active.is_empty();
            }
            E::WorkerRegistered { worker, name, .. } => {
                self.present.insert(name.clone());
                self.names.insert(*worker, name.clone());
            }
            E::AttemptAssigned { worker, .. } => self.at_work.extend(self.names.get(worker).cloned()),
            E::WorkerLost { worker } => {
                if let Some(name) = self.names.get(worker) {
                    self.at_work.remove(name);
                }
            }
            _ => {}
        }
    }

    fn worker_left(&self, node: &Node, result: &Result<Ending, String>) -> Verdict {
        let words = match result {
            Ok(told) => return self.agrees(node, told),
            Err(_) if self.told_to_stop.contains(node.name()) => return Ok(()),
            Err(words) => words,
        };
        if self.faults.peaceful && self.present.contains(node.name()) {
            return Err(format!("{node} did not hear of the end although nothing had gone wrong: {words}"));
        }
        if self.ending.is_some() && self.faults.over && self.at_work.contains(node.name()) {
            return Err(format!("{node} did not hear of the end although all messages had arrived since: {words}"));
        }
        Ok(())
    }

    fn agrees(&self, node: &Node, told: &Ending) -> Verdict {
        if self.ending.as_ref() == Some(told) {
            return Ok(());
        }
        Err(format!("{node} left saying that the job {told:?}, but it ended as {:?}", self.ending))
    }
}

impl Invariant for EveryoneAgrees {
    fn name(&self) -> &'static str {
        "everyone_agrees"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        if let Some(event) = decided(event) {
            self.decided(event);
        }
        match event {
            Event::FaultStruck { fault, .. } => self.faults.strikes(*fault, self.ending.is_some()),
            Event::FaultHealed { fault, .. } => {
                self.faults.active.remove(fault);
            }
            Event::Note { node: Some(node), note } => {
                if note.get::<ToldToStop>().is_some() {
                    self.told_to_stop.insert(node.name().to_owned());
                }
                if let Some(WorkerLeft(result)) = note.get() {
                    return self.worker_left(node, result);
                }
                if let Some(CoordinatorLeft(ending)) = note.get() {
                    return self.agrees(node, ending);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim::{Noted, StillDisk, Trigger};

    use super::*;
    use crate::invariants::testing::{
        assigned, happened, job_failed, map, node, note, registered, schedule, succeeded, watch,
    };

    fn check(history: Vec<Event>) -> Verdict {
        watch(&mut EveryoneAgrees::new(&schedule()), &StillDisk::default(), history)
    }

    fn left(worker: &str, result: Result<Ending, String>) -> Event {
        Event::Note { node: Some(node(worker)), note: Noted::new(WorkerLeft(result)) }
    }

    fn lost() -> Result<Ending, String> {
        Err("the coordinator has not answered".into())
    }

    #[test]
    fn all_say_the_same() {
        let coordinator = note(CoordinatorLeft(Ending::Succeeded));
        assert_eq!(
            check(vec![registered(1, "w1"), succeeded(), left("w1", Ok(Ending::Succeeded)), coordinator]),
            Ok(())
        );
    }

    #[test]
    fn a_worker_that_goes_home_early_or_with_another_story_is_a_broken_promise() {
        let peace = || left("w1", Ok(Ending::Succeeded));
        assert!(check(vec![peace()]).unwrap_err().contains("it ended as None"));
        assert!(check(vec![job_failed("map 0 failed"), peace()]).is_err());
    }

    #[test]
    fn a_worker_that_was_there_hears_of_the_end_unless_something_went_wrong() {
        let broken = check(vec![registered(1, "w1"), succeeded(), left("w1", lost())]).unwrap_err();
        assert!(broken.contains("w1 did not hear of the end"), "{broken}");
        let fault = Event::FaultStruck { fault: 0, kind: "pause" };
        assert_eq!(check(vec![registered(1, "w1"), fault, succeeded(), left("w1", lost())]), Ok(()));
        assert_eq!(check(vec![succeeded(), left("w2", lost())]), Ok(()), "it came too late");
    }

    /// `w1` is given something to do, the `history` happens with `what` for its only fault, and `w1` leaves without having heard of the end.
    fn leaves_after(what: FaultKind, history: impl IntoIterator<Item = Event>) -> Verdict {
        let mut faulty = schedule();
        faulty.faults = vec![Fault { when: Trigger::At(Duration::ZERO), what }];
        let begun = [registered(1, "w1"), assigned(1, map(0, 1), 1)];
        let history = begun.into_iter().chain(history).chain([left("w1", lost())]);
        watch(&mut EveryoneAgrees::new(&faulty), &StillDisk::default(), history)
    }

    fn struck() -> Event {
        Event::FaultStruck { fault: 0, kind: "made up" }
    }

    fn healed() -> Event {
        Event::FaultHealed { fault: 0, kind: "made up" }
    }

    fn told_to_stop(worker: &str) -> Event {
        Event::Note { node: Some(node(worker)), note: Noted::new(ToldToStop) }
    }

    #[test]
    fn who_was_at_work_hears_of_the_end_although_messages_were_lost_before() {
        let lossy = |seconds| FaultKind::Lossy {
            from: vec![],
            to: vec![],
            requests: 0.5,
            replies: 0.5,
            duration: Duration::from_secs(seconds),
        };
        let broken = leaves_after(lossy(1), [struck(), healed(), succeeded()]).unwrap_err();
        assert!(broken.contains("although all messages had arrived since"), "{broken}");
        assert_eq!(leaves_after(lossy(1), [struck(), succeeded(), healed()]), Ok(()), "lost at the end, too");
        assert_eq!(leaves_after(lossy(1), [succeeded(), struck(), healed()]), Ok(()), "lost after the end");
        assert_eq!(leaves_after(lossy(31), [struck(), healed(), succeeded()]), Ok(()), "for so long that it gives up");
        let given_up = happened(1, coordinator::Event::WorkerLost { worker: WorkerId(1) });
        assert_eq!(leaves_after(lossy(1), [struck(), given_up, healed(), succeeded()]), Ok(()), "nobody counts on it");
    }

    #[test]
    fn slowness_is_no_excuse_and_what_strikes_the_worker_is() {
        let (duration, node) = (Duration::from_secs(1), || "w1".to_owned());
        let slow = FaultKind::SlowCompute { node: node(), factor: 2.0, duration };
        assert!(leaves_after(slow, [struck(), succeeded()]).is_err());
        assert_eq!(
            leaves_after(FaultKind::Pause { node: node(), duration }, [struck(), healed(), succeeded()]),
            Ok(())
        );
    }

    #[test]
    fn who_was_told_to_stop_leaves_as_it_likes_though_it_be_given_something_to_do() {
        let slow = FaultKind::SlowCompute { node: "w1".into(), factor: 2.0, duration: Duration::from_secs(1) };
        let history = [struck(), told_to_stop("w1"), assigned(2, map(1, 1), 1), succeeded()];
        assert_eq!(leaves_after(slow, history), Ok(()));
        assert_eq!(check(vec![told_to_stop("w1"), registered(1, "w1"), succeeded(), left("w1", lost())]), Ok(()));
    }

    #[test]
    fn where_messages_take_as_long_as_it_takes_to_look_dead_nobody_has_to_hear_of_the_end() {
        let mut slow = schedule();
        slow.cluster.task_timeout = slow.models.network.latency.max * 4;
        let history = vec![registered(1, "w1"), succeeded(), left("w1", lost())];
        assert_eq!(watch(&mut EveryoneAgrees::new(&slow), &StillDisk::default(), history), Ok(()));
    }
}
