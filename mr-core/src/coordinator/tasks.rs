//! The tasks of one phase and the attempts at them: which wait, which run, which are overdue, which are committed.
//!
//! Ordered sets answer the only questions asked often, in logarithmic time: the first task nobody works on; the tasks on
//! which every attempt has gone without a sign of progress for the timeout, longest overdue first; and the tasks at which one
//! attempt works alone, the one that has for longest first: in the end it may get a backup. So may one whose backup has gone
//! without a sign of progress, perhaps because its worker is dead; these are looked at one by one, and are no more than the backups that
//! died and were not replaced yet. (A worker that asks is never given a task at which it works itself, nor one with which it has had trouble lately,
//! as long as there are others who have not; those, no more than its slots and its troubles, are passed over.)

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use world::Timestamp;

use super::task::{Company, Running, Task};
use crate::ids::{Attempt, WorkerId};
use crate::job::Job;

/// Why a task is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    /// Nobody works on it.
    Idle(usize),
    /// Whoever works on it shows no progress.
    Overdue(usize),
    /// The phase is nearly done, and whoever works on it takes much longer than others have.
    Straggling(usize),
}

/// How many times the mean time of the committed tasks an attempt has to run before it gets a backup.
const STRAGGLES_AFTER: u32 = 2;

/// The tasks of one phase. Index `i` is task `i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TaskTable {
    tasks: Vec<Task>,
    timeout: Duration,
    backups: bool,
    idle: BTreeSet<usize>,
    deadlines: BTreeSet<(Timestamp, usize)>,
    /// Tasks with one attempt, or one beside those that were overdue when it began, by when it did.
    alone: BTreeSet<(Timestamp, usize)>,
    /// Tasks with others, by when all but one are overdue, and by when that one began.
    accompanied: BTreeSet<(Timestamp, Timestamp, usize)>,
    /// Until when somebody who has had trouble with a task waits for another to try it.
    waits: BTreeSet<Timestamp>,
    committed: usize,
    /// How many attempts were committed, and the time that these took in all.
    took: (u32, Duration),
}

