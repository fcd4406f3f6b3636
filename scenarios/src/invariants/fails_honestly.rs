//! A job that must fail fails, with the reason; a job that need not fail does not. (Paper, section 3.3 and 4.4: failures of the user's code
//! are told, not hidden.)
//!
//! The reason names a task that has failed as often as the job allows, and ends with the words of its last failure: the app's own where the
//! app is at fault. Faults of the world may make a task fail so often, too; where neither world nor app is at fault no attempt fails at all.
//!
//! That a job which stumbles leaves no set of outputs that looks complete is held by `outputs`: what cannot be made is never there. It is *not*
//! promised of one that its disks have failed: an output may have got its name, and its worker may have died, or have failed to make the
//! name durable, before the coordinator heard of it. Each output that is there is right, all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, TaskId};
use mr_core::protocol::Ending;
use sim::{DiskView, Event};

use super::{Invariant, Verdict, decided};
use crate::oracle::Expected;
use crate::schedule::Schedule;

/// How often each task has failed, and how the job must end.
pub(super) struct FailsHonestly {
    /// The app's words, if the job must fail.
    must_fail: Option<String>,
    max_failures: u32,
    failures: BTreeMap<TaskId, Failures>,
    /// Whether the app stumbles, or a fault has struck: then attempts may fail.
    excused: bool,
}

/// How often a task has failed, and why the last time.
#[derive(Default)]
struct Failures {
    count: u32,
    last: String,
}

impl FailsHonestly {
    pub(super) fn new(schedule: &Schedule, expected: &Expected) -> Self {
        let word = schedule.workload.trouble.as_ref().map(|trouble| format!("`{}`", trouble.word));
        Self {
            must_fail: expected.must_fail().then(|| word.unwrap_or_default()),
            max_failures: schedule.cluster.max_failures,
            failures: BTreeMap::new(),
            excused: schedule.workload.trouble.is_some(),
        }
    }

    fn count(&mut self, attempt: AttemptId, reason: &str) -> Verdict {
        let failures = self.failures.entry(attempt.task).or_default();
        failures.count += 1;
        reason.clone_into(&mut failures.last);
        if reason.is_empty() {
            return Err(format!("{attempt} failed without a reason"));
        }
        if !self.excused {
            return Err(format!("{attempt} failed although nothing had gone wrong: {reason}"));
        }
        Ok(())
    }

    fn judge(&self, ending: &Ending) -> Verdict {
        let too_often = self.failures.iter().filter(|(_, failures)| failures.count >= self.max_failures);
        let is_told = |reason: &str| {
            let mut too_often = too_often.clone();
            too_often
                .any(|(task, failures)| reason.starts_with(&format!("{task} ")) && reason.ends_with(&failures.last))
        };
        match (ending, &self.must_fail) {
            (Ending::Succeeded, Some(words)) => {
                Err(format!("the job has succeeded, although its app stumbles over {words} every time"))
            }
            (Ending::Failed { reason }, _) if too_often.clone().next().is_none() => {
                Err(format!("the job failed, although no task failed {} times: {reason}", self.max_failures))
            }
            (Ending::Failed { reason }, _) if !is_told(reason) => {
                Err(format!("the job failed for a reason that is not a task's last failure: {reason}"))
            }
            _ => Ok(()),
        }
    }
}

impl Invariant for FailsHonestly {
    fn name(&self) -> &'static str {
        "fails_honestly"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        self.excused |= matches!(event, Event::FaultStruck { .. });
        match decided(event) {
            Some(coordinator::Event::AttemptFailed { attempt, reason, .. }) => self.count(*attempt, reason),
            Some(coordinator::Event::MapOutputLost { map, reason, .. }) => self.count((*map).into(), reason),
            Some(coordinator::Event::JobEnded { ending }) => self.judge(ending),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use mr_core::counters::Counters;
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{expected, failed, job_failed, lost, map, schedule, succeeded, watch};
    use crate::schedule::{Phase, Trouble};

    /// The invariant for a job that fails at the second failure of a task, and must if `must_fail`.
    fn invariant(must_fail: bool) -> FailsHonestly {
        let mut schedule = schedule();
        schedule.cluster.max_failures = 2;
        schedule.workload.trouble = Some(Trouble { phase: Phase::Map, word: "so".into(), panics: false, times: None });
        let outputs = if must_fail { vec![None] } else { Vec::new() };
        FailsHonestly::new(&schedule, &Expected { outputs, counters: Counters::default(), depends_on_the_cut: vec![] })
    }

    fn check(must_fail: bool, history: Vec<Event>) -> Verdict {
        watch(&mut invariant(must_fail), &StillDisk::default(), history)
    }

    #[test]
    fn a_job_fails_after_so_many_failures_of_one_task_and_says_which() {
        let history =
            vec![failed(map(0, 1)), lost(map(0, 2)), job_failed("map 0 failed 2 times: its output is bad: rotten")];
        assert_eq!(check(true, history), Ok(()));
    }

    #[test]
    fn an_attempt_fails_only_if_the_app_stumbles_or_a_fault_has_struck() {
        let strikes = || Event::FaultStruck { fault: 0, kind: "disk_error" };
        let check = |history: Vec<Event>| {
            let mut invariant = FailsHonestly::new(&schedule(), &expected(&[]));
            watch(&mut invariant, &StillDisk::default(), history)
        };
        for failure in [failed(map(0, 1)), lost(map(0, 1))] {
            let broken = check(vec![failure.clone(), strikes()]).unwrap_err();
            assert!(broken.starts_with("map 0, attempt 1 failed although nothing had gone wrong: "), "{broken}");
            assert_eq!(check(vec![strikes(), failure]), Ok(()));
        }
    }

    #[test]
    fn a_job_that_must_fail_may_not_succeed() {
        assert!(check(true, vec![succeeded()]).unwrap_err().contains("stumbles over `so` every time"));
        assert_eq!(check(false, vec![succeeded()]), Ok(()));
    }

    #[test]
    fn a_job_that_gives_up_early_or_without_a_reason_is_a_broken_promise() {
        let early = check(false, vec![failed(map(0, 1)), failed(map(1, 1)), job_failed("map 1 failed")]);
        assert!(early.unwrap_err().contains("no task failed 2 times"));
        for mute in [
            "it went wrong: tripped",
            "map 0 failed 2 times",
            "map 1 failed 2 times: tripped",
            "map 00 failed: tripped",
        ] {
            let history = vec![failed(map(0, 1)), failed(map(1, 1)), failed(map(0, 2)), job_failed(mute)];
            assert!(check(true, history).unwrap_err().contains("not a task's last failure"), "{mute}");
        }
    }
}
