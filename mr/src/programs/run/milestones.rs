//! How far the job has come, as far as it matters to those who watch the workers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mr_core::ids::{AttemptId, TaskId, WorkerId};

/// How many tasks of a worker that died are named.
const MAX_NAMED: usize = 3;

/// How many characters are shown of the beginning of a task with its files, and how many of the end, which tells files apart.
const SHOWN: (usize, usize) = (40, 60);

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Milestones {
    workers: Mutex<Workers>,
    commits: AtomicU64,
    ended: AtomicBool,
}

/// Who has come, and what each of them who was ever given something to do has not come to an end with, in words.
#[derive(Debug, Default)]
struct Workers {
    registered: BTreeMap<String, WorkerId>,
    doing: BTreeMap<WorkerId, BTreeMap<AttemptId, String>>,
}

impl Milestones {
    /// The worker of that name has come.
    pub(super) fn registered(&self, name: &str, worker: WorkerId) {
        self.workers().registered.insert(name.to_owned(), worker);
    }

    /// The worker was given an attempt at a task that is called `name`.
    pub(super) fn assigned(&self, worker: WorkerId, attempt: AttemptId, name: &str) {
        self.workers().doing.entry(worker).or_default().insert(attempt, shortened(name));
    }

    /// The worker has come to an end with an attempt, though not a good one.
    pub(super) fn failed(&self, worker: WorkerId, attempt: AttemptId) {
        self.workers().doing.entry(worker).or_default().remove(&attempt);
    }

    /// One more task was committed: dying workers still get somewhere.
    pub(super) fn committed(&self, task: TaskId) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.workers().doing.values_mut().for_each(|doing| doing.retain(|attempt, _| attempt.task != task));
    }

    /// The job has ended, or is about to be ended: from now on workers leave by themselves. To be called before any of them can know.
    pub(super) fn ended(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether the worker of that name ever came.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.workers().registered.contains_key(name)
    }

    /// Whether the worker of that name was ever given an attempt, so that its app may have done to its process whatever it likes.
    pub(super) fn has_worked(&self, name: &str) -> bool {
        let workers = self.workers();
        workers.registered.get(name).is_some_and(|worker| workers.doing.contains_key(worker))
    }

    /// What the worker of that name was doing when it was last heard of, for people; none if that was nothing.
    pub(super) fn was_doing(&self, name: &str) -> Option<String> {
        let workers = self.workers();
        let doing = workers
            .registered
            .get(name)
            .and_then(|worker| workers.doing.get(worker))
            .filter(|doing| !doing.is_empty())?;
        let mut named: Vec<_> = doing.values().take(MAX_NAMED).cloned().collect();
        if doing.len() > MAX_NAMED {
            named.push(format!("{} more", doing.len() - MAX_NAMED));
        }
        Some(named.join(", "))
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn workers(&self) -> MutexGuard<'_, Workers> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `name`, without its middle if it is long.
fn shortened(name: &str) -> String {
    let (first, last) = SHOWN;
    let count = name.chars().count();
    if count <= first + last {
        return name.to_owned();
    }
    let (start, end): (String, String) =
        (name.chars().take(first).collect(), name.chars().skip(count - last).collect());
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use mr_core::ids::{Attempt, MapIndex};

    use super::*;

    #[test]
    fn what_a_worker_was_doing_is_told_as_far_as_it_is_not_over() {
        let attempt = |map| AttemptId { task: TaskId::Map(MapIndex(map)), attempt: Attempt(1) };
        let milestones = Milestones::default();
        let worker = WorkerId(1);
        milestones.registered("one", worker);
        assert!(!milestones.has_worked("one"));
        for map in 0..6 {
            milestones.assigned(worker, attempt(map), &format!("map {map}"));
        }
        assert_eq!(milestones.was_doing("one").unwrap(), "map 0, map 1, map 2, 3 more");
        milestones.committed(attempt(1).task);
        milestones.failed(worker, attempt(2));
        (3..6).for_each(|map| milestones.failed(worker, attempt(map)));
        assert_eq!(milestones.was_doing("one").unwrap(), "map 0");
        milestones.failed(worker, attempt(0));
        assert_eq!(milestones.was_doing("one"), None);
        assert!(milestones.has_worked("one"));
    }

    #[test]
    fn of_a_long_name_beginning_and_end_are_told() {
        let name = format!("map 3 ({}/file)", "ä".repeat(1000));
        let short = shortened(&name);
        assert!(short.starts_with("map 3 (ä") && short.ends_with("ä/file)") && short.chars().count() == 101, "{short}");
        assert_eq!(shortened("map 3 (file)"), "map 3 (file)");
    }
}
