//! Everybody who leaves in peace says the same of how the job ended: the coordinator and all workers; and unless something went wrong
//! everybody who was there does leave in peace. (Lab 1: when the job is done, workers exit, and they find out by asking.)
//!
//! A worker that has lost the coordinator says nothing of the job, and need not agree. Nothing goes wrong as long as no fault has struck,
//! and messages are fast beside the coordinator's grace period and beside the silence after which a worker is taken for dead; a worker
//! that comes when the job is over may find nobody.

use std::collections::BTreeSet;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::protocol::Ending;
use sim::{DiskView, Event, Node};

use super::{Invariant, Verdict, decided};
use crate::notes::{CoordinatorLeft, ToldToStop, WorkerLeft};
use crate::schedule::Schedule;

/// How the job ended, and who was there.
pub(super) struct EveryoneAgrees {
    ending: Option<Ending>,
    /// Whether nothing has gone wrong.
    peaceful: bool,
    /// The nodes whose workers have registered.
    present: BTreeSet<String>,
}

impl EveryoneAgrees {
    pub(super) fn new(schedule: &Schedule) -> Self {
        const MESSAGES_AT_THE_END: u32 = 4;
        let job = schedule.workload.job(&schedule.cluster);
        let messages = schedule.models.network.latency.max * MESSAGES_AT_THE_END;
        let peaceful = messages < job.exit_grace() && job.heartbeat_interval() + messages < job.task_timeout;
        Self { ending: None, peaceful, present: BTreeSet::new() }
    }

    fn worker_left(&self, node: &Node, result: &Result<Ending, String>) -> Verdict {
        match result {
            Ok(told) => self.agrees(node, told),
            Err(words) if self.peaceful && self.present.contains(node.name()) => {
                Err(format!("{node} did not hear of the end although nothing had gone wrong: {words}"))
            }
            Err(_) => Ok(()),
        }
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
        match decided(event) {
            Some(coordinator::Event::JobEnded { ending }) => self.ending = Some(ending.clone()),
            Some(coordinator::Event::WorkerRegistered { name, .. }) => {
                self.present.insert(name.clone());
            }
            _ => {}
        }
        match event {
            Event::FaultStruck { .. } => self.peaceful = false,
            Event::Note { node: Some(node), note } => {
                if note.get::<ToldToStop>().is_some() {
                    self.present.remove(node.name());
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
    use sim::{Noted, StillDisk};

    use super::*;
    use crate::invariants::testing::{job_failed, node, note, registered, schedule, succeeded, watch};

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

    #[test]
    fn where_messages_take_as_long_as_it_takes_to_look_dead_nobody_has_to_hear_of_the_end() {
        let mut slow = schedule();
        slow.cluster.task_timeout = slow.models.network.latency.max * 4;
        let history = vec![registered(1, "w1"), succeeded(), left("w1", lost())];
        assert_eq!(watch(&mut EveryoneAgrees::new(&slow), &StillDisk::default(), history), Ok(()));
    }
}
