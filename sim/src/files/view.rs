//! The files as nobody in the world sees them: at once, and without leaving a trace.

use std::sync::Arc;

use super::disk::{Disk, Entry, ancestors, plain, stripped};
use crate::state::Shared;
use crate::turns::lock;

/// The files at one instant of a run, for those who watch it.
#[derive(Debug, Clone, Copy)]
pub struct DiskView<'a>(pub(crate) &'a Disk);

impl<'a> DiskView<'a> {
    /// The bytes of the file at `path`, if there is one.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<&'a [u8]> {
        let file = self.0.file(&stripped(path)).ok()?;
        Some(&self.0.files[file].bytes)
    }

    /// Whether the file at `path` would survive a power loss of every node, with this name and all its bytes: it is durable, so are the
    /// directories that it is in, and no change of any of these names is under way.
    #[must_use]
    pub fn is_durable(&self, path: &str) -> bool {
        let path = stripped(path);
        let Ok(file) = self.0.file(&path) else { return false };
        self.0.is_settled(&path, Entry::File(file))
            && self.0.files[file].unsynced.is_empty()
            && ancestors(&path).all(|directory| self.0.is_settled(directory, Entry::Directory))
    }

    /// Whether there is a file or directory at `path`.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.0.entry(&stripped(path)).is_some()
    }

    /// Whether both paths are names of one file.
    #[must_use]
    pub fn is_one_file(&self, path: &str, other: &str) -> bool {
        let file = |path: &str| self.0.file(&stripped(path)).ok();
        file(path).is_some_and(|one| file(other) == Some(one))
    }

    /// The names in a directory, in byte order; none when there is no such directory.
    pub fn list(&self, directory: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let directory = stripped(directory);
        let is_directory = self.0.entry(&directory) == Some(Entry::Directory);
        is_directory.then(|| self.0.children(&directory)).into_iter().flatten()
    }

    /// The paths of all files, in byte order.
    pub fn files(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.names.iter().filter(|(_, entry)| matches!(entry, Entry::File(_))).map(|(path, _)| &**path)
    }
}

/// A disk on which nothing happens by itself: for histories made by hand, to test an observer.
#[derive(Debug, Default)]
pub struct StillDisk(Disk);

impl StillDisk {
    /// Puts a file there, durably, with all directories on the way; what was there before is replaced.
    pub fn put(&mut self, path: &str, bytes: &[u8]) {
        self.0.put(&plain(path), bytes);
    }

    /// Puts a file there that nobody has synced, in a directory that exists.
    ///
    /// # Panics
    ///
    /// When there is no such directory, or something of that name.
    pub fn put_unsynced(&mut self, path: &str, bytes: &[u8]) {
        let file = self.0.create(0, &plain(path)).expect("a new name in a directory that exists");
        self.0.append(0, file, bytes);
    }

    /// Removes a file.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn remove(&mut self, path: &str) {
        self.0.remove_file(0, &plain(path)).expect("there is such a file");
    }

    /// What an observer would be shown.
    #[must_use]
    pub fn view(&self) -> DiskView<'_> {
        DiskView(&self.0)
    }
}

/// The files of a run while it is set up: to put inputs there. It must not be used by an [`Observer`](crate::Observer), which
/// has a [`DiskView`].
#[derive(Clone)]
pub struct DiskInspector(pub(crate) Arc<Shared>);

impl DiskInspector {
    /// Puts a file there, durably, with all directories on the way.
    ///
    /// # Panics
    ///
    /// When there is a directory of that name, or a file on the way.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        lock(&self.0.state).disk.put(&plain(path), bytes);
    }

    /// The bytes of the file at `path`, if there is one.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        DiskView(&lock(&self.0.state).disk).read(path).map(<[u8]>::to_vec)
    }

    /// The names in a directory, in byte order; none when there is no such directory.
    #[must_use]
    pub fn list(&self, directory: &str) -> Vec<String> {
        DiskView(&lock(&self.0.state).disk).list(directory).map(str::to_owned).collect()
    }

    /// Whether there is a file or directory at `path`.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        DiskView(&lock(&self.0.state).disk).exists(path)
    }
}
