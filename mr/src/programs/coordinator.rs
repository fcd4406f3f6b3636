//! `mrcoordinator`: gives out the tasks of one job and leaves when it is done.

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Parser;
use futures::channel::mpsc;
use mr_core::coordinator::serve;
use mr_core::job::InputFile;
use mr_core::protocol::Ending;
use tracing::info;
use world::{Address, Network as _, World};

use super::inputs::measured_inputs;
use super::signals::{INTERRUPTED, Interruptions};
use super::{default_socket, names_a_socket, new_job_id};
use crate::cli::{EXIT_CODES, Failure, JobOptions, JoinSize, LogOptions, STYLES, SplitSize, start_log};
use crate::real::RealWorld;
use crate::real::address::RealAddress;

/// How long answers may take to be written out after the end.
const DRAIN: Duration = Duration::from_millis(200);

/// Gives out the tasks of one MapReduce job to workers, and leaves when the job is done.
///
/// In the course's form, `mrcoordinator SOCKET FILE…` or `mrcoordinator FILE…`, no input is ever opened: names are the
/// workers' business, relative to their own directory. With --listen or --join-size the files are looked at, so that large ones can be
/// split and small ones joined.
#[derive(Debug, Parser)]
#[command(name = "mrcoordinator", version, styles = STYLES, after_help = EXIT_CODES)]
pub struct CoordinatorArguments {
    /// Input files, each at least one map task unless small ones are joined. Without --listen, a first one that is not an existing
    /// regular file is the Unix socket to listen on [default: /var/tmp/5840-mr-UID]
    #[arg(value_name = "[SOCKET] FILE", required = true)]
    pub operands: Vec<Utf8PathBuf>,

    /// Where to listen, unix:PATH or tcp:HOST:PORT. TCP has no passwords: for trusted networks only
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<RealAddress>,

    /// Cut larger inputs into pieces of this size at line ends, or `whole` [default: 32MiB with --listen, else whole]
    #[arg(long, value_name = "SIZE")]
    pub split_size: Option<SplitSize>,

    /// Let small files, neighbours on the command line, share a map that reads at most this much, or `never`
    #[arg(long, value_name = "SIZE", default_value = "never")]
    pub join_size: JoinSize,

    /// How the job runs.
    #[command(flatten)]
    pub job: JobOptions,

    /// How much to tell.
    #[command(flatten)]
    pub log: LogOptions,
}

/// Runs the coordinator until the job has ended.
///
/// # Errors
///
/// When the job fails or cannot start.
pub async fn run(arguments: CoordinatorArguments) -> Result<(), Failure> {
    start_log(&arguments.log)?;
    let (address, files) = address_and_files(&arguments)?;
    let split_size = arguments.split_size.unwrap_or(match arguments.listen {
        Some(_) => SplitSize::DEFAULT,
        None => SplitSize::Whole,
    });
    let lengths_matter = split_size != SplitSize::Whole || arguments.join_size != JoinSize::NEVER;
    let inputs = inputs(&files, lengths_matter)?;

    let world = RealWorld::new();
    let listening = world.network().listen(&address).await;
    let listener = listening.map_err(|error| Failure::Environment(error.to_string()))?;
    info!(address = %listener.address(), inputs = inputs.len(), "listening");
    let (order_sender, orders) = mpsc::unbounded();
    let job = arguments.job.job(new_job_id(&world), inputs, split_size, arguments.join_size);
    Interruptions::listen(|| {})?.obey(order_sender, job.exit_grace());
    let (ending, _) = serve(&world, listener, job, &mut (), orders).await;
    world.network().drained(DRAIN).await;
    match ending {
        Ending::Succeeded => Ok(()),
        Ending::Failed { reason } if reason == INTERRUPTED => Err(Failure::Interrupted),
        Ending::Failed { reason } => Err(Failure::Job(reason)),
    }
}

/// Tells the socket from the input files.
fn address_and_files(arguments: &CoordinatorArguments) -> Result<(Address, Vec<Utf8PathBuf>), Failure> {
    let mut files = arguments.operands.clone();
    let address = match &arguments.listen {
        Some(address) => address.clone(),
        None if files.first().is_some_and(|first| names_a_socket(first.as_std_path())) => {
            RealAddress::of_socket(&files.remove(0)).map_err(|error| Failure::Usage(error.to_string()))?
        }
        None => RealAddress::Unix(default_socket()),
    };
    if files.is_empty() {
        return Err(Failure::Usage(format!("no input files: name at least one after the socket `{address}`")));
    }
    Ok((Address::from(&address), files))
}

/// The inputs, looked at only if their lengths matter: to split large ones or to join small ones.
fn inputs(files: &[Utf8PathBuf], lengths_matter: bool) -> Result<Vec<InputFile>, Failure> {
    if lengths_matter {
        return measured_inputs(files);
    }
    Ok(files.iter().map(|file| InputFile { path: file.to_string(), len: None }).collect())
}
