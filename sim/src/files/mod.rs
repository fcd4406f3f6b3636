//! The files as one node sees them.

mod disk;
mod durable;
mod ops;
mod power_loss;
mod view;

use std::future::{Future, poll_fn};
use std::io;
use std::task::{Poll, Waker, ready};

use camino::{Utf8Path, Utf8PathBuf};
use world::{File, FileError, FileOperation, FileSystem, Metadata};

use crate::state::Home;
pub(crate) use disk::{Disk, plain};
use disk::{FileId, Path};
pub(crate) use ops::{OpId, Ops};
use ops::{Outcome, Request};
pub(crate) use power_loss::SECTOR;
pub use view::{DiskInspector, DiskView, StillDisk};

/// The one file system of all nodes, as one node reaches it.
#[derive(Clone)]
pub struct SimFiles(pub(crate) Home);

/// Somebody who waits for an operation, if it is under way. When it stops waiting, the operation takes effect all the same.
struct Waiting<'a> {
    home: &'a Home,
    op: Option<OpId>,
}

impl Waiting<'_> {
    /// Begins `step` if it is given, and looks for what came of it if not.
    fn poll(&mut self, step: Option<(Path, Request)>, waker: &Waker) -> Poll<Result<Outcome, io::Error>> {
        let mut state = self.home.state();
        if let Some((path, request)) = step {
            self.op = Some(state.begin_op(self.home, path, request, waker));
            return Poll::Pending;
        }
        let Some(op) = self.op else { return Poll::Pending };
        let outcome = ready!(state.ops.poll(op, waker));
        self.op = None;
        Poll::Ready(outcome)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(op) = self.op {
            let abandoned = self.home.state().ops.abandon(op);
            drop(abandoned);
        }
    }
}

/// Takes a step and waits for what comes of it. A failure tells of `shown`.
async fn step(home: &Home, path: Path, shown: &Utf8Path, request: Request) -> Result<Outcome, FileError> {
    let operation = request.operation();
    let mut step = Some((path, request));
    let mut waiting = Waiting { home, op: None };
    let outcome = poll_fn(|context| waiting.poll(step.take(), context.waker())).await;
    outcome.map_err(|error| FileError::new(operation, shown, &error))
}

impl SimFiles {
    async fn step(&self, path: &Utf8Path, request: Request) -> Result<Outcome, FileError> {
        step(&self.0, plain(path.as_str()), path, request).await
    }

    async fn opened(&self, path: &Utf8Path, request: Request) -> Result<SimFile, FileError> {
        let is_new = matches!(request, Request::Create);
        let plain = plain(path.as_str());
        match step(&self.0, Path::clone(&plain), path, request).await? {
            Outcome::Opened { file, size } => {
                Ok(SimFile { home: self.0.clone(), shown: path.to_owned(), path: plain, file, size, is_new })
            }
            _ => unreachable!("what is opened is a file"),
        }
    }

    async fn done(&self, path: &Utf8Path, request: Request) -> Result<(), FileError> {
        self.step(path, request).await.map(drop)
    }

    async fn moved(
        &self,
        from: &Utf8Path,
        to: &Utf8Path,
        request: impl FnOnce(Path) -> Request,
    ) -> Result<(), FileError> {
        step(&self.0, plain(from.as_str()), to, request(plain(to.as_str()))).await.map(drop)
    }
}

impl FileSystem for SimFiles {
    type File = SimFile;

    fn open(&self, path: &Utf8Path) -> impl Future<Output = Result<SimFile, FileError>> + Send {
        self.opened(path, Request::Open)
    }

    fn create(&self, path: &Utf8Path) -> impl Future<Output = Result<SimFile, FileError>> + Send {
        self.opened(path, Request::Create)
    }

    async fn metadata(&self, path: &Utf8Path) -> Result<Metadata, FileError> {
        match self.step(path, Request::Metadata).await? {
            Outcome::Metadata(metadata) => Ok(metadata),
            _ => unreachable!("what is looked at is seen"),
        }
    }

    /// Renames files only: a directory of that name is an error of kind [`io::ErrorKind::IsADirectory`].
    async fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        self.moved(from, to, Request::Rename).await
    }

    async fn hard_link(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        self.moved(from, to, Request::HardLink).await
    }

    async fn remove_file(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.done(path, Request::RemoveFile).await
    }

    async fn create_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.done(path, Request::CreateDir).await
    }

    async fn remove_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.done(path, Request::RemoveDir).await
    }

    async fn read_dir(&self, path: &Utf8Path) -> Result<Vec<String>, FileError> {
        match self.step(path, Request::ReadDir).await? {
            Outcome::Names(names) => Ok(names),
            _ => unreachable!("what is listed has names"),
        }
    }

    async fn sync_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        self.done(path, Request::SyncDir).await
    }
}

/// An open file.
pub struct SimFile {
    home: Home,
    shown: Utf8PathBuf,
    path: Path,
    file: FileId,
    size: u64,
    /// Whether it was created through this handle, and not opened.
    is_new: bool,
}

impl SimFile {
    async fn step(&self, request: Request) -> Result<Outcome, FileError> {
        step(&self.home, Path::clone(&self.path), &self.shown, request).await
    }
}

impl File for SimFile {
    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FileError> {
        match self.step(Request::Read { file: self.file, offset, len: buffer.len() }).await? {
            Outcome::Bytes(bytes) => {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Ok(bytes.len())
            }
            _ => unreachable!("what is read is bytes"),
        }
    }

    fn size(&self) -> u64 {
        self.size
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        if !self.is_new {
            self.home.at_once().await;
            let error = io::Error::other("bad file descriptor: the file was opened for reading");
            return Err(FileError::new(FileOperation::Append, &self.shown, &error));
        }
        self.step(Request::Append { file: self.file, bytes: bytes.to_vec() }).await?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), FileError> {
        self.step(Request::Sync(self.file)).await.map(drop)
    }
}
