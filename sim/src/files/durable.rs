//! What is durable: the bytes of a file by its sync, names by the sync of their directory, and what must have been there before them.

use super::disk::{Disk, FileId, NameChange, Path, is_below, parent, set};

impl Disk {
    /// Makes the bytes of a file durable that were appended among the first `changes` changes: those before the sync began. It promises
    /// nothing of what came while it was under way.
    pub(crate) fn sync(&mut self, file: FileId, changes: u64) {
        self.files[file].unsynced.retain(|append| append.sequence > changes);
    }

    /// Makes the names in a directory durable that were changed among the first `changes` changes. A rename from one directory to another
    /// is, when either is synced.
    pub(crate) fn sync_dir(&mut self, directory: &str, changes: u64) {
        self.make_durable(|change| {
            change.sequence <= changes && change.names.iter().any(|(path, _)| parent(path) == directory)
        });
    }

    /// Makes the changes that `chosen` picks durable, and every older change of a name that they change, or of one below it: what is
    /// below a directory has gone before it.
    pub(super) fn make_durable(&mut self, chosen: impl Fn(&NameChange) -> bool) {
        let mut names: Vec<Path> = Vec::new();
        let mut durable = vec![false; self.unsynced.len()];
        for (durable, change) in durable.iter_mut().zip(&self.unsynced).rev() {
            let is_older = |path: &Path| names.iter().any(|name| name == path || is_below(path, name));
            *durable = chosen(change) || change.names.iter().any(|(path, _)| is_older(path));
            if *durable {
                names.extend(change.names.iter().map(|(path, _)| path.clone()));
            }
        }
        let mut durable = durable.into_iter();
        for change in self.unsynced.extract_if(.., |_| durable.next() == Some(true)) {
            for (path, entry) in &change.names {
                set(&mut self.durable, path, *entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::plain;
    use super::*;

    #[test]
    fn a_file_is_durable_once_its_bytes_and_its_name_are() {
        let mut disk = Disk::default();
        let file = disk.create(0, &plain("a")).unwrap();
        disk.append(0, file, b"bytes");
        let durable = |disk: &Disk| crate::files::DiskView(disk).is_durable("a");
        assert!(!durable(&disk));
        disk.sync_dir("", disk.changes);
        assert!(!durable(&disk), "the bytes are not");
        disk.sync(file, disk.changes);
        assert!(durable(&disk));
        disk.hard_link(0, &plain("a"), &plain("b")).unwrap();
        assert!(!crate::files::DiskView(&disk).is_durable("b"), "that name is not");
    }

    #[test]
    fn a_synced_rename_is_not_undone_by_an_older_create_of_its_name() {
        let mut disk = Disk::default();
        disk.create_dir(0, &plain("b")).unwrap();
        disk.create(0, &plain("tmp")).unwrap();
        disk.rename(0, &plain("tmp"), &plain("b/final")).unwrap();
        disk.sync_dir("b", disk.changes);
        assert_eq!(
            disk.durable.keys().map(|path| &**path).collect::<Vec<_>>(),
            ["b/final"],
            "`b` itself is in the root"
        );
        assert_eq!(disk.unsynced.len(), 1, "only the directory `b` is not durable");
    }

    #[test]
    fn a_file_is_durable_only_in_a_durable_directory_and_while_nobody_renames() {
        let mut disk = Disk::default();
        let durable = |disk: &Disk, path| crate::files::DiskView(disk).is_durable(path);
        disk.create_dir(0, &plain("d")).unwrap();
        disk.create(0, &plain("d/f")).unwrap();
        disk.sync_dir("d", disk.changes);
        assert!(!durable(&disk, "d/f"), "its directory may go");
        disk.sync_dir("", disk.changes);
        assert!(durable(&disk, "d/f"));
        disk.hard_link(0, &plain("d/f"), &plain("d/g")).unwrap();
        disk.remove_file(0, &plain("d/f")).unwrap();
        disk.hard_link(0, &plain("d/g"), &plain("d/f")).unwrap();
        assert!(!durable(&disk, "d/f"), "it may be gone half-way");
    }
}
