//! The lock that keeps a directory of outputs to one job.
//!
//! `mr run` and `mrsequential` have it alone. Workers that were started by hand share it: which of them are of one job they do not know before
//! they have a coordinator, so two such jobs in one directory are not kept apart.
//!
//! It lies on an open file and ends with the last process that has this open. Workers that `mr run` starts inherit it, because they live on
//! for some seconds when that is killed, or for as long as somebody stops them, and may put an output in place as long as they do: a job
//! that began meanwhile could end with it. They get it as their standard input, which is the one file that can be handed to one child
//! and to no other.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use camino::Utf8Path;

use super::run::RETRY_FOR;
use crate::cli::{Failure, tell};

/// How long a lock is waited for. Workers that have lost their coordinator mostly leave within two seconds; but those that it never answered,
/// because it was killed when they had just been started, look for it for as long as they were told, and a busy machine may need some time more.
pub(super) const PATIENCE: Duration = RETRY_FOR.saturating_add(Duration::from_secs(2));

/// How often it is tried meanwhile.
const STEP: Duration = Duration::from_millis(50);

/// How long nothing is said of it: a coordinator locks the directory of its socket for a moment, which may be the same.
const IN_SILENCE: Duration = Duration::from_millis(200);

/// Locks `directory` until the last handle of what is returned is closed.
///
/// # Errors
///
/// When it is still locked after `patience`, or cannot be opened.
pub(super) async fn take(directory: &Utf8Path, patience: Duration) -> Result<File, Failure> {
    let unusable = |error| Failure::Environment(format!("cannot lock the output directory `{directory}`: {error}"));
    let lock = File::open(directory).map_err(unusable)?;
    wait_for(|| lock.try_lock(), directory, patience).await?.map_err(unusable)?;
    Ok(lock)
}

/// Locks `directory` against whoever wants it alone, for as long as this process lives. Where there are no locks there are none.
///
/// # Errors
///
/// When somebody still has it alone after `patience`.
pub(super) async fn share(directory: &Utf8Path, patience: Duration) -> Result<(), Failure> {
    let Ok(lock) = File::open(directory) else { return Ok(()) };
    if wait_for(|| lock.try_lock_shared(), directory, patience).await?.is_ok() {
        // As below, only the end of the process may close it.
        std::mem::forget(lock);
    }
    Ok(())
}

/// Tries to `lock` the directory until it is locked, or fails for another reason than that it is somebody else's.
async fn wait_for(
    lock: impl Fn() -> Result<(), TryLockError>,
    directory: &Utf8Path,
    patience: Duration,
) -> Result<io::Result<()>, Failure> {
    let mut waited = Duration::ZERO;
    loop {
        match lock() {
            Ok(()) => return Ok(Ok(())),
            Err(TryLockError::Error(error)) => return Ok(Err(error)),
            Err(TryLockError::WouldBlock) if waited >= patience => {
                return Err(Failure::Environment(format!(
                    "another job, or a worker that is left of one, is writing its outputs to `{directory}`: wait for it, or give \
                     --out another directory"
                )));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        if waited == IN_SILENCE {
            tell(format_args!(
                "`{directory}` is still being written to, perhaps by workers that are about to leave: waiting for up to {} s",
                patience.as_secs()
            ));
        }
        tokio::time::sleep(STEP).await;
        waited += STEP;
    }
}

/// Keeps the lock that this process has been started with for as long as it lives, and to itself: what an app starts may live longer, and
/// finds an empty standard input, as the app does.
///
/// # Errors
///
/// When the system has no file to give.
pub(super) fn keep_inherited() -> io::Result<()> {
    let stdin = io::stdin();
    let lock = stdin.as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    // The end of the process closes it, and no sooner may anything: attempts that still compute end only then.
    std::mem::forget(lock);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, camino::Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned().try_into().unwrap();
        (directory, path)
    }

    #[tokio::test]
    async fn two_jobs_do_not_share_a_directory() {
        let (_guard, path) = directory();
        let first = take(&path, Duration::ZERO).await.unwrap();
        let inherited = first.try_clone().unwrap();
        for handle in [first, inherited] {
            let refused = take(&path, Duration::ZERO).await.unwrap_err();
            assert_eq!(refused.code(), 3);
            assert!(refused.to_string().contains("another job"), "{refused}");
            drop(handle);
        }
        take(&path, Duration::ZERO).await.unwrap();
    }

    #[tokio::test]
    async fn workers_share_a_directory_with_each_other_and_with_no_run() {
        let (_guard, path) = directory();
        let run = take(&path, Duration::ZERO).await.unwrap();
        let refused = share(&path, Duration::ZERO).await.unwrap_err();
        assert!(refused.to_string().contains("another job"), "{refused}");
        drop(run);
        share(&path, Duration::ZERO).await.unwrap();
        share(&path, Duration::ZERO).await.unwrap();
        assert_eq!(take(&path, Duration::ZERO).await.unwrap_err(), refused);
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_locked_is_shared_all_the_same() {
        let (_guard, path) = directory();
        share(&path.join("missing"), Duration::ZERO).await.unwrap();
    }

    #[tokio::test]
    async fn one_that_is_about_to_leave_is_waited_for() {
        let (_guard, path) = directory();
        let first = take(&path, Duration::ZERO).await.unwrap();
        let second = tokio::spawn(async move { take(&path, Duration::from_secs(3600)).await });
        tokio::time::sleep(2 * STEP).await;
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap().unwrap();
    }
}
