//! What will be synced is written to the disk while more of it is being made: else a processor that could map waits for a disk that
//! had nothing to do before.
//!
//! A sync on a thread of its own does it, time and again. It is what every system has; Linux would also have a call that only begins to
//! write, but not one that safe Rust can reach.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// How many bytes are worth a thread and a write to the journal of the file system.
const WORTHWHILE: u64 = 8 << 20;

/// The syncs of one file that are waited for only in the end.
#[derive(Debug, Default)]
pub(super) struct WriteBehind {
    /// How long the file was when the last of them began.
    begun: u64,
    running: Option<JoinHandle<io::Result<()>>>,
    /// What went wrong in those before: the system tells it once.
    trouble: Option<io::Error>,
}

impl WriteBehind {
    /// Begins to sync `file`, which has `size` bytes, if that is worthwhile and the last time is over.
    pub(super) fn begin(&mut self, file: &Arc<File>, size: u64) {
        let is_running = self.running.as_ref().is_some_and(|thread| !thread.is_finished());
        if is_running || size - self.begun < WORTHWHILE {
            return;
        }
        self.wait();
        self.begun = size;
        let file = Arc::clone(file);
        // Without a thread there is so much more to do for the next sync, or for the one at the end.
        self.running = Builder::new().name("write behind".into()).spawn(move || file.sync_data()).ok();
    }

    /// Waits until nothing is under way.
    ///
    /// # Errors
    ///
    /// The first that any of the syncs had.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.wait();
        self.trouble.take().map_or(Ok(()), Err)
    }

    fn wait(&mut self) {
        let Some(thread) = self.running.take() else { return };
        let ended = thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that was to sync it panicked")));
        if let Err(error) = ended {
            self.trouble.get_or_insert(error);
        }
    }
}

/// A file that is dropped is closed then, as anywhere else: who removes it finds that nobody has it open, and its room is free.
impl Drop for WriteBehind {
    fn drop(&mut self) {
        self.wait();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    /// Something to write to that cannot be synced.
    pub(in super::super) fn pipe() -> Arc<File> {
        let (_, writer) = io::pipe().expect("a pipe");
        Arc::new(File::from(OwnedFd::from(writer)))
    }

    #[test]
    fn a_little_waits_for_the_end() {
        let mut write_behind = WriteBehind::default();
        write_behind.begin(&pipe(), WORTHWHILE - 1);
        assert!(write_behind.running.is_none());
        assert!(write_behind.finish().is_ok());
    }

    #[test]
    fn nobody_has_a_file_open_that_was_dropped() {
        let file = Arc::new(tempfile::tempfile().expect("a file"));
        let mut write_behind = WriteBehind::default();
        write_behind.begin(&file, WORTHWHILE);
        assert!(write_behind.running.is_some());
        drop(write_behind);
        assert_eq!(Arc::strong_count(&file), 1);
    }

    #[test]
    fn what_went_wrong_is_told_once_however_much_went_well_behind_it() {
        let file = Arc::new(tempfile::tempfile().expect("a file"));
        let mut write_behind = WriteBehind::default();
        write_behind.begin(&pipe(), WORTHWHILE);
        write_behind.wait();
        write_behind.begin(&file, 2 * WORTHWHILE - 1);
        assert!(write_behind.running.is_none(), "less has come since");
        write_behind.begin(&file, 2 * WORTHWHILE);
        assert!(write_behind.running.is_some());
        assert_eq!(write_behind.finish().expect_err("a pipe has no disk").kind(), io::ErrorKind::InvalidInput);
        assert!(write_behind.finish().is_ok());
    }
}