impl TaskTable {
    /// So many tasks of `job`.
    pub(super) fn new(count: usize, job: &Job) -> Self {
        Self {
            tasks: vec![Task::default(); count],
            timeout: job.task_timeout,
            backups: job.backup_tasks,
            idle: (0..count).collect(),
            deadlines: BTreeSet::new(),
            alone: BTreeSet::new(),
            accompanied: BTreeSet::new(),
            waits: BTreeSet::new(),
            committed: 0,
            took: (0, Duration::ZERO),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn committed(&self) -> usize {
        self.committed
    }

    pub(super) fn all_committed(&self) -> bool {
        self.committed == self.tasks.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Task> {
        self.tasks.get(index)
    }

    /// Whether `attempt` is the attempt of task `index` that counts.
    pub(super) fn is_committed(&self, index: usize, attempt: Attempt) -> bool {
        self.tasks.get(index).and_then(|task| task.committed).is_some_and(|committed| committed.attempt == attempt)
    }

    /// The attempt `attempt` of task `index`, if it runs and the task is not yet committed.
    pub(super) fn running(&self, index: usize, attempt: Attempt) -> Option<&Running> {
        self.tasks.get(index)?.running.get(&attempt)
    }

    /// The task that `worker` should try next, of those that it `may`: the first nobody works on, else the longest overdue, else the one
    /// that straggles most; of the latter two none at which it works itself.
    pub(super) fn next_for(&self, worker: WorkerId, now: Timestamp, may: impl Fn(&Task) -> bool) -> Option<Pick> {
        if let Some(&index) = self.idle.iter().find(|index| may(&self.tasks[**index])) {
            return Some(Pick::Idle(index));
        }
        let others = |index: &usize| {
            let task = &self.tasks[*index];
            may(task) && task.running.values().all(|running| running.worker != worker)
        };
        let overdue = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        if let Some(index) = overdue.map(|&(_, index)| index).find(others) {
            return Some(Pick::Overdue(index));
        }
        let age = self.backup_age()?;
        let mut alone = self.alone.iter().take_while(|(since, _)| *since + age <= now);
        let alone = alone.find(|(_, index)| others(index)).copied();
        let deserted = self.deserted(now).filter(|(since, index)| *since + age <= now && others(index)).min();
        [alone, deserted].into_iter().flatten().min().map(|(_, index)| Pick::Straggling(index))
    }

    /// The tasks at which several attempts run and all but one are overdue, and since when that one runs.
    fn deserted(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, usize)> {
        self.accompanied.iter().take_while(move |(until, ..)| *until <= now).map(|&(_, since, index)| (since, index))
    }

    /// Whether anything could be given out to some worker.
    pub(super) fn has_work(&self, now: Timestamp) -> bool {
        let begun = |set: &BTreeSet<(Timestamp, usize)>, after: Duration| {
            set.first().is_some_and(|(moment, _)| *moment + after <= now)
        };
        let straggles = |age| begun(&self.alone, age) || self.deserted(now).any(|(since, _)| since + age <= now);
        !self.idle.is_empty() || begun(&self.deadlines, Duration::ZERO) || self.backup_age().is_some_and(straggles)
    }

    /// The first moment after `now` at which a task becomes overdue or an attempt is one that straggles.
    pub(super) fn next_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        let after = |set: &BTreeSet<(Timestamp, usize)>, moment: Timestamp| {
            set.range((moment, usize::MAX)..).map(|&(at, _)| at).find(|at| *at > moment)
        };
        let overdue = after(&self.deadlines, now);
        let straggles = self.backup_age().and_then(|age| {
            let since = match now.since_origin().checked_sub(age) {
                Some(begun) => after(&self.alone, Timestamp::from_origin(begun)),
                None => self.alone.first().map(|&(since, _)| since),
            };
            let old_enough = self.deserted(now).map(|(since, _)| since + age).filter(|at| *at > now).min();
            let unheard = (now, Timestamp::from_origin(Duration::MAX), usize::MAX);
            let deserted = self.accompanied.range(unheard..).next().map(|&(until, ..)| until);
            [since.map(|since| since + age), old_enough, deserted].into_iter().flatten().min()
        });
        let waits = self.waits.range((Bound::Excluded(now), Bound::Unbounded)).next().copied();
        [overdue, straggles, waits].into_iter().flatten().min()
    }

    /// How long an attempt has to run until it gets a backup: twice as long as others took, and the task timeout at least. None while
    /// the phase is not close to its end: some task waits, or half of them are not committed. (MapReduce paper, section 3.6; lab 1:
    /// "backup tasks should only be scheduled after some relatively long period of time".) A phase of one task has nothing to measure by;
    /// and one attempt that took very long, because its worker slept, puts backups off for the rest of the phase: none is given wrongly.
    fn backup_age(&self) -> Option<Duration> {
        let (committed, took) = self.took;
        let near_end = self.idle.is_empty() && self.committed * 2 >= self.tasks.len();
        (self.backups && near_end && committed > 0)
            .then(|| (took.saturating_mul(STRAGGLES_AFTER) / committed).max(self.timeout))
    }

    /// An attempt that was given out `since` is committed at `now`.
    pub(super) fn measure(&mut self, since: Timestamp, now: Timestamp) {
        self.took.0 += 1;
        self.took.1 = self.took.1.saturating_add(now.since(since));
    }

    /// `worker` has had trouble with task `index`, which it had better leave to others for a while.
    pub(super) fn leave_to_others(&mut self, index: usize, worker: WorkerId, now: Timestamp) {
        self.waits = self.waits.split_off(&now);
        self.waits.insert(now + self.timeout);
        self.update(index, |task| {
            task.failed_by.insert(worker, now);
        });
    }

    /// Whether attempt `attempt` has shown no progress for the timeout.
    pub(super) fn is_overdue(&self, index: usize, attempt: Attempt, now: Timestamp) -> bool {
        self.running(index, attempt).is_none_or(|running| running.last_progress + self.timeout <= now)
    }

    /// Changes task `index` by `change` and keeps the ordered sets in step.
    pub(super) fn update(&mut self, index: usize, change: impl FnOnce(&mut Task)) {
        let Some(task) = self.tasks.get_mut(index) else { return };
        let before = (task.committed.is_some(), task.deadline(self.timeout), task.company(self.timeout));
        change(task);
        if task.committed.is_some() {
            task.running.clear();
        }
        let after = (task.committed.is_some(), task.deadline(self.timeout), task.company(self.timeout));
        if let Some(deadline) = before.1 {
            self.deadlines.remove(&(deadline, index));
        }
        if before.2 != after.2 {
            match before.2 {
                Some(Company::Alone { since }) => self.alone.remove(&(since, index)),
                Some(Company::Accompanied { until, since }) => self.accompanied.remove(&(until, since, index)),
                None => false,
            };
            match after.2 {
                Some(Company::Alone { since }) => self.alone.insert((since, index)),
                Some(Company::Accompanied { until, since }) => self.accompanied.insert((until, since, index)),
                None => false,
            };
        }
        match after {
            (true, ..) => {
                self.idle.remove(&index);
            }
            (false, Some(deadline), _) => {
                self.deadlines.insert((deadline, index));
                self.idle.remove(&index);
            }
            (false, None, _) => {
                self.idle.insert(index);
            }
        }
        self.committed = self.committed + usize::from(after.0) - usize::from(before.0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::task::Committed;
    use super::*;
    use crate::ids::JobId;

    const FIRST: Committed = Committed { attempt: Attempt(1), by: WorkerId(1) };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_origin(Duration::from_secs(seconds))
    }

    /// With a timeout of ten seconds.
    fn table(count: usize) -> TaskTable {
        TaskTable::new(count, &Job::new(JobId(1), Vec::new()))
    }

    /// What `worker` should try next, of whatever there is.
    fn next(table: &TaskTable, worker: u32, now: Timestamp) -> Option<Pick> {
        table.next_for(WorkerId(worker), now, |_| true)
    }

    fn assign(table: &mut TaskTable, index: usize, worker: u32, now: Timestamp) {
        table.update(index, |task| {
            task.assigned += 1;
            let worker = WorkerId(worker);
            let running = Running { worker, since: now, ticks: 0, last_progress: now, map_commits: 0 };
            task.running.insert(Attempt(task.assigned), running);
        });
    }

    fn progress(table: &mut TaskTable, index: usize, now: Timestamp) {
        table.update(index, |task| task.running.values_mut().for_each(|running| running.last_progress = now));
    }

    fn commit(table: &mut TaskTable, index: usize, since: Timestamp, now: Timestamp) {
        table.measure(since, now);
        table.update(index, |task| task.committed = Some(FIRST));
    }

    #[test]
    fn idle_tasks_come_before_overdue_ones_and_the_longest_overdue_first() {
        let mut table = table(3);
        assign(&mut table, 1, 1, at(0));
        assign(&mut table, 0, 1, at(1));
        assert_eq!(next(&table, 2, at(30)), Some(Pick::Idle(2)));
        assign(&mut table, 2, 1, at(30));
        assert_eq!(next(&table, 2, at(9)), None);
        assert_eq!(next(&table, 2, at(10)), Some(Pick::Overdue(1)));
        assert_eq!(next(&table, 2, at(30)), Some(Pick::Overdue(1)));
        assert_eq!(table.next_deadline(at(10)), Some(at(11)));
    }

    #[test]
    fn a_worker_is_not_given_a_second_attempt_beside_its_own() {
        let mut table = table(1);
        assign(&mut table, 0, 1, at(0));
        assert_eq!(next(&table, 1, at(20)), None);
        assert_eq!(next(&table, 2, at(20)), Some(Pick::Overdue(0)));
    }

    #[test]
    fn a_second_attempt_starts_the_clock_again() {
        let mut table = table(1);
        assign(&mut table, 0, 1, at(0));
        assign(&mut table, 0, 2, at(12));
        assert!(table.is_overdue(0, Attempt(1), at(12)));
        assert_eq!(next(&table, 3, at(21)), None);
        assert_eq!(next(&table, 3, at(22)), Some(Pick::Overdue(0)));
    }

    #[test]
    fn a_committed_task_is_neither_idle_nor_overdue_until_its_output_is_lost() {
        let mut table = table(1);
        assign(&mut table, 0, 1, at(0));
        table.update(0, |task| task.committed = Some(FIRST));
        assert!(table.all_committed() && !table.has_work(at(99)) && table.running(0, Attempt(1)).is_none());
        table.update(0, |task| task.committed = None);
        assert!(!table.all_committed());
        assert_eq!(next(&table, 1, at(99)), Some(Pick::Idle(0)));
    }

    /// Two tasks: the first took 30 s, the second goes on and shows progress all the time.
    fn straggling() -> TaskTable {
        let mut table = table(2);
        assign(&mut table, 0, 1, at(0));
        assign(&mut table, 1, 2, at(0));
        commit(&mut table, 0, at(0), at(30));
        progress(&mut table, 1, at(55));
        table
    }

    #[test]
    fn who_takes_twice_as_long_as_the_others_gets_one_backup_on_another_worker() {
        let mut table = straggling();
        assert_eq!((next(&table, 1, at(59)), table.next_deadline(at(59))), (None, Some(at(60))));
        assert!(!table.has_work(at(59)) && table.has_work(at(60)));
        assert_eq!(next(&table, 2, at(60)), None, "it works at it itself");
        assert_eq!(next(&table, 1, at(60)), Some(Pick::Straggling(1)));
        assign(&mut table, 1, 1, at(60));
        progress(&mut table, 1, at(99));
        assert_eq!(next(&table, 3, at(100)), None, "one backup is enough");
        assert!(!table.has_work(at(100)));
    }

    #[test]
    fn a_backup_that_shows_no_progress_for_the_timeout_is_no_company() {
        let mut table = straggling();
        assign(&mut table, 1, 1, at(60));
        let slow = |table: &mut TaskTable, now| {
            table.update(1, |task| task.running.get_mut(&Attempt(1)).unwrap().last_progress = now);
        };
        slow(&mut table, at(69));
        assert_eq!((next(&table, 3, at(69)), table.next_deadline(at(69))), (None, Some(at(70))));
        assert!(!table.has_work(at(69)) && table.has_work(at(70)));
        assert_eq!(next(&table, 3, at(70)), Some(Pick::Straggling(1)));
        assert_eq!(next(&table, 1, at(70)), None, "it may not be dead after all");
        assign(&mut table, 1, 3, at(70));
        slow(&mut table, at(75));
        assert_eq!(next(&table, 4, at(79)), None, "there is a new backup");
        // The backup goes on, and it is the first attempt that shows no progress any more: the backup is not old enough yet.
        table.update(1, |task| task.running.get_mut(&Attempt(3)).unwrap().last_progress = at(90));
        assert_eq!((next(&table, 4, at(91)), table.next_deadline(at(91))), (None, Some(at(100))));
        table.update(1, |task| task.running.get_mut(&Attempt(3)).unwrap().last_progress = at(129));
        assert_eq!((next(&table, 4, at(129)), table.next_deadline(at(129))), (None, Some(at(130))));
        assert_eq!(next(&table, 4, at(130)), Some(Pick::Straggling(1)));
    }

    #[test]
    fn there_are_no_backups_far_from_the_end_nor_before_the_timeout_nor_where_nobody_wants_them() {
        let mut far = table(3);
        for index in 0..3 {
            assign(&mut far, index, 1, at(0));
        }
        commit(&mut far, 0, at(0), at(1));
        progress(&mut far, 1, at(9));
        progress(&mut far, 2, at(9));
        assert_eq!(next(&far, 2, at(12)), None, "one of three");
        commit(&mut far, 1, at(0), at(9));
        assert_eq!(next(&far, 2, at(9)), None, "the mean is 5 s, the timeout 10 s");
        assert_eq!(next(&far, 2, at(10)), Some(Pick::Straggling(2)));
        let mut unwanted = straggling();
        unwanted.backups = false;
        assert_eq!(next(&unwanted, 1, at(60)), None);
    }
}
