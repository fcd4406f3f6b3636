//! What a power loss takes: an arbitrary part of what one node did and nobody synced.
//!
//! Of its appends, sectors of 512 bytes each on its own, so that a file can end in the middle of a record, or have a hole of zeros; of its
//! changes of names, each on its own, but a rename whole or not at all. What came later to the same sector or the same name does not survive
//! what came before: neither is written twice at once. What is left is on the disk, and durable from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use super::disk::{Disk, Entry, FileId, NameChange, Path, ancestors, parent, set};
use crate::decisions::{Decisions, Digest, Matter};
use crate::history::Event;
use crate::lost::{Lost, Telling};
use crate::state::State;

/// The bytes that a disk writes whole or not at all.
pub(crate) const SECTOR: usize = 512;

/// The share of lost appends after which the file has its full length all the same, with zeros for bytes.
const LENGTH_SURVIVES: f64 = 0.25;

/// What a power loss took: how many appends lost bytes, how many changes of names were undone, a digest of which, and where, if that is asked for.
struct Losses {
    appends: u64,
    names: u64,
    digest: u64,
    lost: Lost,
}

impl Disk {
    /// A power loss of node `by`.
    fn lose_unsynced(&mut self, decisions: Decisions, by: usize, mut lost: Telling) -> Losses {
        let paths = if lost.is_asked_for() { self.paths() } else { BTreeMap::new() };
        let names = self.unsynced.len();
        let mut gone: Vec<Path> = Vec::new();
        let mut digest = Digest::default();
        self.unsynced.retain(|change| {
            let drawn = decisions.draw(Matter::NameSurvives, [by as u64, change.number, 0]) & 1 == 0;
            let survives = change.by != by || drawn && !change.names.iter().any(|(path, _)| gone.contains(path));
            if !survives {
                tell(change, &mut lost);
                (change.by, change.number).hash(&mut digest);
                gone.extend(change.names.iter().map(|(path, _)| path.clone()));
            }
            survives
        });
        if self.unsynced.len() < names {
            self.replay(&mut lost);
        }
        let undone = names - self.unsynced.len();
        // What survived is on the disk now; that others made on the same names before, too.
        self.make_durable(|change| change.by == by);
        let mut appends = 0;
        for file in 0..self.files.len() {
            let torn = self.lose_appends(decisions, by, file, &mut digest);
            if torn > 0 {
                lost.file(paths.get(&file).map_or(&[], Vec::as_slice));
            }
            appends += torn;
        }
        Losses { appends, names: undone as u64, digest: digest.finish(), lost: lost.told() }
    }

    /// Shows what is left: the durable names with the changes that survived, in their order. One that makes no sense any more, because of what
    /// was lost before it, has never been.
    fn replay(&mut self, lost: &mut Telling) {
        self.names.clone_from(&self.durable);
        let names = &mut self.names;
        self.unsynced.retain(|change| {
            let makes_sense = change.names.iter().all(|(path, entry)| can_be_set(names, path, *entry));
            if makes_sense {
                change.names.iter().for_each(|(path, entry)| set(names, path, *entry));
            } else {
                tell(change, lost);
            }
            makes_sense
        });
        // What is in a directory that was never made cannot be reached.
        let is_unreachable =
            |path: &&Path| ancestors(path).any(|above| self.names.get(above) != Some(&Entry::Directory));
        let unreachable: Vec<Path> = self.names.keys().filter(is_unreachable).cloned().collect();
        for path in &unreachable {
            lost.unreachable(path);
            self.names.remove(path);
            self.durable.remove(path);
        }
    }

