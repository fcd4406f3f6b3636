//! What the command lines of all programs share: how apps are found, sizes written, logs shown, people told, and how a program ends.

mod app;
mod arguments;
mod exit;
mod log;
mod open_files;
mod options;
mod size;
mod tell;
mod threads;

pub use app::{builtin_names, find_app, plugin_file};
pub use arguments::arguments;
pub use exit::{Failure, conclude};
pub use log::{LogOptions, start_log};
pub use options::{JobOptions, WorkerOptions, at_least_one, directory, reduce_count};
pub use size::{JoinSize, SplitSize, byte_count};
pub use tell::{print, print_for_use, tell, tell_above};

use std::future::Future;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;

/// The colours of `--help`; clap leaves them out where `NO_COLOR` is set or nobody looks.
pub const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// What `--help` says of exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    the job is done and every output committed
  1    the job failed
  2    wrong usage or bad input; nothing was started
  3    a socket, directory or coordinator could not be used
  130  interrupted";

/// Runs `program` with threads for its sockets, a thread for each attempt it computes, and as many open files as the system allows.
///
/// Attempts that still compute when `program` is done are left behind: the end of the process ends them.
///
/// # Errors
///
/// As `program`; or when the system gives less than a runtime needs. Where that is threads, the process ends here.
pub fn run_async(program: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    open_files::raise_limit();
    threads::leave_for_want_of_any();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Environment(format!("the system gives too little to run on: {error}")))?;
    let result = runtime.block_on(program);
    // Not shut down: attempts that are still under way would find their timers and sockets gone and panic, for all to see. The end of the
    // process, which comes next, takes all of it.
    std::mem::forget(runtime);
    result
}
