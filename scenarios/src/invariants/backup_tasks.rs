//! Near the end of a phase a straggler gets a backup on another worker, one at a time, and without delay where a worker waits; nobody
//! else does. (MapReduce paper, section 3.6. Lab 1: "backup tasks should only be scheduled after some relatively long period of time".)
//!
//! The end of a phase is near when none of its tasks waits and half of them are committed. A straggler is an attempt that shows progress
//! within the task timeout, however little, as the only one at its task that does, and has run for twice as long as the committed ones took
//! on average, and for the timeout at least. Who shows none for the timeout is no company, because its worker may be dead.
//!
//! That a task is given out again for other reasons is for `not_reissued_in_time` to judge, and for `prompt` that one is at which nobody
//! shows progress any more; what a backup must not do is what no attempt must: only one attempt counts, whichever is done first.

use std::collections::BTreeSet;
use std::mem::discriminant;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, TaskId, WorkerId};
use sim::{DiskView, Event};
use world::Timestamp;

use super::idle_workers::{IdleWorkers, Running};
use super::{Invariant, Verdict, happened};
use crate::schedule::Schedule;

/// What the rule of backups asks for, naively kept.
pub(super) struct BackupTasks {
    wanted: bool,
    timeout: Duration,
    allowance: Duration,
    maps: usize,
    reduces: usize,
    committed: BTreeSet<TaskId>,
    /// What committed attempts of maps, and of reduces, took.
    maps_took: Vec<Duration>,
    reduces_took: Vec<Duration>,
    workers: IdleWorkers,
    /// When something happened last that can make a straggler of an attempt, beside its getting old.
    changed: Timestamp,
    ended: bool,
}

impl BackupTasks {
    pub(super) fn new(schedule: &Schedule) -> Self {
        Self {
            wanted: schedule.cluster.backup_tasks,
            timeout: schedule.cluster.task_timeout,
            allowance: IdleWorkers::allowance(schedule),
            maps: schedule.workload.maps(&schedule.cluster),
            reduces: schedule.workload.reduces as usize,
            committed: BTreeSet::new(),
            maps_took: Vec::new(),
            reduces_took: Vec::new(),
            workers: IdleWorkers::new(schedule),
            changed: Timestamp::default(),
            ended: false,
        }
    }

    /// How long an attempt at `task` has to run to be a straggler; none while the end of its phase is not near.
    fn age(&self, task: TaskId) -> Option<Duration> {
        let maps_done = self.committed.iter().filter(|task| matches!(task, TaskId::Map(_))).count() == self.maps;
        // While a map is made again because its output is lost, the phase is that of the maps, whatever reduces still run.
        if matches!(task, TaskId::Reduce(_)) != maps_done {
            return None;
        }
        let (tasks, took) = match task {
            TaskId::Map(_) => (self.maps, &self.maps_took),
            TaskId::Reduce(_) => (self.reduces, &self.reduces_took),
        };
        let of_phase = |other: TaskId| discriminant(&other) == discriminant(&task);
        let committed = self.committed.iter().filter(|other| of_phase(**other)).count();
        let at_work: BTreeSet<TaskId> =
            self.workers.running().map(|(attempt, _)| attempt.task).filter(|other| of_phase(*other)).collect();
        let near_end = committed + at_work.len() == tasks && committed * 2 >= tasks && !took.is_empty();
        let mean = took.iter().sum::<Duration>() / u32::try_from(took.len()).unwrap_or(u32::MAX).max(1);
        near_end.then(|| (mean * 2).max(self.timeout))
    }

    fn backs_up(&self, now: Timestamp, attempt: AttemptId, worker: WorkerId) -> Verdict {
        let complain = |why: String| Err(format!("{attempt} was given to worker {} as a backup, {why}", worker.0));
        if !self.wanted {
            return complain("which nobody wanted".into());
        }
        let Some(age) = self.age(attempt.task) else {
            return complain("although the phase was not near its end".into());
        };
        let mut at_it = self.workers.running_at(attempt.task);
        if let Some((own, _)) = at_it.find(|(_, running)| running.worker == worker) {
            return complain(format!("which was at attempt {} itself", own.attempt.0));
        }
        let Some((other, running, alone_since)) = self.alone_in_time(now, attempt.task) else {
            return complain("but not beside one other attempt".into());
        };
        let run_for = now.since(running.since);
        if run_for < age {
            let (run_for, age) = (run_for.as_secs_f64(), age.as_secs_f64());
            let other = other.attempt.0;
            return complain(format!("but attempt {other} had run for {run_for:.3} s and straggles after {age:.3} s"));
        }
        let waits_since = self.workers.waits_since(worker);
        let straggles_since = alone_since.max(running.since + age);
        waits_since.map_or(Ok(()), |waits_since| self.soon(now, (worker, waits_since), (other, straggles_since)))
    }

