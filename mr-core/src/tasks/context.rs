//! What every task needs to run: the world, the app, its limits, and a way to show progress and to be stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use camino::Utf8PathBuf;
use world::{FileError, Work, World};

use crate::app::{AppError, Guarded};
use crate::ids::{AttemptId, JobId, MapAttempt, Reduces};
use crate::shuffle::Combiner;

/// How much memory the data path may use, in bytes and open runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What a map may hold of emitted records before it spills them as a sorted run.
    pub map_buffer: usize,
    /// How much of an input file is read at a time.
    pub read_block: usize,
    /// About how large a checksummed block of an intermediate file is.
    pub run_block: usize,
    /// How many runs are merged at a time; more take several passes. A block of each is in memory, and a block is as large as the largest
    /// record in it.
    pub merge_fan_in: usize,
    /// What a reduce holds of finished output before it writes it.
    pub write_block: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            map_buffer: 64 << 20,
            read_block: 1 << 20,
            run_block: 64 << 10,
            merge_fan_in: 128,
            write_block: 256 << 10,
        }
    }
}

/// Shared between an attempt, which ticks, and the heartbeats, which tell the ticks and pass on that it is to stop.
#[derive(Debug, Default)]
pub struct Progress {
    ticks: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Shows that something was done: called at least for every record, so it costs next to nothing.
    pub fn tick(&self) {
        // Only the attempt's own thread writes, so load and store need not be one step.
        self.ticks.store(self.ticks.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// How much was done so far.
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Asks the attempt to stop at its next checkpoint.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the attempt was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Why an attempt came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The app would not have it.
    #[error("{file}: {error}")]
    App {
        /// The input file, with the offset in it, or the key, that the app was called for.
        file: String,
        /// The app's words.
        error: AppError,
    },
    /// A file would not have it.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key or value is larger than the format can hold.
    #[error("{file}: a {what} of {len} bytes is larger than the {limit} an intermediate file can hold", limit = crate::shuffle::MAX_FIELD_BYTES)]
    TooLarge {
        /// The input file that gave rise to it.
        file: String,
        /// `key` or `value`.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
    },
    /// A map's output is missing, unreadable or not what that map wrote.
    #[error("the output of {map} is bad: {reason}")]
    BadMapOutput {
        /// Whose output.
        map: MapAttempt,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody wants the result any more.
    #[error("stopped, because another attempt counts or the job has ended")]
    Stopped,
}

/// What every task needs to run.
#[derive(Clone)]
pub struct TaskContext<W: World> {
    /// The world to run in.
    pub world: W,
    /// The app, guarded.
    pub app: Guarded,
    /// Whether the app's combiner, if any, is used.
    pub combine: bool,
    /// How many partitions the job has.
    pub reduces: Reduces,
    /// How much memory to use.
    pub limits: Limits,
    /// The job, which run files carry so that another job's are not taken for this one's.
    pub job: JobId,
    /// The attempt this is.
    pub attempt: AttemptId,
    /// A path no other attempt uses: files of the attempt's own are called this and a suffix (`.spill-0`, `.merge-3`). Whoever
    /// runs the attempt removes what is left of them.
    pub scratch: Utf8PathBuf,
    /// Where progress is shown.
    pub progress: Arc<Progress>,
}

impl<W: World> TaskContext<W> {
    /// Shows that something was done and, without waiting, gives the attempt a chance to be stopped.
    ///
    /// # Errors
    ///
    /// [`TaskError::Stopped`] when nobody wants the result any more.
    pub fn tick(&self) -> Result<(), TaskError> {
        self.progress.tick();
        if self.progress.is_stopped() { Err(TaskError::Stopped) } else { Ok(()) }
    }

    /// Accounts for `work` and gives the attempt a chance to be stopped.
    ///
    /// # Errors
    ///
    /// [`TaskError::Stopped`] when nobody wants the result any more.
    pub async fn checkpoint(&self, work: Work) -> Result<(), TaskError> {
        self.world.charge(work).await;
        self.tick()
    }

    /// The app's combiner, if it has one and it is to be used.
    #[must_use]
    pub fn combiner(&self) -> Option<Combiner<'_>> {
        (self.combine && self.app.has_combiner()).then(|| Combiner::new(&self.app))
    }

    /// The path of a file of the attempt's own.
    #[must_use]
    pub fn scratch_file(&self, suffix: &str) -> Utf8PathBuf {
        Utf8PathBuf::from(format!("{}.{suffix}", self.scratch))
    }
}
