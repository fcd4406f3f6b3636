//! Whose socket it is that a call is about to reach.
//!
//! Whoever answers is obeyed, and names such as the default one, in a directory that everybody may write to, are anybody's who comes
//! first. So a socket has to belong to the user who calls, or to root, who may do anything anyhow.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Uid, geteuid};

/// Why a socket is not called.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotCalled {
    /// It is not there. A call that went on all the same could reach one that somebody has made meanwhile.
    Missing,
    /// Somebody else's, with a sentence that says so.
    Foreign(String),
}

/// Fails unless what is at `path`, and what it leads to if it is a link, belongs to this process's user or to root.
pub(super) fn check(path: &Path) -> Result<(), NotCalled> {
    check_for(path, geteuid())
}

fn check_for(path: &Path, user: Uid) -> Result<(), NotCalled> {
    let Some(found) = look(fs::symlink_metadata(path))? else { return Ok(()) };
    refuse_foreign(path, &found, user)?;
    if !found.is_symlink() {
        return Ok(());
    }
    match look(fs::metadata(path))? {
        Some(target) => refuse_foreign(path, &target, user),
        None => Ok(()),
    }
}

/// What is there, if it can be looked at: what cannot be looked at cannot be called either, and the call says best why.
fn look(looked: io::Result<Metadata>) -> Result<Option<Metadata>, NotCalled> {
    match looked {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(NotCalled::Missing),
        Err(_) => Ok(None),
    }
}

fn refuse_foreign(path: &Path, found: &Metadata, user: Uid) -> Result<(), NotCalled> {
    let owner = found.uid();
    if owner == user.as_raw() || owner == Uid::ROOT.as_raw() {
        return Ok(());
    }
    Err(NotCalled::Foreign(format!(
        "the socket {} belongs to another user (number {owner}), whom this one will not obey: name another socket, and start \
         coordinator and workers as one user",
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{lchown, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use super::*;

    /// A directory with a socket, and who may call it: not root, whom root's own tests would take the socket for.
    fn socket() -> (tempfile::TempDir, PathBuf, Uid) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let owner = own(&path);
        (directory, path, owner)
    }

    /// Gives what is at `path` to somebody who is not root.
    fn own(path: &Path) -> Uid {
        if geteuid().is_root() {
            lchown(path, Some(4711), None).unwrap();
        }
        Uid::from_raw(fs::symlink_metadata(path).unwrap().uid())
    }

    fn is_foreign(path: &Path, user: Uid) -> bool {
        matches!(check_for(path, user), Err(NotCalled::Foreign(reason)) if reason.contains("belongs to another user"))
    }

    #[test]
    fn a_socket_of_ones_own_may_be_called_and_another_users_may_not() {
        let (_directory, path, owner) = socket();
        let another = Uid::from_raw(owner.as_raw() + 1);
        assert_eq!(check_for(&path, owner), Ok(()));
        assert!(is_foreign(&path, another));
    }

    #[test]
    fn a_link_is_looked_at_and_so_is_what_it_leads_to() {
        let (directory, path, owner) = socket();
        let another = Uid::from_raw(owner.as_raw() + 1);
        let link = directory.path().join("link");
        symlink(&path, &link).unwrap();
        if geteuid().is_root() {
            assert!(is_foreign(&link, another), "a link of root's to somebody's socket");
        }
        own(&link);
        assert_eq!(check_for(&link, owner), Ok(()));
        symlink("/", directory.path().join("to root")).unwrap();
        own(&directory.path().join("to root"));
        assert!(is_foreign(&directory.path().join("to root"), another), "somebody's link to what is root's");
    }

    #[test]
    fn what_is_not_there_is_not_called() {
        let (directory, path, owner) = socket();
        let nowhere = directory.path().join("nowhere");
        assert_eq!(check_for(&nowhere, owner), Err(NotCalled::Missing));
        symlink(&nowhere, directory.path().join("link")).unwrap();
        own(&directory.path().join("link"));
        assert_eq!(check_for(&directory.path().join("link"), owner), Err(NotCalled::Missing));
        assert_eq!(check_for(&path.join("below"), owner), Ok(()), "the call says that it is no directory");
    }
}
