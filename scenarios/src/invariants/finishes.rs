//! Once the last fault has healed, the job ends within a bound that is a formula, and everybody exits. (MapReduce paper, section 3.3:
//! the computation goes on in spite of failures; lab 1: workers exit when the job is done.)
//!
//! What is *not* promised: that a job ends whose workers have all gone because of the plan (`nobody_left` says when that is so).

use std::time::Duration;

use sim::{FaultKind, Finished, Report};

use super::{Broken, Judgement};
use crate::rehearsal::RETRY_FOR;
use crate::schedule::Schedule;

/// Time for what is neither a task's timeout nor a search for the coordinator: messages, syncs, removals, a grace period.
const SLACK: Duration = Duration::from_secs(30);

/// What an honest run of a schedule takes at most.
pub(crate) struct Bounds {
    /// How long after the last fault, and after the last worker has come, everybody must have finished: every task can be overdue
    /// twice more, one after the other; all of the work can be done by one worker alone, with every step on files and every message
    /// as slow as they ever are; the least disturbed worker may be in the middle of a slow computation; and then a worker may look,
    /// for as long as it was told to, for a coordinator that left before it ever answered.
    pub(crate) liveness: Duration,
    /// How many events, generously: heartbeats up to the end, and the steps of the tasks.
    pub(crate) events: u64,
    /// How many, less generously: enough to see that a run goes in circles.
    pub(crate) fewer_events: u64,
}

impl Bounds {
    /// Of a run of `schedule`.
    pub(crate) fn of(schedule: &Schedule) -> Self {
        let job = schedule.workload.job(&schedule.cluster);
        let maps = u32::try_from(schedule.workload.maps_of(&job)).expect("a rehearsal has some hundred maps");
        let size = Size { maps, reduces: schedule.workload.reduces };
        let liveness = liveness(schedule, size);
        let heartbeats = liveness.as_nanos() / job.heartbeat_interval().as_nanos().max(1);
        let heartbeats = u64::try_from(heartbeats).unwrap_or(u64::MAX);
        let events = events(size, heartbeats.saturating_mul(schedule.cluster.workers.len() as u64));
        Self { liveness, events: events.saturating_add(BESIDES), fewer_events: events.saturating_add(BESIDES / 10) }
    }
}

/// How many tasks a job has.
#[derive(Clone, Copy)]
struct Size {
    maps: u32,
    reduces: u32,
}

impl Size {
    fn tasks(self) -> u32 {
        self.maps.saturating_add(self.reduces)
    }

    /// How many steps on files one attempt takes, if its memory suffices: a reduce opens and reads the output of every map.
    fn steps_a_task(self) -> u32 {
        const BESIDES: u32 = 20;
        self.maps.saturating_mul(2).saturating_add(BESIDES)
    }
}

fn liveness(schedule: &Schedule, size: Size) -> Duration {
    let last_start = schedule.cluster.workers.iter().map(|worker| worker.start_after).max().unwrap_or_default();
    let overdue = schedule.cluster.task_timeout * 2 * size.tasks().saturating_add(1);
    let work = all_work(schedule);
    let computing = work.mul_f64(least_slowness(schedule) + 1.0);
    last_start + overdue + computing + all_waiting(schedule, size) + slowest_disk(schedule) + SLACK + RETRY_FOR
}

/// The events that a run has besides those that can be counted before: work that is done anew, messages that are sent again.
const BESIDES: u64 = 300_000;

/// The events of a job of this size with so many heartbeats, if nothing has to be done anew.
fn events(size: Size, heartbeats: u64) -> u64 {
    const EVENTS_A_HEARTBEAT: u64 = 8;
    const EVENTS_A_STEP: u64 = 20;
    let steps = u64::from(size.tasks()).saturating_mul(size.steps_a_task().into());
    let of_steps = steps.saturating_mul(EVENTS_A_STEP);
    heartbeats.saturating_mul(EVENTS_A_HEARTBEAT).saturating_add(of_steps)
}

