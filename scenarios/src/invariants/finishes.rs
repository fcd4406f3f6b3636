//! Once the last fault has healed, the job ends within a bound that is a formula, and everybody exits. (MapReduce paper, section 3.3:
//! the computation goes on in spite of failures; lab 1: workers exit when the job is done.)

use std::time::Duration;

use sim::{FaultKind, Finished, Report};

use super::{Broken, Judgement};
use crate::rehearsal::{COORDINATOR, RETRY_FOR};
use crate::schedule::Schedule;

/// Time for what is neither a task's timeout nor a search for the coordinator: messages, syncs, removals, a grace period.
const SLACK: Duration = Duration::from_secs(30);

/// How long after the last fault, and after the last worker has come, everybody must have finished: every task can be overdue
/// twice more, one after the other; all of the work can be done by one worker alone; the least disturbed worker may be in the middle
/// of a slow computation; and then workers may look for a coordinator for as long as they were told to: one that has left before they were
/// ever answered.
pub(crate) fn liveness_bound(schedule: &Schedule) -> Duration {
    let tasks = schedule.workload.maps(&schedule.cluster) + schedule.workload.reduces as usize;
    let tasks = u32::try_from(tasks).expect("a rehearsal has some hundred tasks");
    let last_start = schedule.cluster.workers.iter().map(|worker| worker.start_after).max().unwrap_or_default();
    let overdue = schedule.cluster.task_timeout * 2 * (tasks + 1);
    let work = all_work(schedule);
    last_start + overdue + work.mul_f64(least_slowness(schedule) + 1.0) + slowest_disk(schedule) + SLACK + RETRY_FOR
}

/// The time to compute everything that one worker alone computes at its usual speed, generously: each byte, a record in itself, goes
/// through map, spill, several passes of merging and reduce, and a slow network may have it done twice.
fn all_work(schedule: &Schedule) -> Duration {
    const TIMES: f64 = 40.0;
    let compute = &schedule.models.compute;
    let bytes: usize = schedule.workload.inputs.iter().map(|input| input.0.len()).sum();
    let nanos = bytes as f64 * (compute.nanos_per_byte + compute.nanos_per_record) * TIMES;
    Duration::from_secs_f64((nanos / 1e9).min(LONGEST))
}

/// No run is given more than this many seconds, whatever its numbers.
const LONGEST: f64 = 1e6;

/// How many times as slow the worker is that is slowed the least: the others' attempts are overtaken.
fn least_slowness(schedule: &Schedule) -> f64 {
    let slowness = |worker: String| {
        let own = schedule.models.compute.slowness.get(&worker).copied().unwrap_or(1.0);
        own * worst_factor(schedule, &worker, |what| match what {
            FaultKind::SlowCompute { node, factor, .. } => Some((node, *factor)),
            _ => None,
        })
    };
    schedule.cluster.worker_names().map(slowness).fold(LONGEST, f64::min)
}

/// The longest that one worker may have to wait for one operation on its slowed disk; it has to wait for several, one after
/// the other.
fn slowest_disk(schedule: &Schedule) -> Duration {
    const OPERATIONS: f64 = 20.0;
    let slowness = |worker: String| {
        worst_factor(schedule, &worker, |what| match what {
            FaultKind::SlowDisk { node, factor, .. } => Some((node, *factor)),
            _ => None,
        })
    };
    let worst = schedule.cluster.worker_names().map(slowness).fold(1.0, f64::max);
    let seconds = schedule.models.disk.latency.max.as_secs_f64() * OPERATIONS * worst;
    Duration::from_secs_f64(seconds.min(LONGEST))
}

/// The worst factor that the plan has for `worker`.
fn worst_factor(schedule: &Schedule, worker: &str, factor: impl Fn(&FaultKind) -> Option<(&String, f64)>) -> f64 {
    let hits = schedule.faults.iter().filter_map(|fault| factor(&fault.what));
    hits.filter(|(node, _)| *node == worker).map(|(_, factor)| factor).fold(1.0, f64::max)
}

/// Whether time was up for a coordinator whose workers have all died for good. Nobody can finish then, whatever the code does.
pub(crate) fn nobody_is_left(report: &Report) -> bool {
    let time_was_up = matches!(report.finished, Finished::TimeLimit { .. });
    time_was_up && report.nodes.iter().all(|node| node.name() == COORDINATOR || report.dead.contains(node))
}

/// What the end of a run says about this promise.
pub(super) fn judge(report: &Report) -> Option<Broken> {
    let liveness = |what| Some(Broken { promise: "finishes", judgement: Judgement::Liveness, what });
    match &report.finished {
        Finished::AllNodesDone | Finished::Stopped(_) => None,
        Finished::TimeLimit { unfinished } => {
            let (until, healed) = (report.virtual_time.as_secs_f64(), report.healed_at.as_secs_f64());
            let names: Vec<_> = unfinished.iter().map(ToString::to_string).collect();
            liveness(format!(
                "{} had not finished {until:.3} s after the start, although the last fault was over at {healed:.3} s",
                names.join(", ")
            ))
        }
        Finished::EventLimit { unfinished } => {
            let names: Vec<_> = unfinished.iter().map(ToString::to_string).collect();
            liveness(format!("{} go in circles: {} events and no end", names.join(", "), report.events))
        }
        Finished::Spinning { node } => liveness(format!("{node} is busy doing nothing while time stands still")),
        Finished::Panicked { node, message } => {
            let what = format!("{node} panicked: {message}");
            Some(Broken { promise: "no_panic", judgement: Judgement::Panic, what })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::testing;

    #[test]
    fn a_disk_slower_than_any_has_a_bound_all_the_same() {
        let mut schedule = testing::schedule();
        schedule.models.disk.latency.max = sim::MAX_DURATION;
        let what = FaultKind::SlowDisk { node: "w1".into(), factor: sim::MAX_FACTOR, duration: sim::MAX_DURATION };
        schedule.faults.push(sim::Fault { when: sim::Trigger::At(Duration::ZERO), what });
        assert!(liveness_bound(&schedule) < sim::MAX_DURATION);
    }

    #[test]
    fn the_bound_grows_with_tasks_timeout_and_late_workers() {
        let schedule = testing::schedule();
        let bound = liveness_bound(&schedule);
        let mut more_tasks = schedule.clone();
        more_tasks.workload.reduces += 1;
        assert_eq!(liveness_bound(&more_tasks) - bound, schedule.cluster.task_timeout * 2);
        let mut late = schedule.clone();
        late.cluster.workers[0].start_after = Duration::from_secs(100);
        assert_eq!(liveness_bound(&late) - bound, Duration::from_secs(100));
    }

    #[test]
    fn one_worker_that_is_not_slowed_is_enough() {
        let slow = |node: &str| sim::Fault {
            when: sim::Trigger::At(Duration::ZERO),
            what: FaultKind::SlowCompute { node: node.into(), factor: 1e9, duration: Duration::from_secs(1) },
        };
        let schedule = testing::schedule();
        let bound = liveness_bound(&schedule);
        let mut one_slow = schedule.clone();
        one_slow.faults = vec![slow("w1")];
        assert_eq!(liveness_bound(&one_slow), bound);
        one_slow.faults.push(slow("w2"));
        assert!(liveness_bound(&one_slow) > bound + Duration::from_secs(100));
    }
}
