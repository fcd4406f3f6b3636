//! The operating system's own files, one system call or two a step.
//!
//! Every call blocks its thread until the system is done. That is what the ground floor allows and what is fastest: file
//! work runs inside `World::compute`, on a thread of its own, where handing each read to yet another thread (as
//! `tokio::fs` does) would only add a hop. Called from anywhere else it would hold up the rest of the process.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::OFlags;
use rustix::io::Errno;
use world::{File, FileError, FileOperation, FileSystem, FileType, Metadata};

use super::write_behind::WriteBehind;

/// The files of this machine, as this process's user may use them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files;

/// An open file. Opened for reading only, or created for reading and appending.
#[derive(Debug)]
pub struct OpenFile {
    file: Arc<fs::File>,
    path: Utf8PathBuf,
    size: u64,
    write_behind: WriteBehind,
}

impl OpenFile {
    fn new(file: fs::File, path: &Utf8Path, size: u64) -> Self {
        Self { file: Arc::new(file), path: path.to_owned(), size, write_behind: WriteBehind::default() }
    }
}

/// Turns an error of the system into one that says what was done to which file.
fn told<T>(operation: FileOperation, path: &Utf8Path, result: io::Result<T>) -> Result<T, FileError> {
    result.map_err(|error| FileError::new(operation, path, &advised(error)))
}

/// The error, with what to do about it where its own words do not tell.
fn advised(error: io::Error) -> io::Error {
    let advice = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE) => "allow more (`ulimit -n`), or use fewer --slots",
        Some(Errno::NFILE) => "allow the whole system more (`fs.file-max`), or use fewer --slots or workers",
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}; {advice}"))
}

impl FileSystem for Files {
    type File = OpenFile;

    /// As the trait says; a directory, which Unix would open too, fails here and not at the first read. So does whatever else is no
    /// regular file: it has no length and no places to read from.
    async fn open(&self, path: &Utf8Path) -> Result<OpenFile, FileError> {
        let open = || {
            // Without waiting, as for a pipe that nobody may ever write to; to regular files it makes no difference.
            let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
            }
            if !metadata.is_file() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
            }
            Ok((file, metadata.len()))
        };
        let (file, size) = told(FileOperation::Open, path, open())?;
        Ok(OpenFile::new(file, path, size))
    }

    async fn create(&self, path: &Utf8Path) -> Result<OpenFile, FileError> {
        let created = OpenOptions::new().read(true).append(true).create_new(true).open(path);
        let file = told(FileOperation::Create, path, created)?;
        Ok(OpenFile::new(file, path, 0))
    }

    async fn metadata(&self, path: &Utf8Path) -> Result<Metadata, FileError> {
        let metadata = told(FileOperation::Metadata, path, fs::metadata(path))?;
        let file_type = match metadata.file_type() {
            kind if kind.is_file() => FileType::File,
            kind if kind.is_dir() => FileType::Directory,
            _ => FileType::Other,
        };
        Ok(Metadata { file_type, len: metadata.len() })
    }

    async fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        told(FileOperation::Rename, to, fs::rename(from, to))
    }

    async fn hard_link(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        told(FileOperation::HardLink, to, fs::hard_link(from, to))
    }

    async fn remove_file(&self, path: &Utf8Path) -> Result<(), FileError> {
        told(FileOperation::RemoveFile, path, fs::remove_file(path))
    }

    async fn create_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        told(FileOperation::CreateDir, path, fs::create_dir(path))
    }

    async fn remove_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        told(FileOperation::RemoveDir, path, fs::remove_dir(path))
    }

    /// As the trait says; a name that is not UTF-8 fails the whole listing, because leaving it out would be a lie.
    async fn read_dir(&self, path: &Utf8Path) -> Result<Vec<String>, FileError> {
        let list = || {
            let mut names = Vec::new();
            for entry in fs::read_dir(path)? {
                let name = entry?.file_name().into_string().map_err(|name| {
                    let reason = format!("it holds a name that is not UTF-8, {}: rename that file", name.display());
                    io::Error::new(io::ErrorKind::InvalidData, reason)
                })?;
                names.push(name);
            }
            names.sort_unstable();
            Ok(names)
        };
        told(FileOperation::ReadDir, path, list())
    }

    async fn sync_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        told(FileOperation::SyncDir, path, fs::File::open(path).and_then(|directory| directory.sync_all()))
    }
}

impl File for OpenFile {
    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FileError> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return told(FileOperation::Read, &self.path, result),
            }
        }
    }

    fn size(&self) -> u64 {
        self.size
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        told(FileOperation::Append, &self.path, self.file.as_ref().write_all(bytes))?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn sync_soon(&mut self) {
        self.write_behind.begin(&self.file, self.size);
    }

    /// Asks for the bytes and for what is needed to read them back, which includes the length (`fdatasync`). Owner and
    /// times, which `fsync` would add at the price of a further journal write, mean nothing to us.
    async fn sync(&mut self) -> Result<(), FileError> {
        let begun = self.write_behind.finish();
        told(FileOperation::Sync, &self.path, begun.and_then(|()| self.file.sync_data()))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::real::write_behind::tests::pipe;

    #[test]
    fn what_went_wrong_behind_the_writer_is_told_by_the_sync() {
        let path = Utf8Path::new("out");
        let mut file = OpenFile::new(tempfile::tempfile().expect("a file"), path, u64::MAX);
        let good = std::mem::replace(&mut file.file, pipe());
        file.sync_soon();
        file.file = good;
        let error = block_on(file.sync()).expect_err("a pipe has no disk");
        assert_eq!((error.operation, error.path.as_path()), (FileOperation::Sync, path));
        block_on(file.sync()).expect("this file has one");
    }
}
