//! How far the job has come, as far as it matters to those who watch the workers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mr_core::ids::WorkerId;

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Milestones {
    workers: Mutex<Workers>,
    commits: AtomicU64,
    ended: AtomicBool,
}

/// Who has come, and who of them was ever given something to do.
#[derive(Debug, Default)]
struct Workers {
    registered: BTreeMap<String, WorkerId>,
    assigned: BTreeSet<WorkerId>,
}

impl Milestones {
    /// The worker of that name has come.
    pub(super) fn registered(&self, name: &str, worker: WorkerId) {
        self.workers().registered.insert(name.to_owned(), worker);
    }

    /// The worker was given an attempt.
    pub(super) fn assigned(&self, worker: WorkerId) {
        self.workers().assigned.insert(worker);
    }

    /// One more task was committed: dying workers still get somewhere.
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
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
        workers.registered.get(name).is_some_and(|worker| workers.assigned.contains(worker))
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
