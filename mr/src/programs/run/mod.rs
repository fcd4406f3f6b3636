//! `mr run`: a whole cluster on this machine for the length of one job.
//!
//! The coordinator runs in this process, so that its events can be shown; each worker is a process of its own, so that an app
//! that crashes takes nothing else with it.

mod cluster;
mod command;
mod display;
mod ear;
mod milestones;
mod places;
mod plugin;

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::thread;

use camino::Utf8PathBuf;
use clap::Args;
use futures::channel::mpsc;
use futures::{FutureExt, select_biased};
use mr_core::app::AppIdentity;
use mr_core::coordinator::serve;
use mr_core::job::{InputFile, Job};
use mr_core::protocol::Ending;
use mr_core::worker::remove_job_files;
use world::{Address, Network as _, World};

use self::cluster::{Cluster, LEAVE_WITHIN};
pub(super) use self::command::RETRY_FOR;
use self::command::WorkerCommand;
use self::display::Display;
use self::milestones::Milestones;
use self::places::{PrivateDirectory, check_intermediate};
use self::plugin::RunApp;
use super::inputs::measured_inputs;
use super::new_job_id;
use super::outputs::{Belonging, Outputs};
use super::signals::{INTERRUPTED, Interruptions, notice_deaths_of_children};
use crate::cli::{Failure, JobOptions, JoinSize, LogOptions, SplitSize, WorkerOptions, at_least_one, start_log};
use crate::real::RealWorld;
use crate::real::address::RealAddress;

/// How many maps each slot should have when files are small and many: the last one that runs holds up all reduces.
const MAPS_PER_SLOT: u64 = 4;

/// Run a job on this machine: a coordinator and some worker processes.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The app: the name of a built-in one (`mr apps` lists them), or the `.so` file of a plugin
    pub app: String,

    /// Input files, regular ones
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<Utf8PathBuf>,

    /// Worker processes. One that dies is replaced, until 4 times as many and 5 more have died in a row without finishing a task: 13 of
    /// 2 workers [default: one per core]
    #[arg(long, value_name = "N", value_parser = at_least_one::<NonZeroUsize>)]
    pub workers: Option<NonZeroUsize>,

    /// Cut larger inputs into pieces of this size at line ends, or `whole`
    #[arg(long, value_name = "SIZE", default_value = "32MiB")]
    pub split_size: SplitSize,

    /// Let small files, neighbours on the command line, share a map that reads at most this much, or `never` [default: a quarter of
    /// each slot's share of all bytes, at most the split size; never with --split-size whole]
    #[arg(long, value_name = "SIZE")]
    pub join_size: Option<JoinSize>,

    /// How the job runs.
    #[command(flatten)]
    pub job: JobOptions,

    /// How the workers run.
    #[command(flatten)]
    pub worker: WorkerOptions,

    /// How much to tell.
    #[command(flatten)]
    pub log: LogOptions,
}

/// What a job needs before it can start.
struct Prepared {
    private: PrivateDirectory,
    app: RunApp,
    identity: AppIdentity,
    inputs: Vec<InputFile>,
    outputs: Outputs,
}

/// Runs the job and tells how it went.
///
/// # Errors
///
/// When the input makes no sense, the output directory cannot be used, or the job fails.
pub async fn run(arguments: RunArguments) -> Result<(), Failure> {
    start_log(&arguments.log)?;
    let world = RealWorld::new();
    // Before anything is made that a signal would leave behind.
    let milestones = Arc::new(Milestones::default());
    let noted = milestones.clone();
    let mut interruptions = Interruptions::listen(move || noted.ended())?;
    notice_deaths_of_children()?;
    let prepared = select_biased! {
        prepared = prepare(&arguments).fuse() => prepared?,
        () = interruptions.next().fuse() => return Err(Failure::Interrupted),
    };
    let Prepared { private, app, identity, inputs, outputs } = prepared;

    let job_id = new_job_id(&world);
    let workers = arguments.workers.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let join_size = join_size(&arguments, &inputs, workers);
    let job = arguments.job.job(job_id, inputs, arguments.split_size, join_size);
    let job = Job { app: Some(identity), ..job };
    let (orders, order_receiver) = mpsc::unbounded();
    let hurried = interruptions.obey(orders.clone(), job.exit_grace() + LEAVE_WITHIN);

    let address = RealAddress::Unix(private.socket());
    let listening = world.network().listen(&Address::from(&address)).await;
    let listener = listening.map_err(|error| Failure::Environment(error.to_string()))?;
    let mut display = Display::new(&arguments.app, workers, milestones.clone());
    let command = WorkerCommand::new(&arguments, &app, &address, outputs.lock(), display.has_bars())?;
    let cluster = Cluster::start(command, workers, &orders, &milestones).await?;
    // Only now, when nothing else can keep the job from starting: the workers have been started, but get no task before it is served.
    if let Err(failure) = outputs.remove_earlier() {
        cluster.kill().await;
        return Err(failure);
    }
    let (ending, coordinator) = serve(&world, listener, job, &mut display, order_receiver).await;
    cluster.stop(hurried).await;
    // Workers that died cannot have cleaned up.
    remove_job_files(&world, job_id, arguments.worker.dir(), &arguments.worker.out).await;
    display.close();
    match ending {
        Ending::Succeeded => {
            display.summarise(&coordinator.progress(), outputs.directory());
            Ok(())
        }
        Ending::Failed { reason } if reason == INTERRUPTED => Err(Failure::Interrupted),
        Ending::Failed { reason } => Err(Failure::Job(reason)),
    }
}

/// How many bytes of small files may share a map: so few that there are maps enough to keep all slots busy to the end.
fn join_size(arguments: &RunArguments, inputs: &[InputFile], workers: NonZeroUsize) -> JoinSize {
    if let Some(size) = arguments.join_size {
        return size;
    }
    let Some(most) = arguments.split_size.bytes() else { return JoinSize::NEVER };
    let bytes = inputs.iter().filter_map(|input| input.len).fold(0_u64, u64::saturating_add);
    let slots = (workers.get() as u64).saturating_mul(arguments.worker.slots.get() as u64);
    // Empty files share a map even where there are too few bytes for all.
    JoinSize(NonZeroU64::new((bytes / slots.saturating_mul(MAPS_PER_SLOT)).clamp(1, most.get())))
}

/// Everything that can be wrong with what the person has asked for is told here, and the output directory is ours afterwards.
async fn prepare(arguments: &RunArguments) -> Result<Prepared, Failure> {
    let private = PrivateDirectory::make().await?;
    let app = RunApp::load(&arguments.app, &private)?;
    let created = app.source.create(&arguments.job.arg);
    created.map_err(|error| Failure::Usage(format!("the app `{}` cannot start: {error}", arguments.app)))?;
    let inputs = measured_inputs(&arguments.files)?;
    let outputs = Outputs::claim(&arguments.worker.out, &arguments.files, Belonging::All).await?;
    check_intermediate(arguments.worker.dir())?;
    let identity = app.source.identity();
    Ok(Prepared { private, app, identity, inputs, outputs })
}
