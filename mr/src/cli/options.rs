//! The options that say how a job and its workers run, for every program that starts one.

use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;
use mr_core::ids::{JobId, Reduces};
use mr_core::job::{InputFile, Job};
use mr_core::tasks::Limits;

use super::{JoinSize, SplitSize, byte_count};

/// The most reduces that a job may have. Each is a file to write and some memory in every process: what is far more is a slip.
const MAX_REDUCES: u32 = 1_000_000;

/// How a job runs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Job options")]
pub struct JobOptions {
    /// Number of reduce tasks, and so of outputs
    #[arg(long, value_name = "N", default_value = "10", value_parser = reduce_count)]
    pub reduces: NonZeroU32,

    /// How long a task may go without a sign of progress before another worker is asked to do it too
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = timeout)]
    pub task_timeout: Duration,

    /// Do not give a task to another worker because it takes much longer than others near the end of a phase
    #[arg(long)]
    pub no_backup_tasks: bool,

    /// How often a task may fail before the job does
    #[arg(long, value_name = "N", default_value = "4", value_parser = at_least_one::<NonZeroU32>)]
    pub max_failures: NonZeroU32,

    /// What the app is given to start with, such as grep's pattern
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub arg: String,

    /// Do not use the app's combiner
    #[arg(long)]
    pub no_combine: bool,
}

impl JobOptions {
    /// The job over `inputs`, cut and joined as the sizes say, that these options ask for.
    #[must_use]
    pub fn job(&self, id: JobId, inputs: Vec<InputFile>, split_size: SplitSize, join_size: JoinSize) -> Job {
        Job {
            reduces: Reduces(self.reduces),
            split_size: split_size.bytes(),
            join_size: join_size.0,
            app_argument: self.arg.clone(),
            combine: !self.no_combine,
            task_timeout: self.task_timeout,
            backup_tasks: !self.no_backup_tasks,
            max_failures: self.max_failures.get(),
            ..Job::new(id, inputs)
        }
    }
}

/// How a worker runs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Worker options")]
pub struct WorkerOptions {
    /// Tasks at once in a worker
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one::<NonZeroUsize>)]
    pub slots: NonZeroUsize,

    /// Memory for emitted records, per map task; more are spilled to disk, and records whose keys hardly come again sooner
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = byte_count)]
    pub memory: u64,

    /// Directory for the outputs, mr-out-*; made if it does not exist. `mr run` removes those of an earlier job; workers started by hand do not, so where that
    /// one had more reduces some stay
    #[arg(long, value_name = "DIR", default_value = ".", value_parser = directory)]
    pub out: Utf8PathBuf,

    /// Directory for intermediate files, made if it does not exist; all workers must reach the same [default: the directory of the outputs]
    #[arg(long, value_name = "DIR", value_parser = directory)]
    pub dir: Option<Utf8PathBuf>,
}

impl WorkerOptions {
    /// The directory for intermediate files.
    #[must_use]
    pub fn dir(&self) -> &Utf8PathBuf {
        self.dir.as_ref().unwrap_or(&self.out)
    }

    /// The memory limits of an attempt.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let defaults = Limits::default();
        Limits { map_buffer: usize::try_from(self.memory).unwrap_or(usize::MAX), ..defaults }
    }
}

/// Reads a number of reduces, for clap.
///
/// # Errors
///
/// When `text` is none, or too large a one.
pub fn reduce_count(text: &str) -> Result<NonZeroU32, String> {
    text.parse()
        .ok()
        .filter(|count: &NonZeroU32| count.get() <= MAX_REDUCES)
        .ok_or_else(|| format!("write a number of reduces between 1 and {MAX_REDUCES}"))
}

/// Reads a number, for clap, that must not be zero.
///
/// # Errors
///
/// When `text` is none, or too large a one.
pub fn at_least_one<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "write a whole number, at least 1".to_owned())
}

/// Reads the name of a directory, for clap.
///
/// # Errors
///
/// When it is empty, as that of a variable is that was never set.
pub fn directory(text: &str) -> Result<Utf8PathBuf, String> {
    if text.is_empty() {
        return Err("the name of the directory is empty: name one, or `.` for the current one".to_owned());
    }
    Ok(text.into())
}

fn timeout(text: &str) -> Result<Duration, String> {
    let timeout =
        humantime::parse_duration(text).map_err(|error| format!("{error}; write a time such as 10s or 500ms"))?;
    if timeout < Duration::from_millis(100) {
        return Err("less than 100ms leaves no time for a heartbeat".to_owned());
    }
    Ok(timeout)
}
