//! The tasks of one phase and the attempts at them: which wait, which run, which are overdue, which are committed.
//!
//! Two ordered sets answer the only questions asked often, in logarithmic time: the first task nobody works on, and the
//! tasks on which every attempt has gone without a sign of progress for the timeout, longest overdue first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use world::Timestamp;

use crate::counters::Counters;
use crate::ids::{Attempt, WorkerId};

/// An attempt that was given out and has not come to an end that the coordinator knows of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) worker: WorkerId,
    pub(super) ticks: u64,
    pub(super) last_progress: Timestamp,
    /// How many map commits there were when it was given out: what a reduce reads, however often it is told.
    pub(super) map_commits: u64,
}

/// One task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) running: BTreeMap<Attempt, Running>,
    /// How many attempts were ever given out; the highest attempt number.
    pub(super) assigned: u32,
    pub(super) failures: u32,
    /// The attempt that counts.
    pub(super) committed: Option<Attempt>,
    /// What the last attempt that counted has counted. It stays in the sum when its output is lost: whoever read it counts on it, and
    /// when the last reduce is committed nobody does the map again.
    pub(super) counted: Counters,
    /// Every attempt that was told it may commit, in order; the last one holds the permission, as long as it runs.
    pub(super) granted: Vec<Attempt>,
}

impl Task {
    fn deadline(&self, timeout: Duration) -> Option<Timestamp> {
        self.running.values().map(|running| running.last_progress + timeout).max()
    }
}

/// The tasks of one phase. Index `i` is task `i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TaskTable {
    tasks: Vec<Task>,
    timeout: Duration,
    idle: BTreeSet<usize>,
    deadlines: BTreeSet<(Timestamp, usize)>,
    committed: usize,
}

impl TaskTable {
    pub(super) fn new(count: usize, timeout: Duration) -> Self {
        Self {
            tasks: vec![Task::default(); count],
            timeout,
            idle: (0..count).collect(),
            deadlines: BTreeSet::new(),
            committed: 0,
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
        self.tasks.get(index).is_some_and(|task| task.committed == Some(attempt))
    }

    /// The attempt `attempt` of task `index`, if it runs and the task is not yet committed.
    pub(super) fn running(&self, index: usize, attempt: Attempt) -> Option<&Running> {
        self.tasks.get(index)?.running.get(&attempt)
    }

    /// The task that `worker` should try next: the first nobody works on, else the longest overdue of which it does not
    /// already run an attempt itself.
    pub(super) fn next_for(&self, worker: WorkerId, now: Timestamp) -> Option<usize> {
        if let Some(&index) = self.idle.first() {
            return Some(index);
        }
        let overdue = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        overdue.map(|&(_, index)| index).find(|&index| self.tasks[index].running.values().all(|r| r.worker != worker))
    }

    /// Whether anything could be given out to some worker.
    pub(super) fn has_work(&self, now: Timestamp) -> bool {
        !self.idle.is_empty() || self.deadlines.first().is_some_and(|(deadline, _)| *deadline <= now)
    }

    /// The first moment after `now` at which a task becomes overdue.
    pub(super) fn next_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        self.deadlines.range((now, usize::MAX)..).map(|&(deadline, _)| deadline).find(|&deadline| deadline > now)
    }

    /// Whether attempt `attempt` has shown no progress for the timeout.
    pub(super) fn is_overdue(&self, index: usize, attempt: Attempt, now: Timestamp) -> bool {
        self.running(index, attempt).is_none_or(|running| running.last_progress + self.timeout <= now)
    }

    /// Changes task `index` by `change` and keeps the ordered sets in step.
    pub(super) fn update(&mut self, index: usize, change: impl FnOnce(&mut Task)) {
        let Some(task) = self.tasks.get_mut(index) else { return };
        let before = (task.committed.is_some(), task.deadline(self.timeout));
        change(task);
        if task.committed.is_some() {
            task.running.clear();
        }
        let after = (task.committed.is_some(), task.deadline(self.timeout));
        if let Some(deadline) = before.1 {
            self.deadlines.remove(&(deadline, index));
        }
        match after {
            (true, _) => {
                self.idle.remove(&index);
            }
            (false, Some(deadline)) => {
                self.deadlines.insert((deadline, index));
                self.idle.remove(&index);
            }
            (false, None) => {
                self.idle.insert(index);
            }
        }
        self.committed = self.committed + usize::from(after.0) - usize::from(before.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_origin(Duration::from_secs(seconds))
    }

    fn assign(table: &mut TaskTable, index: usize, worker: u32, now: Timestamp) {
        table.update(index, |task| {
            task.assigned += 1;
            let running = Running { worker: WorkerId(worker), ticks: 0, last_progress: now, map_commits: 0 };
            task.running.insert(Attempt(task.assigned), running);
        });
    }

    #[test]
    fn idle_tasks_come_before_overdue_ones_and_the_longest_overdue_first() {
        let mut table = TaskTable::new(3, Duration::from_secs(10));
        assign(&mut table, 1, 1, at(0));
        assign(&mut table, 0, 1, at(1));
        assert_eq!(table.next_for(WorkerId(2), at(30)), Some(2));
        assign(&mut table, 2, 1, at(30));
        assert_eq!(table.next_for(WorkerId(2), at(9)), None);
        assert_eq!(table.next_for(WorkerId(2), at(10)), Some(1));
        assert_eq!(table.next_for(WorkerId(2), at(30)), Some(1));
        assert_eq!(table.next_deadline(at(10)), Some(at(11)));
    }

    #[test]
    fn a_worker_is_not_given_a_second_attempt_beside_its_own() {
        let mut table = TaskTable::new(1, Duration::from_secs(10));
        assign(&mut table, 0, 1, at(0));
        assert_eq!(table.next_for(WorkerId(1), at(20)), None);
        assert_eq!(table.next_for(WorkerId(2), at(20)), Some(0));
    }

    #[test]
    fn a_second_attempt_starts_the_clock_again() {
        let mut table = TaskTable::new(1, Duration::from_secs(10));
        assign(&mut table, 0, 1, at(0));
        assign(&mut table, 0, 2, at(12));
        assert!(table.is_overdue(0, Attempt(1), at(12)));
        assert_eq!(table.next_for(WorkerId(3), at(21)), None);
        assert_eq!(table.next_for(WorkerId(3), at(22)), Some(0));
    }

    #[test]
    fn a_committed_task_is_neither_idle_nor_overdue_until_its_output_is_lost() {
        let mut table = TaskTable::new(1, Duration::from_secs(10));
        assign(&mut table, 0, 1, at(0));
        table.update(0, |task| task.committed = Some(Attempt(1)));
        assert!(table.all_committed() && !table.has_work(at(99)) && table.running(0, Attempt(1)).is_none());
        table.update(0, |task| task.committed = None);
        assert!(!table.all_committed());
        assert_eq!(table.next_for(WorkerId(1), at(99)), Some(0));
    }
}
