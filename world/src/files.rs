//! Files, in steps small enough to fail between any two.
//!
//! The steps of a durable commit (create, append, sync, rename, sync the directory) are separate on purpose: a simulated
//! file system loses whatever was not synced when the power goes, and can fail any one of them. What is *not* promised is as
//! important: an append without a [`File::sync`], and a create, rename, link or remove without a
//! [`FileSystem::sync_dir`], may be gone, or half there, after a power loss.

use std::fmt;
use std::future::Future;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

/// A step that a file system can take, and fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileOperation {
    /// [`FileSystem::open`]
    Open,
    /// [`FileSystem::create`]
    Create,
    /// [`File::read_at`]
    Read,
    /// [`File::append`]
    Append,
    /// [`File::sync`]
    Sync,
    /// [`FileSystem::metadata`]
    Metadata,
    /// [`FileSystem::rename`]
    Rename,
    /// [`FileSystem::hard_link`]
    HardLink,
    /// [`FileSystem::remove_file`]
    RemoveFile,
    /// [`FileSystem::create_dir`]
    CreateDir,
    /// [`FileSystem::remove_dir`]
    RemoveDir,
    /// [`FileSystem::read_dir`]
    ReadDir,
    /// [`FileSystem::sync_dir`]
    SyncDir,
}

impl fmt::Display for FileOperation {
    /// The operation as it reads after the word "cannot".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileOperation::Open => "open",
            FileOperation::Create => "create",
            FileOperation::Read => "read",
            FileOperation::Append => "write to",
            FileOperation::Sync => "sync",
            FileOperation::Metadata => "look at",
            FileOperation::Rename => "rename",
            FileOperation::HardLink => "link",
            FileOperation::RemoveFile => "remove",
            FileOperation::CreateDir => "create directory",
            FileOperation::RemoveDir => "remove directory",
            FileOperation::ReadDir => "list directory",
            FileOperation::SyncDir => "sync directory",
        })
    }
}

/// A step that failed: what, where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {operation} {path}: {reason}")]
pub struct FileError {
    /// The step.
    pub operation: FileOperation,
    /// The file or directory it was taken on; of a rename or link, the new name.
    pub path: Utf8PathBuf,
    /// The kind of failure, for those who decide by it.
    pub kind: io::ErrorKind,
    /// The system's own words.
    pub reason: String,
}

impl FileError {
    /// The failure of `operation` on `path` that `error` tells of.
    #[must_use]
    pub fn new(operation: FileOperation, path: &Utf8Path, error: &io::Error) -> Self {
        Self { operation, path: path.to_owned(), kind: error.kind(), reason: error.to_string() }
    }
}

/// What stands behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A socket, device or pipe.
    Other,
}

/// What is known about a name without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What stands behind the name (links followed).
    pub file_type: FileType,
    /// Length in bytes; of use for regular files only.
    pub len: u64,
}

/// The files that a process can reach. Relative paths start at the process's working directory.
pub trait FileSystem: Clone + Send + Sync + 'static {
    /// An open file.
    type File: File;

    /// Opens an existing file for reading.
    fn open(&self, path: &Utf8Path) -> impl Future<Output = Result<Self::File, FileError>> + Send;

    /// Creates a file for appending and reading. Fails with [`io::ErrorKind::AlreadyExists`] when the name is taken.
    fn create(&self, path: &Utf8Path) -> impl Future<Output = Result<Self::File, FileError>> + Send;

    /// What stands behind `path`.
    fn metadata(&self, path: &Utf8Path) -> impl Future<Output = Result<Metadata, FileError>> + Send;

    /// Gives the file `from` the name `to` instead, replacing what bore that name, in one step. When both names already
    /// mean the same file, nothing happens and both remain (POSIX `rename`).
    fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> impl Future<Output = Result<(), FileError>> + Send;

    /// Gives the file `from` the second name `to`. Fails with [`io::ErrorKind::AlreadyExists`] when the name is taken.
    fn hard_link(&self, from: &Utf8Path, to: &Utf8Path) -> impl Future<Output = Result<(), FileError>> + Send;

    /// Takes the name `path` from its file.
    fn remove_file(&self, path: &Utf8Path) -> impl Future<Output = Result<(), FileError>> + Send;

    /// Creates one directory; its parent must exist. Fails with [`io::ErrorKind::AlreadyExists`] when the name is taken.
    fn create_dir(&self, path: &Utf8Path) -> impl Future<Output = Result<(), FileError>> + Send;

    /// Removes an empty directory.
    fn remove_dir(&self, path: &Utf8Path) -> impl Future<Output = Result<(), FileError>> + Send;

    /// The names in a directory, in byte order.
    fn read_dir(&self, path: &Utf8Path) -> impl Future<Output = Result<Vec<String>, FileError>> + Send;

    /// Makes the names in a directory durable: after it, a power loss undoes none of the creates, renames, links and removes
    /// that came before.
    fn sync_dir(&self, path: &Utf8Path) -> impl Future<Output = Result<(), FileError>> + Send;
}

/// An open file. Dropping it closes it and makes nothing durable.
pub trait File: Send + Sync + 'static {
    /// Reads bytes from `offset` on into `buffer`, and says how many: fewer than asked for is legal, none means the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> impl Future<Output = Result<usize, FileError>> + Send;

    /// The length of the file in bytes: what it had when it was opened, and what has been appended through this handle since. Not a
    /// step: opening tells it. After an append that failed it is not to be relied on.
    fn size(&self) -> u64;

    /// Writes all of `bytes` at the end. After an error, any part of them may be there.
    fn append(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), FileError>> + Send;

    /// Says that what was appended will be synced later. A file system may begin with it now, beside what else is done; what goes wrong
    /// then is told by [`File::sync`]. No step, and no promise.
    fn sync_soon(&mut self) {}

    /// Makes the file's bytes durable. (Its name is made durable by [`FileSystem::sync_dir`].)
    fn sync(&mut self) -> impl Future<Output = Result<(), FileError>> + Send;
}
