//! The worker: registers, asks for attempts, runs them, and leaves when the job has ended.
//!
//! Its main loop keeps one question open whenever it has a free slot, and otherwise waits: for an attempt to end, or for a
//! heartbeat to learn that the job has ended or the coordinator is gone. Who reports that an attempt is done asks for the next one in the
//! same breath.

mod attempt;
mod buffers;
mod client;
mod files;
mod heartbeat;
mod questions;
mod silence;

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use futures::channel::mpsc;
use futures::future::{BoxFuture, Fuse, FusedFuture, ready, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, select_biased};
use tracing::info;
use world::{Address, Clock, FileError, FileSystem, World};

use self::attempt::Bench;
use self::buffers::SpareBuffers;
use self::client::Client;
use self::files::JobFiles;
use self::heartbeat::{RunningAttempts, Signal};
use self::questions::Questions;
use crate::app::{AppError, AppSource, Guarded};
use crate::ids::{JobId, WorkerId};
use crate::marks;
use crate::protocol::{Assignment, Ending, Registration, Reply, Request};
use crate::tasks::Limits;

pub use client::ClientError;

/// How long a worker that leaves waits for its attempts to stop.
pub const STOP_WITHIN: Duration = Duration::from_millis(300);

/// What a worker is told before it starts.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Where the coordinator listens.
    pub coordinator: Address,
    /// How many attempts may run at once.
    pub slots: NonZeroUsize,
    /// Where the job's directory of intermediate files is made.
    pub dir: Utf8PathBuf,
    /// Where the outputs go.
    pub out: Utf8PathBuf,
    /// How much memory an attempt may use.
    pub limits: Limits,
    /// How long the coordinator is asked again before it is given up, if it is silent or has never answered. An answer may take three
    /// seconds: should one be asked for again, this has to be longer.
    pub retry_for: Duration,
    /// Where a person would look for this worker, such as `pid 4711`.
    pub name: String,
}

