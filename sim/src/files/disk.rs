//! The disk: what every node sees of the one file system that they share, and beside it what a power loss would leave.
//!
//! Names and files are separate, as POSIX has it: a file lives as long as anybody has it open, whatever its names. Every
//! change of names is kept, with who made it, until a directory sync makes it durable; every append, until a file sync does.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::sync::Arc;

use world::{FileType, Metadata};

/// A file, whatever its names.
pub(crate) type FileId = usize;

/// A path without `.`, `..`, leading and doubled slashes. The working directory of all nodes is the root, which is `""`.
pub(crate) type Path = Arc<str>;

/// What stands behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    File(FileId),
    Directory,
}

/// What one operation changed about names: each name and what stands behind it since.
#[derive(Debug, Clone)]
pub(crate) struct NameChange {
    /// Whose operation.
    pub(crate) by: usize,
    /// Its number among all changes of that node.
    pub(crate) number: u64,
    /// Its number among all changes of all nodes.
    pub(crate) sequence: u64,
    pub(crate) names: Vec<(Path, Option<Entry>)>,
}

/// Bytes of a file that were written and not synced.
#[derive(Debug, Clone)]
pub(crate) struct UnsyncedAppend {
    pub(crate) by: usize,
    pub(crate) number: u64,
    pub(crate) sequence: u64,
    pub(crate) range: Range<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct FileData {
    pub(crate) bytes: Vec<u8>,
    pub(crate) unsynced: Vec<UnsyncedAppend>,
}

/// The file system that all nodes share.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// What everybody sees.
    pub(crate) names: BTreeMap<Path, Entry>,
    /// What would be left of it if all changes not yet durable were lost.
    pub(crate) durable: BTreeMap<Path, Entry>,
    /// The changes not yet durable, oldest first.
    pub(crate) unsynced: Vec<NameChange>,
    pub(crate) files: Vec<FileData>,
    /// Changes so far, of names and of contents.
    pub(crate) changes: u64,
    /// Those of each node: the address of what chance decides about its next.
    changes_by: BTreeMap<usize, u64>,
}

/// Strips a path of what means nothing, to be kept.
pub(crate) fn plain(path: &str) -> Path {
    stripped(path).into()
}

/// Strips a path of what means nothing.
pub(crate) fn stripped(path: &str) -> Cow<'_, str> {
    // Most paths are plain but for the directory that they are relative to.
    let path = path.strip_prefix("./").unwrap_or(path);
    if is_surely_plain(path) {
        return path.into();
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/").into()
}

/// Whether a path is plain at first sight: no part of it is empty or begins with a dot. (Those that begin with a dot may be plain all the same.)
fn is_surely_plain(path: &str) -> bool {
    let begins_a_name = |rest: &str| !rest.starts_with(['/', '.']) && !rest.is_empty();
    path.is_empty()
        || begins_a_name(path) && path.match_indices('/').all(|(slash, _)| begins_a_name(&path[slash + 1..]))
}

/// The directory that a path is in; the root is in itself.
pub(crate) fn parent(path: &str) -> &str {
    let slash = path.as_bytes().iter().rposition(|byte| *byte == b'/');
    slash.map_or("", |slash| &path[..slash])
}

/// The directories that a path is in, the nearest first; the root is not among them.
pub(crate) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| Some(parent(path))).skip(1).take_while(|path| !path.is_empty())
}

impl Disk {
    /// Whether `entry` durably stands behind a name, and nobody has changed that since.
    pub(crate) fn is_settled(&self, path: &str, entry: Entry) -> bool {
        self.durable.get(path) == Some(&entry)
            && !self.unsynced.iter().flat_map(|change| &change.names).any(|(name, _)| **name == *path)
    }

    /// What stands behind a name.
    pub(crate) fn entry(&self, path: &str) -> Option<Entry> {
        if path.is_empty() { Some(Entry::Directory) } else { self.names.get(path).copied() }
    }