    /// The attempt at `task` that is in time, if it is the only one, and since when no other is.
    fn alone_in_time(&self, now: Timestamp, task: TaskId) -> Option<(AttemptId, &Running, Timestamp)> {
        let overdue_at = |running: &Running| running.last_progress + self.timeout;
        let (overdue, in_time): (Vec<_>, Vec<_>) =
            self.workers.running_at(task).partition(|(_, running)| overdue_at(running) <= now);
        let &[(attempt, running)] = in_time.as_slice() else { return None };
        let since = overdue.into_iter().map(|(_, running)| overdue_at(running)).max().unwrap_or_default();
        Some((attempt, running, since))
    }

    /// Whether anybody has waited for long beside an attempt that straggles.
    fn stragglers_have_backups(&self, now: Timestamp) -> Verdict {
        let at_work: BTreeSet<TaskId> = self.workers.running().map(|(attempt, _)| attempt.task).collect();
        for task in at_work {
            let Some((attempt, running, alone_since)) = self.alone_in_time(now, task) else { continue };
            let Some(age) = self.age(task).filter(|age| now.since(running.since) >= *age) else { continue };
            let straggles_since = alone_since.max(running.since + age);
            self.workers.idle().try_for_each(|idle| self.soon(now, idle, (attempt, straggles_since)))?;
        }
        Ok(())
    }

    /// Whether `worker` has not waited for long since there was a straggler to be helped.
    fn soon(
        &self,
        now: Timestamp,
        (worker, waits_since): (WorkerId, Timestamp),
        (straggler, straggles_since): (AttemptId, Timestamp),
    ) -> Verdict {
        let turned_away = self.workers.turned_away_until(straggler.task, worker);
        let waited = now.since(waits_since.max(straggles_since).max(self.changed).max(turned_away));
        if waited <= self.allowance {
            return Ok(());
        }
        Err(format!("worker {} waited {:.3} s beside {straggler}, which straggles", worker.0, waited.as_secs_f64()))
    }

    fn commit(&mut self, now: Timestamp, attempt: AttemptId) {
        self.committed.insert(attempt.task);
        let since = self.workers.running_at(attempt.task).find(|(other, _)| *other == attempt);
        let took = since.map(|(_, running)| now.since(running.since));
        match attempt.task {
            TaskId::Map(_) => self.maps_took.extend(took),
            TaskId::Reduce(_) => self.reduces_took.extend(took),
        }
    }
}

impl Invariant for BackupTasks {
    fn name(&self) -> &'static str {
        "backup_tasks"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        self.workers.see(event);
        let Some(happened) = happened(event) else { return Ok(()) };
        let now = happened.at;
        match &happened.event {
            coordinator::Event::AttemptAssigned { attempt, worker, backup: true, .. } => {
                self.backs_up(now, *attempt, *worker)?;
            }
            coordinator::Event::AttemptCommitted { attempt, .. } => self.commit(now, *attempt),
            coordinator::Event::MapOutputLost { map, .. } => {
                self.committed.remove(&TaskId::Map(map.map));
            }
            coordinator::Event::JobEnded { .. } => self.ended = true,
            _ => {}
        }
        self.workers.apply(now, &happened.event);
        if !matches!(happened.event, coordinator::Event::AttemptProgressed { .. }) {
            self.changed = now;
        }
        // Nobody straggles who has not run for the timeout: most of the time that is all there is to look at.
        let oldest = self.workers.running().map(|(_, running)| running.since).min();
        if !self.wanted || self.ended || oldest.is_none_or(|oldest| now.since(oldest) < self.timeout) {
            return Ok(());
        }
        self.stragglers_have_backups(now)
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{
        committed_at, happened, lost, map, progressed, reduce, registered, schedule, watch,
    };

    /// Two maps, two reduces, a timeout of a second; w1 and w2 are there from the start.
    fn check(backup_tasks: bool, history: Vec<Event>) -> Verdict {
        let mut schedule = schedule();
        schedule.cluster.backup_tasks = backup_tasks;
        let start = vec![registered(1, "w1"), registered(2, "w2")];
        watch(&mut BackupTasks::new(&schedule), &StillDisk::default(), [start, history].concat())
    }