    /// Loses sectors of a file that `by` wrote and nobody synced. Yields how many appends lost bytes.
    fn lose_appends(&mut self, decisions: Decisions, by: usize, file: FileId, digest: &mut Digest) -> u64 {
        let data = &mut self.files[file];
        let mine: Vec<_> = data.unsynced.extract_if(.., |append| append.by == by).collect();
        let mut torn = 0;
        let mut lost = BTreeSet::new();
        // Bytes of others, or synced ones, behind lost ones keep those in the file as zeros.
        let mut kept = mine.iter().rev().fold(data.bytes.len(), |end, append| match append.range.end == end {
            true => append.range.start,
            false => end,
        });
        for append in &mine {
            let mut whole = true;
            for (sector, range) in sectors(&append.range) {
                let address = [by as u64, append.number, sector];
                let drawn = decisions.draw(Matter::SectorSurvives, address) & 1 == 0;
                if drawn && !lost.contains(&sector) {
                    kept = kept.max(range.end);
                } else {
                    (file, &range).hash(digest);
                    data.bytes[range].fill(0);
                    lost.insert(sector);
                    whole = false;
                }
            }
            torn += u64::from(!whole);
            if decisions.chance(Matter::LengthSurvives, [by as u64, append.number, 0], LENGTH_SURVIVES) {
                kept = kept.max(append.range.end);
            }
        }
        if kept < data.bytes.len() {
            (file, kept).hash(digest);
            data.bytes.truncate(kept);
        }
        torn
    }

    /// The names of each file that has one.
    fn paths(&self) -> BTreeMap<FileId, Vec<Path>> {
        let mut paths = BTreeMap::<_, Vec<_>>::new();
        for (path, entry) in &self.names {
            if let Entry::File(file) = entry {
                paths.entry(*file).or_default().push(Arc::clone(path));
            }
        }
        paths
    }
}

/// Tells of a change of names that was undone.
fn tell(change: &NameChange, lost: &mut Telling) {
    lost.change(change.names.iter().map(|(path, _)| Arc::clone(path)), || in_words(change));
}

/// A change of names, as who reads of it would call it.
fn in_words(change: &NameChange) -> String {
    match &change.names[..] {
        [(path, None)] => format!("removal of {path}"),
        [(from, None), (to, _)] => format!("{from} -> {to}"),
        names => names.iter().map(|(path, _)| &**path).collect::<Vec<_>>().join(", "),
    }
}

/// Whether `entry` can stand behind a name: a new one needs its directory, and a directory does not go while something is in it.
fn can_be_set(names: &BTreeMap<Path, Entry>, path: &str, entry: Option<Entry>) -> bool {
    let is_directory = |path: &str| path.is_empty() || names.get(path) == Some(&Entry::Directory);
    match entry {
        Some(_) => is_directory(parent(path)),
        None => !is_directory(path) || !names.keys().any(|name| parent(name) == path),
    }
}

/// The sectors that a range of a file touches: number and the part of the range in it.
fn sectors(range: &Range<usize>) -> impl Iterator<Item = (u64, Range<usize>)> {
    let (start, end) = (range.start, range.end);
    (start / SECTOR..end.div_ceil(SECTOR))
        .map(move |sector| (sector as u64, start.max(sector * SECTOR)..end.min((sector + 1) * SECTOR)))
}

