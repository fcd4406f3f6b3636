//! `mrworker`: runs tasks for a coordinator until the job is done.

use std::future::pending;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use camino::Utf8PathBuf;
use clap::Parser;
use futures::{FutureExt, select_biased};
use mr_core::app::AppSource;
use mr_core::protocol::Ending;
use mr_core::worker::{self, WorkerConfig, WorkerError};
use world::Address;

use super::directories::{INTERMEDIATE, OUTPUTS, make_directory};
use super::signals::told_to_end;
use super::{default_socket, lock, worker_name};
use crate::cli::{EXIT_CODES, Failure, LogOptions, STYLES, WorkerOptions, find_app, start_log};
use crate::real::RealWorld;
use crate::real::address::RealAddress;

/// Runs map and reduce tasks for a coordinator until the job is done.
///
/// Names of input files are relative to the directory this is started in. Outputs and intermediate files are written there
/// too, unless --out and --dir say otherwise. Ctrl-C, SIGTERM or SIGHUP makes it leave: others get its tasks at once, and
/// nothing half-written stays; the second one ends it on the spot.
#[derive(Debug, Parser)]
#[command(name = "mrworker", version, styles = STYLES, after_help = EXIT_CODES)]
pub struct WorkerArguments {
    /// The app: the name of a built-in one, or the `.so` file of a plugin
    pub app: String,

    /// The coordinator's Unix socket [default: /var/tmp/5840-mr-UID]
    #[arg(conflicts_with = "coordinator")]
    pub socket: Option<Utf8PathBuf>,

    /// Where the coordinator listens, unix:PATH or tcp:HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    pub coordinator: Option<RealAddress>,

    /// How long to try to reach the coordinator before giving up; one that has answered and listens no more, at a socket or an IP
    /// address, is given up after 2 s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub retry_for: Duration,

    /// How the worker runs.
    #[command(flatten)]
    pub worker: WorkerOptions,

    /// How much to tell.
    #[command(flatten)]
    pub log: LogOptions,

    /// Started by `mr run`, which tells how the job went, and has made standard input the lock of the output directory
    #[arg(long, hide = true)]
    pub of_a_run: bool,

    /// The copy of the plugin that is to be loaded in its place: the one that the run has loaded
    #[arg(long, hide = true)]
    pub copy_of_app: Option<Utf8PathBuf>,
}

/// Works until the job has ended.
///
/// # Errors
///
/// When the job fails, or this worker cannot start, loses its coordinator or is told to stop.
pub async fn run(arguments: WorkerArguments) -> Result<(), Failure> {
    start_log(&arguments.log)?;
    if arguments.of_a_run {
        bear_own_name();
        lock::keep_inherited()
            .map_err(|error| Failure::Environment(format!("cannot keep the output directory locked: {error}")))?;
    }
    let app = app(&arguments)?;
    let coordinator = coordinator(&arguments)?;
    let config = WorkerConfig {
        coordinator: Address::from(&coordinator),
        slots: arguments.worker.slots,
        dir: arguments.worker.dir().clone(),
        out: arguments.worker.out.clone(),
        limits: arguments.worker.limits(),
        retry_for: arguments.retry_for,
        name: worker_name(std::process::id()),
    };
    // A worker of a run dies of a signal: that reaches the run as well, which looks after everything.
    let mut stop = if arguments.of_a_run { pending().boxed() } else { told_to_end()?.boxed() }.fuse();
    if !arguments.of_a_run {
        make_directory(&arguments.worker.out, &OUTPUTS)?;
        make_directory(arguments.worker.dir(), &INTERMEDIATE)?;
        select_biased! {
            () = stop => return Err(Failure::Interrupted),
            locked = lock::share(&arguments.worker.out, lock::PATIENCE).fuse() => locked?,
        }
    }
    match worker::run(RealWorld::new(), config, &*app, stop).await {
        Ok(Ending::Succeeded) => Ok(()),
        Ok(Ending::Failed { .. }) if arguments.of_a_run => Err(Failure::JobSilently),
        Ok(Ending::Failed { reason }) => Err(Failure::Job(reason)),
        Err(WorkerError::Stopped) => Err(Failure::Interrupted),
        Err(error @ (WorkerError::Refused(_) | WorkerError::App(_))) => Err(Failure::Usage(error.to_string())),
        Err(error) => Err(Failure::Environment(error.to_string())),
    }
}

fn app(arguments: &WorkerArguments) -> Result<Box<dyn AppSource>, Failure> {
    let Some(copy) = &arguments.copy_of_app else { return find_app(&arguments.app) };
    let original = &arguments.app;
    find_app(copy.as_str())
        .map_err(|failure| Failure::Usage(format!("the copy of `{original}` is of no use: {failure}")))
}

/// Lets lists of processes show this one by the name of its program, not by that of the link in /proc that `mr run` starts it from.
fn bear_own_name() {
    let name = env::args_os().next().unwrap_or_default();
    if let Some(name) = Path::new(&name).file_name() {
        // It is as good a worker under another name.
        let _ = fs::write("/proc/self/comm", name.as_bytes());
    }
}

fn coordinator(arguments: &WorkerArguments) -> Result<RealAddress, Failure> {
    let address = named_coordinator(arguments)?;
    // What is not there may come; what is something else stays so, and a call would only be refused.
    if let RealAddress::Unix(path) = &address
        && fs::metadata(path).is_ok_and(|found| !found.file_type().is_socket())
    {
        let path = path.display();
        return Err(Failure::Usage(format!(
            "`{path}` is no socket: name the one at which the coordinator listens, and inputs to the coordinator"
        )));
    }
    Ok(address)
}

fn named_coordinator(arguments: &WorkerArguments) -> Result<RealAddress, Failure> {
    match (&arguments.coordinator, &arguments.socket) {
        (Some(address), _) => Ok(address.clone()),
        (None, Some(socket)) => RealAddress::of_socket(socket).map_err(|error| Failure::Usage(error.to_string())),
        (None, None) => Ok(RealAddress::Unix(default_socket())),
    }
}