    fn given(millis: u64, attempt: AttemptId, worker: u32, backup: bool) -> Event {
        let worker = WorkerId(worker);
        happened(millis, coordinator::Event::AttemptAssigned { attempt, worker, question: 1, backup })
    }

    /// Map 0 took 800 ms, so map 1 on w2, which has shown progress after 1.4 s, straggles after 1.6 s.
    fn maps() -> Vec<Event> {
        vec![
            given(0, map(0, 1), 1, false),
            given(0, map(1, 1), 2, false),
            committed_at(800, map(0, 1), 1),
            progressed(1400, map(1, 1)),
        ]
    }

    fn then(more: Vec<Event>) -> Vec<Event> {
        [maps(), more].concat()
    }

    #[test]
    fn a_straggler_gets_a_backup() {
        assert_eq!(check(true, then(vec![given(1610, map(1, 2), 1, true), progressed(2500, map(1, 1))])), Ok(()));
    }

    #[test]
    fn who_is_no_straggler_gets_none() {
        let early = check(true, then(vec![given(1500, map(1, 2), 1, true)])).unwrap_err();
        assert!(early.ends_with("but attempt 1 had run for 1.500 s and straggles after 1.600 s"), "{early}");
        let far = vec![given(0, map(0, 1), 1, false), given(1500, map(0, 2), 2, true)];
        assert!(check(true, far).unwrap_err().contains("not near its end"));
        assert!(check(true, then(vec![given(1700, map(1, 2), 2, true)])).unwrap_err().contains("itself"));
        assert!(check(false, then(vec![given(1700, map(1, 2), 1, true)])).unwrap_err().contains("nobody wanted"));
    }

    #[test]
    fn one_backup_is_enough() {
        let third = vec![given(1600, map(1, 2), 1, true), registered(3, "w3"), given(1900, map(1, 3), 3, true)];
        assert!(check(true, then(third)).unwrap_err().contains("not beside one other attempt"));
    }

    #[test]
    fn a_backup_without_progress_for_the_timeout_is_replaced() {
        let dead = |last: Event| {
            let progress = [2000, 2500].map(|millis| progressed(millis, map(1, 1)));
            let start = [given(1600, map(1, 2), 1, true), registered(3, "w3")];
            check(true, then([&start[..], &progress, &[last]].concat()))
        };
        assert_eq!(dead(given(2605, map(1, 3), 3, true)), Ok(()));
        assert_eq!(
            dead(progressed(3300, map(1, 1))).unwrap_err(),
            "worker 3 waited 0.700 s beside map 1, attempt 1, which straggles"
        );
    }

    #[test]
    fn who_waits_beside_a_straggler_is_given_the_backup_soon() {
        let progress = |millis| progressed(millis, map(1, 1));
        let broken = check(true, then(vec![progress(2600)])).unwrap_err();
        assert_eq!(broken, "worker 1 waited 1.000 s beside map 1, attempt 1, which straggles");
        assert_eq!(check(false, then(vec![progress(2600)])), Ok(()));
        let late = check(true, then(vec![given(2300, map(1, 2), 1, true)])).unwrap_err();
        assert_eq!(late, "worker 1 waited 0.700 s beside map 1, attempt 1, which straggles");
    }

    #[test]
    fn beside_a_reduce_nobody_gets_a_backup_while_a_map_is_made_again() {
        let reduces = vec![
            committed_at(900, map(1, 1), 2),
            given(900, reduce(0, 1), 1, false),
            given(900, reduce(1, 1), 2, false),
            committed_at(1000, reduce(0, 1), 1),
            registered(3, "w3"),
            lost(map(0, 1)),
            given(1900, map(0, 2), 1, false),
            progressed(2900, reduce(1, 1)),
        ];
        assert_eq!(check(true, then(reduces.clone())), Ok(()), "w3 waits for the map");
        let backup = [reduces, vec![given(2900, reduce(1, 2), 3, true)]].concat();
        assert!(check(true, then(backup)).unwrap_err().contains("not near its end"));
    }

    #[test]
    fn of_reduces_the_same_is_promised() {
        let reduces = vec![
            committed_at(900, map(1, 1), 2),
            given(900, reduce(0, 1), 1, false),
            given(900, reduce(1, 1), 2, false),
            committed_at(1000, reduce(0, 1), 1),
            progressed(1500, reduce(1, 1)),
            given(1900, reduce(1, 2), 1, true),
        ];
        assert_eq!(check(true, then(reduces)), Ok(()));
    }
}