/// Why a worker stopped before the job had ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The coordinator does not want this worker.
    #[error("the coordinator refused this worker: {0}")]
    Refused(String),
    /// The coordinator is gone, or speaks another language.
    #[error(transparent)]
    Coordinator(#[from] ClientError),
    /// The coordinator that answers is not the one this worker registered with.
    #[error("the coordinator does not know this worker any more: it was started anew, so start this worker anew too")]
    Forgotten,
    /// The app could not be made.
    #[error("the app cannot start: {0}")]
    App(#[from] AppError),
    /// The job's directories could not be made.
    #[error("no place for the job's files: {0}")]
    Files(#[from] FileError),
    /// This worker was told to stop.
    #[error("told to stop before the job had ended")]
    Stopped,
}

/// Works for the coordinator until the job has ended, or until `stop` comes to pass: then the worker leaves, and says so, so that others get
/// its tasks at once.
///
/// # Errors
///
/// When the worker cannot start, loses the coordinator or is told to stop. What its unfinished attempts wrote is removed.
pub async fn run<W: World>(
    world: W,
    config: WorkerConfig,
    app: &dyn AppSource,
    stop: impl Future<Output = ()> + Send,
) -> Result<Ending, WorkerError> {
    let client = Client::new(world.clone(), config.coordinator.clone(), config.retry_for);
    let mut stop = pin!(stop.fuse());
    let registered = select_biased! {
        // One that is registered all the same is missed by nobody: nothing has been given to it.
        () = stop => return Err(WorkerError::Stopped),
        registered = register(&world, &client, &config, app).fuse() => registered?,
    };
    let registration = match registered {
        Registered::Welcome(registration) => registration,
        Registered::TooLate { job, ending } => {
            world.mark(marks::CAME_TOO_LATE);
            // The worker that this one may have been started to replace cannot have cleaned up.
            remove_job_files(&world, job, &config.dir, &config.out).await;
            return Ok(ending);
        }
    };
    let worker = registration.worker;
    let client = Arc::new(client.of(registration.job));
    let files = JobFiles::new(world.files().clone(), registration.job, &config.dir, &config.out);
    let started = prepare(&files, app, &registration).await;
    let app = match started {
        Ok(app) => app,
        Err(error) => {
            say_goodbye(&client, worker).await;
            return Err(error);
        }
    };
    let bench = Arc::new(Bench {
        world: world.clone(),
        client: client.clone(),
        buffers: SpareBuffers::new(registration.job, config.limits.map_buffer),
        registration,
        app,
        limits: config.limits,
        files,
        map_commits: Mutex::default(),
        questions: Questions::default(),
    });
    let running = RunningAttempts::default();
    let mut attempts = FuturesUnordered::new();
    let ending = work(&world, &bench, &running, &mut attempts, config.slots, stop).await;
    let unfinished = running.stop_all();
    // What they still write would be left behind. An attempt deep in the app's own code is not waited for.
    let stopped = attempts.for_each(|_| ready(()));
    select(pin!(stopped), pin!(world.clock().sleep(STOP_WITHIN))).await;
    match &ending {
        Ok(_) => bench.files.remove_all(world.clock()).await,
        Err(_) => {
            for attempt in unfinished {
                bench.files.discard_unfinished(world.clock(), attempt).await;
            }
            bench.files.remove_empty_directories(world.clock()).await;
        }
    }
    say_goodbye(&client, worker).await;
    ending
}

/// Removes what a job's workers keep below `dir` and in `out` while they run: for whoever knows that none of them runs any
/// more, and that none may have been there at the end to do it.
pub async fn remove_job_files<W: World>(world: &W, job: JobId, dir: &Utf8Path, out: &Utf8Path) {
    JobFiles::new(world.files().clone(), job, dir, out).remove_all(world.clock()).await;
}

enum Registered {
    Welcome(Registration),
    TooLate { job: JobId, ending: Ending },
}

async fn register<W: World>(
    world: &W,
    client: &Client<W>,
    config: &WorkerConfig,
    app: &dyn AppSource,
) -> Result<Registered, WorkerError> {
    let request = Request::Register { nonce: world.entropy(), app: app.identity(), name: config.name.clone() };
    match client.ask(&request).await? {
        Reply::Registered(registration) => {
            info!(worker = %registration.worker, job = %registration.job, "registered");
            Ok(Registered::Welcome(registration))
        }
        Reply::TooLate { job, ending } => Ok(Registered::TooLate { job, ending }),
        Reply::Refused { reason } => Err(WorkerError::Refused(reason)),
        _ => Err(WorkerError::Forgotten),
    }
}

async fn prepare<F: FileSystem>(
    files: &JobFiles<F>,
    app: &dyn AppSource,
    registration: &Registration,
) -> Result<Guarded, WorkerError> {
    let app = Guarded::new(app.create(&registration.app_argument)?);
    files.create_directories().await?;
    Ok(app)
}

/// One that runs. It ends with what its report was answered, if that is about the next one.
type Attempt = BoxFuture<'static, Result<Option<Reply>, ClientError>>;

/// Asks for attempts and runs them until the job has ended or `stop` comes to pass.
async fn work<W: World>(
    world: &W,
    bench: &Arc<Bench<W>>,
    running: &RunningAttempts,
    attempts: &mut FuturesUnordered<Attempt>,
    slots: NonZeroUsize,
    mut stop: Pin<&mut Fuse<impl Future<Output = ()>>>,
) -> Result<Ending, WorkerError> {
    let (signal_sender, mut signals) = mpsc::unbounded();
    let registration = bench.registration.clone();
    let worker = registration.worker;
    world.spawn(heartbeat::beat(world.clone(), bench.client.clone(), registration, running.clone(), signal_sender));

    let mut asking = pin!(Fuse::terminated());
    loop {
        if attempts.len() < slots.get()
            && asking.is_terminated()
            && let Some(question) = bench.questions.open()
        {
            asking.set(ask_task(&bench.client, worker, question).fuse());
        }
        let answer = select_biased! {
            () = stop => return Err(WorkerError::Stopped),
            signal = signals.select_next_some() => match signal {
                Signal::Ended(ending) => return Ok(ending),
                Signal::Lost(error) => return Err(error.into()),
                Signal::Forgotten => return Err(WorkerError::Forgotten),
            },
            reported = attempts.select_next_some() => match reported? {
                Some(answer) => answer,
                None => continue,
            },
            reply = asking => reply?,
        };
        match answer {
            Reply::Run(assignment) => {
                bench.questions.answer();
                attempts.extend(start(world, bench, running, assignment));
            }
            Reply::Wait => bench.questions.put_off(),
            Reply::Obsolete => bench.questions.answer(),
            Reply::Exit(ending) => return Ok(ending),
            _ => return Err(WorkerError::Forgotten),
        }
    }
}

/// Begins what is assigned, unless it runs already.
fn start<W: World>(
    world: &W,
    bench: &Arc<Bench<W>>,
    running: &RunningAttempts,
    assignment: Assignment,
) -> Option<Attempt> {
    let attempt = assignment.attempt;
    let progress = running.start(attempt)?;
    let (bench, running) = (bench.clone(), running.clone());
    // Boxed at once: what an attempt keeps is large, and would be moved at every step to where it runs.
    let run = async move {
        let reported = bench.run(assignment, progress).await;
        running.end(attempt);
        reported
    };
    Some(world.compute(run.boxed()).boxed())
}

async fn ask_task<W: World>(client: &Client<W>, worker: WorkerId, question: u64) -> Result<Reply, ClientError> {
    client.ask(&Request::AskTask { worker, question }).await
}

/// Tells the coordinator, once: it does not wait for long, and may have gone already.
async fn say_goodbye<W: World>(client: &Client<W>, worker: WorkerId) {
    let _ = client.ask_once(&Request::Goodbye { worker }).await;
}
