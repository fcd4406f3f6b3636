//! Where a run keeps what is not for the person: the coordinator's socket, the copy of a plugin, and intermediate files.

use std::env;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use camino::Utf8Path;
use rustix::process::geteuid;
use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::cli::Failure;
use crate::programs::directories::{INTERMEDIATE, make_directory};
use crate::programs::trial;
use crate::real::address::MAX_SOCKET_PATH_BYTES;

/// How the names of private directories begin.
const PREFIX: &str = "mr-run-";

/// The socket in such a directory.
const SOCKET: &str = "coordinator.sock";

/// The copy of a plugin in it.
const PLUGIN: &str = "plugin.so";

/// How long it may take at most from making the directory to listening at the socket: some milliseconds, or as long as the lock of the
/// output directory is waited for.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A directory that only this user can look into. Dropping it removes it.
pub(super) struct PrivateDirectory(TempDir);

impl PrivateDirectory {
    /// Makes one where temporary files go, or in `/tmp` if the path of the socket would be none that an address can have: too long, or not
    /// UTF-8.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(super) async fn make() -> Result<Self, Failure> {
        let made = Self::make_in(&env::temp_dir()).await?;
        if made.socket().to_str().is_some_and(|path| path.len() <= MAX_SOCKET_PATH_BYTES) {
            Ok(made)
        } else {
            Self::make_in(Path::new("/tmp")).await
        }
    }

    async fn make_in(parent: &Path) -> Result<Self, Failure> {
        remove_leftovers(parent).await;
        // Whatever the umask allows others: who may write there could put a socket of their own in place of ours.
        let private = Permissions::from_mode(0o700);
        let made = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(parent);
        made.map(Self).map_err(|error| {
            Failure::Environment(format!(
                "cannot make a directory for the coordinator's socket: {error}; set TMPDIR to a directory that can be written to"
            ))
        })
    }

    /// The path of the socket in it.
    pub(super) fn socket(&self) -> PathBuf {
        self.0.path().join(SOCKET)
    }

    /// Copies the plugin in `file` into it, and says where that is.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or there is no room.
    pub(super) fn keep_plugin(&self, file: &Path) -> io::Result<PathBuf> {
        let copy = self.0.path().join(PLUGIN);
        fs::copy(file, &copy)?;
        Ok(copy)
    }
}

/// Removes what runs of this user that were killed have left in `parent`. Where that fails it is in nobody's way.
async fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().as_bytes().starts_with(PREFIX.as_bytes())) {
        // Of the directory itself, should it be a link.
        if !entry.metadata().is_ok_and(|metadata| is_ours_and_old(&metadata)) {
            continue;
        }
        let socket = entry.path().join(SOCKET);
        // Unlike the standard library's, this connect does not wait for a coordinator that somebody has stopped.
        match UnixStream::connect(&socket).await.map_err(|error| error.kind()) {
            Err(io::ErrorKind::ConnectionRefused) => drop(fs::remove_file(&socket)),
            Err(io::ErrorKind::NotFound) => {}
            _ => continue,
        }
        let _ = fs::remove_file(entry.path().join(PLUGIN));
        // Not with what else may be in it: a run puts nothing there.
        let _ = fs::remove_dir(entry.path());
    }
}

/// Whether a run of this user made it, and has had the time to listen at its socket since.
fn is_ours_and_old(metadata: &Metadata) -> bool {
    let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
    metadata.is_dir() && metadata.uid() == geteuid().as_raw() && age.is_some_and(|age| age > STARTS_WITHIN)
}

/// Makes `directory` if need be, and fails unless intermediate files can be written to it.
pub(super) fn check_intermediate(directory: &Utf8Path) -> Result<(), Failure> {
    make_directory(directory, &INTERMEDIATE)?;
    trial::write_to(directory).map_err(|error| {
        Failure::Environment(format!(
            "cannot write intermediate files to the directory `{directory}`: {error}; give --dir another"
        ))
    })
}
