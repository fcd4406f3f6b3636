//! How a process comes to own a path in the file system as its socket, and how it gives it back.
//!
//! A socket's file outlives the process that bound it, so a name that is taken may be a running coordinator's or a dead
//! one's leftover. Connecting tells which. Between asking and replacing, another program could do the same; a lock on
//! the directory makes it wait, and lets exactly one of two programs that start together win. Workers whose outputs go to the same
//! directory have a lock on it as well, a shared one, for as long as they live: where one of those is kept the lock of a coordinator
//! is shared with them and keeps nobody out, so whoever has bound the name looks again a little later whether it still has it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Mode;
use tokio::net::{UnixListener, UnixSocket, UnixStream};

use super::reasons;

/// How many callers may wait to be let in.
const BACKLOG: u32 = 1024;

/// How long the directory's lock is waited for, in steps of [`LOCK_STEP`]. Our own programs hold it for milliseconds.
const LOCK_STEPS: u32 = 500;
/// After how many steps a lock that is kept is taken for that of workers.
const SHARED_AFTER: u32 = 50;
const LOCK_STEP: Duration = Duration::from_millis(10);
/// How long after binding a name that was not locked it is settled whose it is. From asking to binding takes well below a millisecond.
const SETTLED_AFTER: Duration = Duration::from_millis(200);

/// A Unix socket that listens, and the name it goes by. Dropping it removes the name, if it is still this socket's.
#[derive(Debug)]
pub(super) struct OwnedSocket {
    pub(super) listener: UnixListener,
    pub(super) name: SocketName,
}

/// A name in the file system that belongs to a socket of this process.
#[derive(Debug)]
pub(super) struct SocketName {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketName {
    /// Whether the name is still this socket's.
    fn is_kept(&self) -> bool {
        let found = fs::symlink_metadata(&self.path);
        found.is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }
}

impl Drop for SocketName {
    /// Removes the name. While the socket still listens nobody else takes the name from it, so to be safe this must come
    /// before the listening ends.
    fn drop(&mut self) {
        if self.is_kept()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!("cannot remove the socket {}: {error}", self.path.display());
        }
    }
}

/// Listens at `path`, which only this user may connect to.
///
/// # Errors
///
/// A reason, when the path is taken by a live socket or by something else, or cannot be bound.
pub(super) async fn claim(path: &Path) -> Result<OwnedSocket, String> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let lock = lock(directory).await?;
    clear_leftover(path).await?;
    let owned = bind(path).map_err(|error| reasons::of_binding_a_socket(directory, &error))?;
    if lock.is_shared {
        tokio::time::sleep(SETTLED_AFTER).await;
        if !owned.name.is_kept() {
            return Err(
                "another coordinator has taken it at the same moment; choose another socket or stop that one".into()
            );
        }
    }
    Ok(owned)
}

/// A lock on a directory, until it is dropped.
struct Lock {
    _directory: File,
    /// Whether others may have one, too.
    is_shared: bool,
}

/// Locks `directory`.
async fn lock(directory: &Path) -> Result<Lock, String> {
    let handle = File::open(directory).map_err(|error| reasons::of_opening_a_directory(directory, &error))?;
    for step in 0..LOCK_STEPS {
        match handle.try_lock() {
            Ok(()) => return Ok(Lock { _directory: handle, is_shared: false }),
            Err(TryLockError::WouldBlock) if step >= SHARED_AFTER && handle.try_lock_shared().is_ok() => {
                return Ok(Lock { _directory: handle, is_shared: true });
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_STEP).await,
            Err(TryLockError::Error(error)) => {
                return Err(format!("the directory {} cannot be locked: {error}", directory.display()));
            }
        }
    }
    Err(format!("another program keeps the directory {} locked; choose another directory", directory.display()))
}

/// Removes what stands at `path` if it is a socket that nobody serves.
async fn clear_leftover(path: &Path) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("it cannot be looked at: {error}")),
        Ok(found) if !found.file_type().is_socket() => {
            return Err("something that is no socket has that name already; choose another name".into());
        }
        Ok(_) => {}
    }
    // Unlike the standard library's, this connect does not wait: a full queue of callers is an answer, too.
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| format!("the leftover socket cannot be removed: {error}"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err("the socket belongs to another user; choose another name".into())
        }
        Ok(_) | Err(_) => {
            Err("the socket is served by a running coordinator; choose another socket or stop that one".into())
        }
    }
}

/// Binds the socket at a free `path`.
fn bind(path: &Path) -> io::Result<OwnedSocket> {
    let socket = UnixSocket::new_stream()?;
    // Linux gives the file the mode that the socket has when it is bound, so there is no instant at which others get in.
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    socket.bind(path)?;
    let bound = fs::symlink_metadata(path)?;
    let name = SocketName { path: std::path::absolute(path)?, device: bound.dev(), inode: bound.ino() };
    Ok(OwnedSocket { listener: socket.listen(BACKLOG)?, name })
}
