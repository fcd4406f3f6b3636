//! Everybody who leaves in peace says the same of how the job ended: the coordinator and all workers. (Lab 1: `Done` is told to
//! everyone alike.)
//!
//! A worker that has lost the coordinator says nothing of the job, and need not agree.

use std::time::Duration;

use mr_core::coordinator;
use mr_core::protocol::Ending;
use sim::{DiskView, Event};

use super::{Invariant, Verdict, decided};
use crate::notes::{CoordinatorLeft, WorkerLeft};

/// How the job ended.
#[derive(Default)]
pub(super) struct EveryoneAgrees {
    ending: Option<Ending>,
}

impl Invariant for EveryoneAgrees {
    fn name(&self) -> &'static str {
        "everyone_agrees"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        let Event::Note { node, note } = event else { return Ok(()) };
        if let Some(coordinator::Event::JobEnded { ending }) = decided(event) {
            self.ending = Some(ending.clone());
        }
        let left = note.get().map(|WorkerLeft(result)| result.as_ref().ok());
        let told = left.unwrap_or_else(|| note.get().map(|CoordinatorLeft(ending)| ending));
        match (told, node) {
            (Some(told), Some(node)) if self.ending.as_ref() != Some(told) => {
                Err(format!("{node} left saying that the job {told:?}, but it ended as {:?}", self.ending))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{job_failed, note, succeeded, watch};

    fn check(history: Vec<Event>) -> Verdict {
        watch(&mut EveryoneAgrees::default(), &StillDisk::default(), history)
    }

    #[test]
    fn all_say_the_same_or_nothing() {
        let lost = note(WorkerLeft(Err("the coordinator has not answered".into())));
        let peace = note(WorkerLeft(Ok(Ending::Succeeded)));
        assert_eq!(check(vec![lost, succeeded(), peace, note(CoordinatorLeft(Ending::Succeeded))]), Ok(()));
    }

    #[test]
    fn a_worker_that_goes_home_early_or_with_another_story_is_a_broken_promise() {
        let peace = || note(WorkerLeft(Ok(Ending::Succeeded)));
        assert!(check(vec![peace()]).unwrap_err().contains("it ended as None"));
        assert!(check(vec![job_failed("map 0 failed"), peace()]).is_err());
    }
}