impl State {
    /// Part of what a node did not sync is lost.
    pub(crate) fn lose_unsynced(&mut self, node: usize) {
        let told = Telling::new(self.keeps_messages);
        let Losses { appends, names, digest, lost } = self.disk.lose_unsynced(self.decisions, node, told);
        self.tell(Event::UnsyncedLost { node: self.node(node), appends, names, digest, lost });
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::plain;
    use super::*;
    use crate::decisions::Seed;

    /// What is left in `path` after a power loss of node 0, over many seeds: contents, or nothing.
    fn leftovers(prepare: impl Fn(&mut Disk), path: &str) -> Vec<Option<Vec<u8>>> {
        let left = |seed| {
            let mut disk = Disk::default();
            prepare(&mut disk);
            disk.lose_unsynced(Decisions::new(Seed(seed)), 0, Telling::new(false));
            disk.file(path).ok().map(|file| disk.files[file].bytes.clone())
        };
        (0..200).map(left).collect()
    }

    #[test]
    fn without_a_directory_sync_a_new_name_may_be_lost_and_may_be_kept() {
        let left = leftovers(
            |disk| {
                let file = disk.create(0, &plain("a")).unwrap();
                disk.append(0, file, b"whole");
                disk.sync(file, disk.changes);
            },
            "a",
        );
        assert!(left.contains(&None));
        assert!(left.contains(&Some(b"whole".to_vec())));
        assert!(left.iter().flatten().all(|bytes| bytes == b"whole"), "synced bytes are not lost");
    }

    #[test]
    fn with_file_and_directory_synced_everything_is_kept() {
        let left = leftovers(
            |disk| {
                let file = disk.create(0, &plain("a")).unwrap();
                disk.append(0, file, &[7; 3000]);
                disk.sync(file, disk.changes);
                disk.sync_dir("", disk.changes);
            },
            "a",
        );
        assert!(left.iter().all(|bytes| bytes.as_deref() == Some(&[7; 3000])));
    }

    #[test]
    fn an_unsynced_tail_is_torn_at_sectors() {
        let left = leftovers(
            |disk| {
                disk.put(&plain("a"), &[1; 300]);
                disk.append(0, 0, &[2; 1500]);
            },
            "a",
        );
        let lengths: std::collections::BTreeSet<_> = left.iter().flatten().map(Vec::len).collect();
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [300, 512, 1024, 1536, 1800]);
        for bytes in left.iter().flatten() {
            assert_eq!(bytes[..300], [1; 300], "what was durable stays");
            for sector in bytes[300..].chunk_by(|a, b| a == b) {
                assert!(matches!(sector[0], 0 | 2));
            }
        }
        assert!(left.iter().flatten().any(|bytes| bytes[300..].contains(&0)), "a hole is possible");
    }

    #[test]
    fn a_rename_survives_whole_or_not_at_all() {
        let mut seen = [false; 2];
        for seed in 0..50 {
            let mut disk = Disk::default();
            disk.put(&plain("old"), b"new");
            disk.put(&plain("d/name"), b"before");
            disk.rename(0, &plain("old"), &plain("d/name")).unwrap();
            disk.lose_unsynced(Decisions::new(Seed(seed)), 0, Telling::new(false));
            let kept = disk.file("old").is_err();
            seen[usize::from(kept)] = true;
            let bytes = &disk.files[disk.file("d/name").unwrap()].bytes;
            assert_eq!(bytes, if kept { &b"new"[..] } else { b"before" });
        }
        assert_eq!(seen, [true; 2]);
    }

    #[test]
    fn another_nodes_unsynced_work_is_not_lost() {
        let left = leftovers(
            |disk| {
                let file = disk.create(1, &plain("a")).unwrap();
                disk.append(1, file, b"mine");
            },
            "a",
        );
        assert!(left.iter().all(|bytes| bytes.as_deref() == Some(b"mine")));
    }

    #[test]
    fn a_rename_between_directories_is_durable_when_either_is_synced() {
        for synced in ["from", "to"] {
            let left = leftovers(
                |disk| {
                    disk.put(&plain("from/a"), b"moved");
                    disk.put(&plain("to/b"), b"");
                    disk.rename(0, &plain("from/a"), &plain("to/a")).unwrap();
                    disk.sync_dir(synced, disk.changes);
                },
                "to/a",
            );
            assert!(left.iter().all(|bytes| bytes.as_deref() == Some(b"moved")), "{synced} synced");
        }
    }

    /// A disk on which node 0 loses power, whatever chance says.
    fn after_power_losses(prepare: impl Fn(&mut Disk)) -> impl Iterator<Item = Disk> {
        (0..200).map(move |seed| {
            let mut disk = Disk::default();
            prepare(&mut disk);
            disk.lose_unsynced(Decisions::new(Seed(seed)), 0, Telling::new(false));
            disk
        })
    }

    fn paths(names: &BTreeMap<Path, Entry>) -> Vec<&str> {
        names.keys().map(|path| &**path).collect()
    }