/// The time for which one worker waits that does everything alone.
fn all_waiting(schedule: &Schedule, size: Size) -> Duration {
    const MESSAGES_A_TASK: u32 = 12;
    let models = &schedule.models;
    let a_task = models.disk.latency.max.as_secs_f64() * f64::from(size.steps_a_task())
        + models.network.latency.max.as_secs_f64() * f64::from(MESSAGES_A_TASK);
    Duration::from_secs_f64((a_task * f64::from(size.tasks().saturating_add(1))).min(LONGEST))
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

/// The most seconds that the work, the waiting and a slow disk count for, each, and the most times as slow as usual that a worker counts for:
/// what comes of larger numbers might not fit a duration.
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

/// What the end of a run says about this promise; `nobody_left` is why nobody was left to finish, if nobody was.
pub(super) fn judge(report: &Report, nobody_left: Option<&str>) -> Option<Broken> {
    let liveness = |what| Some(Broken { promise: "finishes", judgement: Judgement::Liveness, what });
    match &report.finished {
        Finished::AllNodesDone | Finished::Stopped(_) => None,
        Finished::TimeLimit { unfinished } => {
            let (until, healed) = (report.virtual_time.as_secs_f64(), report.healed_at.as_secs_f64());
            let names: Vec<_> = unfinished.iter().map(ToString::to_string).collect();
            liveness(format!(
                "{} had not finished {until:.3} s after the start, although the last fault was over at {healed:.3} s{}",
                names.join(", "),
                nobody_left.map_or(String::new(), |why| format!("; {why}"))
            ))
        }
        Finished::EventLimit { unfinished } => {
            let names: Vec<_> = unfinished.iter().map(ToString::to_string).collect();
            liveness(format!("{} go in circles: {} events and no end", names.join(", "), report.events))
        }
        Finished::Spinning { node } => liveness(format!("{node} is busy doing nothing")),
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
        assert!(Bounds::of(&schedule).liveness < sim::MAX_DURATION);
    }

    #[test]
    fn the_bound_grows_with_tasks_timeout_and_late_workers() {
        let schedule = testing::schedule();
        let bound = Bounds::of(&schedule).liveness;
        let mut more_tasks = schedule.clone();
        more_tasks.workload.reduces += 1;
        let more = Bounds::of(&more_tasks).liveness - bound;
        assert!(more > schedule.cluster.task_timeout * 2 && more < schedule.cluster.task_timeout * 3, "{more:?}");
        let mut late = schedule.clone();
        late.cluster.workers[0].start_after = Duration::from_secs(100);
        assert_eq!(Bounds::of(&late).liveness - bound, Duration::from_secs(100));
    }

    #[test]
    fn more_events_than_can_be_counted_are_no_overflow() {
        let size = Size { maps: u32::MAX, reduces: u32::MAX };
        assert_eq!(events(size, 0), u64::MAX);
        assert_eq!(events(Size { maps: 0, reduces: 0 }, u64::MAX), u64::MAX);
    }

    #[test]
    fn steps_that_take_a_second_have_the_time_they_need() {
        let mut slow = testing::schedule();
        let bound = Bounds::of(&slow).liveness;
        slow.models.disk.latency.max = Duration::from_secs(20);
        // Two maps and two reduces, and in each of them the steps of one.
        assert!(Bounds::of(&slow).liveness - bound > Duration::from_secs(20) * 4 * 10);
        let mut far_away = testing::schedule();
        far_away.models.network.latency.max = Duration::from_secs(20);
        assert!(Bounds::of(&far_away).liveness - bound > Duration::from_secs(20) * 4 * 6);
        assert!(Bounds::of(&slow).events > Bounds::of(&testing::schedule()).events);
    }

    #[test]
    fn one_worker_that_is_not_slowed_is_enough() {
        let slow = |node: &str| sim::Fault {
            when: sim::Trigger::At(Duration::ZERO),
            what: FaultKind::SlowCompute { node: node.into(), factor: 1e9, duration: Duration::from_secs(1) },
        };
        let schedule = testing::schedule();
        let bound = Bounds::of(&schedule).liveness;
        let mut one_slow = schedule.clone();
        one_slow.faults = vec![slow("w1")];
        assert_eq!(Bounds::of(&one_slow).liveness, bound);
        one_slow.faults.push(slow("w2"));
        assert!(Bounds::of(&one_slow).liveness > bound + Duration::from_secs(100));
    }
}
