//! Where a run keeps what is not for the person: the coordinator's socket, and intermediate files.

use std::env;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use tempfile::TempDir;

use crate::cli::Failure;
use crate::programs::trial;
use crate::real::address::MAX_SOCKET_PATH_BYTES;

/// A directory for the coordinator's socket that only this user can look into. Dropping it removes it.
pub(super) struct SocketDirectory(TempDir);

impl SocketDirectory {
    /// Makes one where temporary files go, or in `/tmp` if the path of the socket would be none that an address can have: too long, or not
    /// UTF-8.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(super) fn make() -> Result<Self, Failure> {
        let made = Self::make_in(&env::temp_dir())?;
        if made.socket().to_str().is_some_and(|path| path.len() <= MAX_SOCKET_PATH_BYTES) {
            Ok(made)
        } else {
            Self::make_in(Path::new("/tmp"))
        }
    }

    fn make_in(parent: &Path) -> Result<Self, Failure> {
        // Whatever the umask allows others: who may write there could put a socket of their own in place of ours.
        let private = Permissions::from_mode(0o700);
        let made = tempfile::Builder::new().prefix("mr-run-").permissions(private).tempdir_in(parent);
        made.map(Self).map_err(|error| {
            Failure::Environment(format!(
                "cannot make a directory for the coordinator's socket: {error}; set TMPDIR to a directory that can be written to"
            ))
        })
    }

    /// The path of the socket in it.
    pub(super) fn socket(&self) -> PathBuf {
        self.0.path().join("coordinator.sock")
    }
}

/// Fails unless intermediate files can be written to `directory`.
pub(super) fn check_intermediate(directory: &Utf8Path) -> Result<(), Failure> {
    trial::write_to(directory).map_err(|error| {
        Failure::Environment(format!(
            "cannot write intermediate files to the directory `{directory}`: {error}; create it or give --dir another"
        ))
    })
}
