//! What a power loss could take from each node: the bytes and names that it has not made durable.

use std::collections::{BTreeMap, BTreeSet};

use sim::{FileEvent, Operation};

use super::moment::Lane;

/// The files of each node that are not durable, in part at least.
#[derive(Debug, Clone, Default)]
pub(super) struct Unsynced {
    bytes: BTreeMap<Lane, BTreeSet<String>>,
    names: BTreeMap<Lane, BTreeSet<String>>,
}

impl Unsynced {
    /// One more step on files.
    pub(super) fn step(&mut self, step: &FileEvent) {
        if step.result.is_err() {
            return;
        }
        let bytes = self.bytes.entry(step.node.index()).or_default();
        let names = self.names.entry(step.node.index()).or_default();
        let (path, to) = (step.path.to_string(), step.to.as_ref().map(ToString::to_string));
        match step.operation {
            Operation::Append => drop(bytes.insert(path)),
            Operation::Sync => drop(bytes.remove(&path)),
            Operation::SyncDir => names.retain(|name| parent(name) != path),
            Operation::Rename => {
                if bytes.remove(&path) {
                    bytes.extend(to.clone());
                }
                names.extend(to.into_iter().chain([path]));
            }
            Operation::HardLink => names.extend(to),
            Operation::Create | Operation::RemoveFile => drop(names.insert(path)),
            _ => {}
        }
    }

    /// The node loses power: all that it could lose by that.
    pub(super) fn lose(&mut self, lane: Lane) -> BTreeSet<String> {
        let [bytes, names] = [&mut self.bytes, &mut self.names].map(|of| of.remove(&lane).unwrap_or_default());
        bytes.into_iter().chain(names).collect()
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use sim::Node;

    use super::*;

    fn lost(steps: &[(Operation, &str, Option<&str>)]) -> Vec<String> {
        let mut unsynced = Unsynced::default();
        for &(operation, path, to) in steps {
            unsynced.step(&FileEvent {
                node: Node::new(1, "w1"),
                operation,
                path: path.into(),
                to: to.map(Into::into),
                result: Ok(()),
                bytes: 0,
                digest: 0,
                spoiled_by: None,
            });
        }
        assert!(unsynced.lose(2).is_empty(), "another node loses nothing");
        unsynced.lose(1).into_iter().collect()
    }

    #[test]
    fn what_is_not_synced_can_be_lost_under_the_name_that_it_has() {
        use Operation::{Append, Create, HardLink, Rename, Sync, SyncDir};
        let (tmp, linked, out) = ("job/a.tmp", "job/output-0", "mr-out-0");
        let written = [(Create, tmp, None), (Append, tmp, None)];
        let durable = [(Sync, tmp, None), (SyncDir, "job", None)];
        assert_eq!(lost(&written), [tmp]);
        assert_eq!(lost(&[&written[..], &durable].concat()), [""; 0]);
        let chosen = [&written[..], &durable, &[(HardLink, tmp, Some(linked))]].concat();
        assert_eq!(lost(&chosen), [linked]);
        let renamed = [&chosen[..], &[(SyncDir, "job", None), (Rename, tmp, Some(out))]].concat();
        assert_eq!(lost(&renamed), [tmp, out]);
        assert_eq!(lost(&[&renamed[..], &[(SyncDir, "", None)]].concat()), [tmp]);
        assert_eq!(
            lost(&[&written[..], &[(Rename, tmp, Some(out)), (SyncDir, "", None), (SyncDir, "job", None)]].concat()),
            [out]
        );
    }
}