    pub(crate) fn file(&self, path: &str) -> Result<FileId, Error> {
        match self.entry(path) {
            Some(Entry::File(file)) => Ok(file),
            Some(Entry::Directory) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// The names in a directory, in byte order.
    pub(crate) fn children<'a>(&'a self, directory: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let start: Path = prefix.as_str().into();
        let inside = move |path: &'a Path| path.strip_prefix(prefix.as_str());
        self.names.range(start..).map_while(move |(path, _)| inside(path)).filter(|name| !name.contains('/'))
    }

    /// Fails unless a new name can be made at `path`.
    fn free(&self, path: &str) -> Result<(), Error> {
        match self.entry(parent(path)) {
            None => Err(ErrorKind::NotFound.into()),
            Some(Entry::File(_)) => Err(ErrorKind::NotADirectory.into()),
            Some(Entry::Directory) if self.entry(path).is_some() => Err(ErrorKind::AlreadyExists.into()),
            Some(Entry::Directory) => Ok(()),
        }
    }

    fn change(&mut self, by: usize, names: Vec<(Path, Option<Entry>)>) {
        for (path, entry) in &names {
            set(&mut self.names, path, *entry);
        }
        let (number, sequence) = self.next_change(by);
        self.unsynced.push(NameChange { by, number, sequence, names });
    }

    fn next_change(&mut self, by: usize) -> (u64, u64) {
        self.changes += 1;
        let of_node = self.changes_by.entry(by).or_default();
        *of_node += 1;
        (*of_node, self.changes)
    }

    pub(crate) fn create(&mut self, by: usize, path: &Path) -> Result<FileId, Error> {
        self.free(path)?;
        self.files.push(FileData::default());
        let file = self.files.len() - 1;
        self.change(by, vec![(Arc::clone(path), Some(Entry::File(file)))]);
        Ok(file)
    }

    pub(crate) fn metadata(&self, path: &str) -> Result<Metadata, Error> {
        match self.entry(path) {
            Some(Entry::File(file)) => Ok(self.size(file)),
            Some(Entry::Directory) => Ok(Metadata { file_type: FileType::Directory, len: 0 }),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    pub(crate) fn size(&self, file: FileId) -> Metadata {
        Metadata { file_type: FileType::File, len: self.files[file].bytes.len() as u64 }
    }

    pub(crate) fn rename(&mut self, by: usize, from: &Path, to: &Path) -> Result<(), Error> {
        let file = self.file(from)?;
        match self.free(to) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        match self.entry(to) {
            Some(Entry::Directory) => Err(ErrorKind::IsADirectory.into()),
            Some(Entry::File(same)) if same == file => Ok(()),
            _ => {
                self.change(by, vec![(Arc::clone(from), None), (Arc::clone(to), Some(Entry::File(file)))]);
                Ok(())
            }
        }
    }

    pub(crate) fn hard_link(&mut self, by: usize, from: &Path, to: &Path) -> Result<(), Error> {
        let file = self.file(from)?;
        self.free(to)?;
        self.change(by, vec![(Arc::clone(to), Some(Entry::File(file)))]);
        Ok(())
    }

    pub(crate) fn remove_file(&mut self, by: usize, path: &Path) -> Result<(), Error> {
        self.file(path)?;
        self.change(by, vec![(Arc::clone(path), None)]);
        Ok(())
    }

    pub(crate) fn create_dir(&mut self, by: usize, path: &Path) -> Result<(), Error> {
        self.free(path)?;
        self.change(by, vec![(Arc::clone(path), Some(Entry::Directory))]);
        Ok(())
    }

    pub(crate) fn remove_dir(&mut self, by: usize, path: &Path) -> Result<(), Error> {
        match self.entry(path) {
            None => return Err(ErrorKind::NotFound.into()),
            Some(Entry::File(_)) => return Err(ErrorKind::NotADirectory.into()),
            Some(Entry::Directory) if path.is_empty() => return Err(ErrorKind::ResourceBusy.into()),
            Some(Entry::Directory) if self.children(path).next().is_some() => {
                return Err(ErrorKind::DirectoryNotEmpty.into());
            }
            Some(Entry::Directory) => {}
        }
        self.change(by, vec![(Arc::clone(path), None)]);
        Ok(())
    }

    /// Fails unless there is a directory at `path`.
    pub(crate) fn directory(&self, path: &str) -> Result<(), Error> {
        match self.entry(path) {
            None => Err(ErrorKind::NotFound.into()),
            Some(Entry::File(_)) => Err(ErrorKind::NotADirectory.into()),
            Some(Entry::Directory) => Ok(()),
        }
    }

    pub(crate) fn read_dir(&self, path: &str) -> Result<Vec<String>, Error> {
        self.directory(path)?;
        Ok(self.children(path).map(str::to_owned).collect())
    }

    /// The bytes of a file in a range, as far as there are any.
    pub(crate) fn read(&self, file: FileId, offset: u64, len: usize) -> &[u8] {
        let bytes = &self.files[file].bytes;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        &bytes[start..start.saturating_add(len).min(bytes.len())]
    }

    pub(crate) fn append(&mut self, by: usize, file: FileId, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let (number, sequence) = self.next_change(by);
        let data = &mut self.files[file];
        let start = data.bytes.len();
        data.bytes.extend_from_slice(bytes);
        data.unsynced.push(UnsyncedAppend { by, number, sequence, range: start..start + bytes.len() });
    }

    pub(crate) fn flip_bit(&mut self, file: FileId, bit: u64) {
        self.files[file].bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    }

    /// Puts a file there, durably, with all directories on the way.
    ///
    /// # Panics
    ///
    /// When there is a directory of that name, or a file on the way.
    pub(crate) fn put(&mut self, path: &Path, bytes: &[u8]) {
        for (slash, _) in path.match_indices('/') {
            let directory: Path = path[..slash].into();
            let entry = *self.names.entry(Arc::clone(&directory)).or_insert(Entry::Directory);
            assert_eq!(entry, Entry::Directory, "{directory} is a file; {path} cannot be put below it");
            self.durable.insert(directory, Entry::Directory);
        }
        assert_ne!(self.entry(path), Some(Entry::Directory), "{path} is a directory; no file can be put there");
        self.files.push(FileData { bytes: bytes.to_vec(), unsynced: Vec::new() });
        let entry = Entry::File(self.files.len() - 1);
        self.names.insert(Arc::clone(path), entry);
        self.durable.insert(Arc::clone(path), entry);
    }
}

/// Whether `path` is below `directory`, at whatever depth.
pub(crate) fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// Lets `entry` stand behind a name from now on.
pub(crate) fn set(names: &mut BTreeMap<Path, Entry>, path: &Path, entry: Option<Entry>) {
    match entry {
        Some(entry) => names.insert(Arc::clone(path), entry),
        None => names.remove(path),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_stripped_of_what_means_nothing() {
        for (path, plain_path) in [
            ("a/b", "a/b"),
            ("./a//b/", "a/b"),
            ("/a/../b", "b"),
            ("a/", "a"),
            ("./././a", "a"),
            (".hidden/..b", ".hidden/..b"),
            ("..", ""),
            (".", ""),
            ("./", ""),
            ("/", ""),
            ("", ""),
        ] {
            assert_eq!(&*plain(path), plain_path);
        }
        assert_eq!((parent("a/b/c"), parent("a")), ("a/b", ""));
    }

    #[test]
    fn a_directory_lists_its_own_names_only() {
        let mut disk = Disk::default();
        for path in ["d/b", "d/a", "d/deep/c", "d-e", "da"] {
            disk.put(&plain(path), b"");
        }
        assert_eq!(disk.read_dir("d").unwrap(), ["a", "b", "deep"]);
        assert_eq!(disk.read_dir("").unwrap(), ["d", "d-e", "da"]);
        assert_eq!(disk.read_dir("nowhere").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(disk.read_dir("da").unwrap_err().kind(), ErrorKind::NotADirectory);
    }
}
