//! How far the job has come, as far as it matters to those who watch the workers.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Milestones {
    registered: Mutex<BTreeSet<String>>,
    commits: AtomicU64,
    ended: AtomicBool,
}

impl Milestones {
    /// The worker of that name has come.
    pub(super) fn registered(&self, name: &str) {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
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
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}
