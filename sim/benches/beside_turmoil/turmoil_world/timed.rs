//! Files whose every step takes time, as in `sim`: on turmoil that is a tick at least, because its clock knows nothing smaller.

use std::time::Duration;

use camino::Utf8Path;
use world::{File, FileError, FileSystem, Metadata};

use super::files::{MemoryFile, MemoryFiles};

/// Files in memory, each step of which takes `step`; none, when that is zero.
#[derive(Clone)]
pub(crate) struct TimedFiles {
    pub(crate) files: MemoryFiles,
    pub(crate) step: Duration,
}

impl TimedFiles {
    async fn wait(&self) {
        wait(self.step).await;
    }

    fn timed(&self, file: MemoryFile) -> TimedFile {
        TimedFile { file, step: self.step }
    }
}

async fn wait(step: Duration) {
    if !step.is_zero() {
        tokio::time::sleep(step).await;
    }
}

impl FileSystem for TimedFiles {
    type File = TimedFile;

    async fn open(&self, path: &Utf8Path) -> Result<TimedFile, FileError> {
        self.wait().await;
        self.files.open(path).await.map(|file| self.timed(file))
    }

    async fn create(&self, path: &Utf8Path) -> Result<TimedFile, FileError> {
        self.wait().await;
        self.files.create(path).await.map(|file| self.timed(file))
    }

    async fn metadata(&self, path: &Utf8Path) -> Result<Metadata, FileError> {
        self.wait().await;
        self.files.metadata(path).await
    }

    async fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        self.wait().await;
        self.files.rename(from, to).await
    }

    async fn hard_link(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        self.wait().await;
        self.files.hard_link(from, to).await
    }

    async fn remove_file(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.wait().await;
        self.files.remove_file(path).await
    }

    async fn create_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.wait().await;
        self.files.create_dir(path).await
    }

    async fn remove_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.wait().await;
        self.files.remove_dir(path).await
    }

    async fn read_dir(&self, path: &Utf8Path) -> Result<Vec<String>, FileError> {
        self.wait().await;
        self.files.read_dir(path).await
    }

    async fn sync_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.wait().await;
        self.files.sync_dir(path).await
    }
}

/// An open file of [`TimedFiles`].
pub(crate) struct TimedFile {
    file: MemoryFile,
    step: Duration,
}

impl File for TimedFile {
    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FileError> {
        wait(self.step).await;
        self.file.read_at(offset, buffer).await
    }

    fn size(&self) -> u64 {
        self.file.size()
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        wait(self.step).await;
        self.file.append(bytes).await
    }

    async fn sync(&mut self) -> Result<(), FileError> {
        wait(self.step).await;
        self.file.sync().await
    }
}
