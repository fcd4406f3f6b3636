//! In a run in which nothing goes wrong each map and each reduce runs exactly once, and nobody waits for a timeout. (MapReduce paper,
//! section 3.3: work is done again because of failures, not otherwise.)
//!
//! A backup is no second time: `backup_tasks` says who may have one. Something goes wrong when a fault strikes, an attempt fails or a
//! worker is told to stop. The promise is made for worlds in which the longest stretch without a sign of progress is clearly shorter than
//! the task timeout: where computing the largest input at a stretch, or the slowest messages, may take longer than a third of it, nothing
//! is promised.

use std::collections::BTreeMap;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::TaskId;
use sim::{DiskView, Event};

use super::{Invariant, Verdict, decided};
use crate::notes::ToldToStop;
use crate::schedule::Schedule;

/// How often each task was given out.
pub(super) struct WorkDoneOnce {
    promised: bool,
    assigned: BTreeMap<TaskId, u32>,
    /// When the last task was given out or done, or worker registered; and how long nothing may happen then.
    last_step: Duration,
    patience: Duration,
}

/// The longest stretch in which an honest attempt shows no progress: its largest input computed at once, the messages that tell of
/// it, and the files on the way.
fn longest_stretch(schedule: &Schedule) -> Duration {
    const FILE_OPERATIONS: u32 = 20;
    const MESSAGES: u32 = 4;
    let compute = &schedule.models.compute;
    let bytes: usize = schedule.workload.inputs.iter().map(|input| input.0.len()).sum();
    let nanos = bytes as f64 * (compute.nanos_per_byte + compute.nanos_per_record);
    Duration::from_secs_f64((nanos / 1e9).min(1e6))
        + schedule.models.disk.latency.max * FILE_OPERATIONS
        + schedule.models.network.latency.max * MESSAGES
}

impl WorkDoneOnce {
    pub(super) fn new(schedule: &Schedule) -> Self {
        let timeout = schedule.cluster.task_timeout;
        Self {
            promised: longest_stretch(schedule) < timeout / 3,
            assigned: BTreeMap::new(),
            last_step: Duration::ZERO,
            patience: timeout,
        }
    }
}

impl Invariant for WorkDoneOnce {
    fn name(&self) -> &'static str {
        "work_done_once"
    }

    fn check(&mut self, at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        if !self.promised {
            return Ok(());
        }
        let told_to_stop = matches!(event, Event::Note { note, .. } if note.get::<ToldToStop>().is_some());
        if told_to_stop || matches!(event, Event::FaultStruck { .. }) {
            self.promised = false;
            return Ok(());
        }
        match decided(event) {
            Some(coordinator::Event::AttemptFailed { .. }) => self.promised = false,
            Some(coordinator::Event::AttemptAssigned { backup: true, .. }) => {}
            Some(coordinator::Event::AttemptAssigned { attempt, .. }) => {
                let times = self.assigned.entry(attempt.task).or_default();
                *times += 1;
                if *times > 1 {
                    return Err(format!("{attempt} was given out although nothing had gone wrong"));
                }
            }
            Some(coordinator::Event::WorkerLost { worker }) => {
                return Err(format!("worker {} was taken for lost although nothing had gone wrong", worker.0));
            }
            Some(coordinator::Event::WorkerRegistered { .. } | coordinator::Event::AttemptProgressed { .. }) => {}
            Some(coordinator::Event::AttemptCommitted { .. } | coordinator::Event::JobEnded { .. }) => {
                let waited = at.saturating_sub(self.last_step);
                if waited >= self.patience && !self.assigned.is_empty() {
                    return Err(format!(
                        "nothing was done for {:.3} s although nothing had gone wrong",
                        waited.as_secs_f64()
                    ));
                }
            }
            _ => return Ok(()),
        }
        self.last_step = at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{assigned, committed, failed, map, reduce, schedule, watch};

    fn check(schedule: &Schedule, history: Vec<Event>) -> Verdict {
        watch(&mut WorkDoneOnce::new(schedule), &StillDisk::default(), history)
    }

    fn twice() -> Vec<Event> {
        vec![assigned(0, map(0, 1), 1), assigned(1500, map(0, 2), 2)]
    }

    #[test]
    fn each_task_may_run_once() {
        let history = vec![assigned(0, map(0, 1), 1), committed(map(0, 1)), assigned(0, reduce(0, 1), 1)];
        assert_eq!(check(&schedule(), history), Ok(()));
    }

    #[test]
    fn a_second_attempt_without_an_excuse_is_a_broken_promise() {
        let broken = check(&schedule(), twice()).unwrap_err();
        assert_eq!(broken, "map 0, attempt 2 was given out although nothing had gone wrong");
    }

    #[test]
    fn a_fault_a_failure_or_a_slow_world_is_an_excuse() {
        let fault = Event::FaultStruck { fault: 0, kind: "pause" };
        for excuse in [fault, failed(map(1, 1))] {
            assert_eq!(check(&schedule(), [vec![excuse], twice()].concat()), Ok(()));
        }
        let mut slow = schedule();
        slow.models.compute.nanos_per_byte = 1e9;
        assert_eq!(check(&slow, twice()), Ok(()));
    }

    #[test]
    fn a_long_silence_without_an_excuse_is_a_broken_promise() {
        let mut invariant = WorkDoneOnce::new(&schedule());
        let disk = StillDisk::default();
        assert_eq!(invariant.check(Duration::ZERO, &assigned(0, map(0, 1), 1), &disk.view()), Ok(()));
        let late = invariant.check(Duration::from_secs(2), &committed(map(0, 1)), &disk.view());
        assert_eq!(late.unwrap_err(), "nothing was done for 2.000 s although nothing had gone wrong");
    }
}
