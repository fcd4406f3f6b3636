//! The machines' own disks: an output of a map is gone when the worker that made it dies, as in the paper's system (section 3.3).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use mr_core::ids::{Attempt, MapAttempt, MapIndex};

/// What is on which disk, and which outputs count.
#[derive(Default)]
pub(super) struct Disks(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    /// By machine, what its worker has made.
    made: BTreeMap<usize, Vec<MapAttempt>>,
    lost: BTreeSet<MapAttempt>,
    /// How much of the coordinator's list of commits somebody has been told, and of each map where in it its attempts are.
    listed: u64,
    commits: BTreeMap<MapIndex, Vec<(u64, Attempt)>>,
}

impl Disks {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().expect("nobody panics here")
    }

    /// A worker has been told `commits`, which are on the list behind its first `known` entries.
    pub(super) fn list(&self, known: u64, commits: &[MapAttempt]) {
        let mut contents = self.contents();
        for (place, commit) in (known..).zip(commits) {
            if place == contents.listed {
                contents.listed += 1;
                contents.commits.entry(commit.map).or_default().push((place, commit.attempt));
            }
        }
    }

    /// Which of the outputs of `maps` are gone, of those that count by the first `count` entries of the list.
    pub(super) fn missing(&self, count: u64, maps: Range<u32>) -> Vec<MapAttempt> {
        let contents = self.contents();
        let from = |map: u32| MapAttempt { map: MapIndex(map), attempt: Attempt(0) };
        let counts = |lost: &&MapAttempt| {
            let commits = contents.commits.get(&lost.map);
            let mut by_then = commits.into_iter().flatten().filter(|(place, _)| *place < count);
            by_then.next_back().is_some_and(|(_, attempt)| *attempt == lost.attempt)
        };
        contents.lost.range(from(maps.start)..from(maps.end)).filter(counts).copied().collect()
    }
}

/// The disk of a worker. It does not outlive it.
pub(super) struct Disk {
    machine: usize,
    disks: Arc<Disks>,
}

impl Disk {
    pub(super) fn new(machine: usize, disks: Arc<Disks>) -> Self {
        Self { machine, disks }
    }

    pub(super) fn all(&self) -> &Disks {
        &self.disks
    }

    /// Keeps the output of a map.
    pub(super) fn keep(&self, map: MapAttempt) {
        self.disks.contents().made.entry(self.machine).or_default().push(map);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let mut contents = self.disks.contents();
        let made = contents.made.remove(&self.machine).unwrap_or_default();
        contents.lost.extend(made);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(map: u32, attempt: u32) -> MapAttempt {
        MapAttempt { map: MapIndex(map), attempt: Attempt(attempt) }
    }

    #[test]
    fn what_a_dead_worker_has_made_is_missing_until_it_is_made_again() {
        let disks = Arc::new(Disks::default());
        let (one, two) = (Disk::new(1, Arc::clone(&disks)), Disk::new(2, Arc::clone(&disks)));
        one.keep(map(0, 1));
        one.keep(map(1, 1));
        two.keep(map(2, 1));
        // Two workers are told the same.
        disks.list(0, &[map(0, 1), map(1, 1)]);
        disks.list(0, &[map(0, 1), map(1, 1), map(2, 1)]);
        assert_eq!(disks.missing(3, 0..3), []);
        drop(one);
        assert_eq!(disks.missing(3, 0..3), [map(0, 1), map(1, 1)]);
        assert_eq!(disks.missing(3, 1..3), [map(1, 1)], "of these maps");
        assert_eq!(disks.missing(1, 0..3), [map(0, 1)], "by this much of the list");
        two.keep(map(0, 2));
        disks.list(3, &[map(0, 2)]);
        assert_eq!(disks.missing(4, 0..3), [map(1, 1)]);
        assert_eq!(disks.missing(3, 0..3), [map(0, 1), map(1, 1)], "who was told earlier still reads the first");
    }
}