    #[test]
    fn what_a_power_loss_leaves_is_what_the_next_one_finds() {
        let whole_directory_goes = |disk: &mut Disk| {
            disk.put(&plain("d/f"), b"bytes");
            disk.remove_file(0, &plain("d/f")).unwrap();
            disk.remove_dir(0, &plain("d")).unwrap();
        };
        let whole_directory_comes = |disk: &mut Disk| {
            disk.create_dir(0, &plain("d")).unwrap();
            disk.create(0, &plain("d/f")).unwrap();
        };
        for disk in after_power_losses(whole_directory_goes).chain(after_power_losses(whole_directory_comes)) {
            assert_eq!(disk.names, disk.durable);
            assert_ne!(paths(&disk.names), ["d/f"], "a file without its directory");
            assert_eq!(disk.unsynced.len(), 0);
        }
    }

    #[test]
    fn a_new_directory_has_nothing_of_an_old_one_of_its_name() {
        for disk in after_power_losses(|disk| {
            disk.put(&plain("d/f"), b"bytes");
            disk.remove_file(0, &plain("d/f")).unwrap();
            disk.remove_dir(0, &plain("d")).unwrap();
            disk.sync_dir("", disk.changes);
            disk.create_dir(0, &plain("d")).unwrap();
            disk.sync_dir("", disk.changes);
        }) {
            assert_eq!(paths(&disk.names), ["d"]);
        }
    }

    #[test]
    fn a_name_is_not_taken_by_another_file_while_its_removal_is_lost() {
        for disk in after_power_losses(|disk| {
            disk.put(&plain("log"), b"old");
            disk.rename(0, &plain("log"), &plain("log.1")).unwrap();
            disk.create(0, &plain("log")).unwrap();
        }) {
            let kept = ["log", "log.1"].map(|name| disk.file(name).is_ok_and(|file| disk.files[file].bytes == b"old"));
            assert!(kept.contains(&true), "{:?}", disk.names);
        }
    }

    #[test]
    fn a_later_append_to_a_sector_does_not_survive_an_earlier_one() {
        let append_twice = |disk: &mut Disk| {
            disk.put(&plain("a"), b"");
            disk.append(0, 0, &[1; 50]);
            disk.append(0, 0, &[2; 50]);
        };
        for disk in after_power_losses(append_twice) {
            let bytes = &disk.files[0].bytes;
            assert!(!bytes.contains(&2) || bytes[..50] == [1; 50], "{bytes:?}");
        }
    }

    #[test]
    fn what_was_lost_is_told_by_name() {
        let told = |seed| {
            let mut disk = Disk::default();
            disk.put(&plain("old"), b"");
            disk.put(&plain("log"), b"");
            disk.append(0, 1, b"bytes");
            disk.create(0, &plain("new")).unwrap();
            disk.rename(0, &plain("new"), &plain("newer")).unwrap();
            disk.remove_file(0, &plain("old")).unwrap();
            disk.lose_unsynced(Decisions::new(Seed(seed)), 0, Telling::new(true)).lost.to_string()
        };
        let told: std::collections::BTreeSet<_> = (0..200).map(told).collect();
        assert!(told.contains(""), "nothing");
        assert!(told.contains("names: removal of old"));
        assert!(told.contains("files: log"));
        assert!(told.contains("names: new, new -> newer, removal of old; files: log"), "everything: {told:?}");
    }

    #[test]
    fn every_path_that_was_hit_is_told() {
        let paths = |make: &dyn Fn(&mut Disk)| -> BTreeSet<Vec<String>> {
            let lost = |seed| {
                let mut disk = Disk::default();
                make(&mut disk);
                let lost = disk.lose_unsynced(Decisions::new(Seed(seed)), 0, Telling::new(true)).lost;
                lost.paths().map(str::to_owned).collect()
            };
            (0..200).map(lost).collect()
        };
        let torn = paths(&|disk| {
            disk.put(&plain("log"), b"");
            disk.hard_link(1, &plain("log"), &plain("second")).unwrap();
            disk.append(0, 0, b"bytes");
        });
        assert_eq!(torn, BTreeSet::from([vec![], vec!["log".to_owned(), "second".to_owned()]]), "by all its names");
        let unreachable = paths(&|disk| {
            disk.create_dir(0, &plain("d")).unwrap();
            disk.create(1, &plain("d/of another")).unwrap();
        });
        assert_eq!(unreachable, BTreeSet::from([vec![], vec!["d".to_owned(), "d/of another".to_owned()]]));
    }
}
