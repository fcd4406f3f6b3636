//! One rehearsal: a coordinator and workers on simulated nodes, a job, a fault plan, and a verdict.

use std::num::NonZeroUsize;
use std::time::Duration;

use futures::channel::mpsc;
use mr_core::app::Guarded;
use mr_core::coordinator::{Coordinator, Event, Observer, serve};
use mr_core::ids::{AttemptId, MapAttempt};
use mr_core::protocol::Ending;
use mr_core::sequential;
use mr_core::tasks::Limits;
use mr_core::worker::{self, WorkerConfig, WorkerError};
use sim::{Cluster, Finished, Plan, Report, Seed, Settings, SimWorld, run};
use world::{Address, Clock, Network, Timestamp, World};

use crate::draw::{ClusterShape, Drawn, Workload};
use crate::invariants::Promises;
use crate::word_count::WordCount;

/// Longer than any plan keeps the coordinator from its workers: in a rehearsal nobody gives up.
const RETRY_FOR: Duration = Duration::from_secs(120);

/// In the history: this attempt is the one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Committed(pub(crate) AttemptId);

/// In the history: this map output was found bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Lost(pub(crate) MapAttempt);

/// In the history: how the job ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Ended(pub(crate) Option<String>);

/// Which kind of promise was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// Something happened that must never happen.
    Safety(String),
    /// Something did not happen although every fault had healed.
    Liveness(String),
    /// The program crashed.
    Panic(String),
}

/// What came of a rehearsal.
#[derive(Debug)]
pub struct Rehearsal {
    /// The promise broken, if any.
    pub broken: Option<Broken>,
    /// What the simulator reports.
    pub report: Report,
}

/// Runs `drawn` under `seed`.
#[must_use]
pub fn rehearse(seed: u64, drawn: &Drawn, recording: bool) -> Rehearsal {
    let settings = Settings { limit: liveness_bound(drawn), ..Settings::new(Seed(seed)) };
    let mut promises = Promises::new(oracle(&drawn.workload));
    let report = run(&settings, &drawn.plan, &mut promises, recording, |cluster| {
        set_up(cluster, drawn.cluster, &drawn.workload);
    });
    let broken = match &report.finished {
        Finished::AllNodesDone => promises.broken_at_the_end.map(Broken::Safety),
        Finished::Stopped(broken) => Some(Broken::Safety(broken.clone())),
        Finished::TimeLimit { unfinished } => Some(Broken::Liveness(format!("{unfinished:?} did not finish"))),
        Finished::Spinning { node } => Some(Broken::Liveness(format!("{node} is busy doing nothing"))),
        Finished::Panicked { node, message } => Some(Broken::Panic(format!("{node}: {message}"))),
    };
    Rehearsal { broken, report }
}

/// How long after the last fault everybody must have finished: every task can be overdue once more, one after the other, and then
/// workers may look for a coordinator that has gone for as long as they were told to.
fn liveness_bound(drawn: &Drawn) -> Duration {
    let tasks =
        drawn.workload.job(drawn.cluster).splits(mr_core::app::InputKind::Line).len() as u64 + drawn.workload.reduces;
    let tasks = u32::try_from(tasks).expect("a few");
    drawn.cluster.task_timeout * 2 * (tasks + 1) + Duration::from_secs(30) + RETRY_FOR
}

fn set_up(cluster: &Cluster, shape: ClusterShape, workload: &Workload) {
    for (number, bytes) in workload.inputs.iter().enumerate() {
        cluster.files().write(&Workload::input_name(number), bytes);
    }
    let job = workload.job(shape);
    cluster.node("coordinator", Duration::ZERO, move |world| {
        let job = job.clone();
        async move {
            let address = Address::new("coordinator");
            let listener = world.network().listen(&address).await.expect("nobody else listens there");
            let (_orders, order_receiver) = mpsc::unbounded();
            serve(&world, listener, job, &mut Notes(world.clone()), order_receiver).await;
        }
    });
    let limits = Limits { map_buffer: usize::try_from(workload.map_buffer).expect("it fits"), ..Limits::default() };
    for name in shape.names() {
        let slots = NonZeroUsize::new(usize::try_from(shape.slots).expect("a few")).expect("at least one");
        let config = WorkerConfig {
            coordinator: Address::new("coordinator"),
            slots,
            dir: ".".into(),
            out: ".".into(),
            limits,
            retry_for: RETRY_FOR,
            name: name.clone(),
        };
        cluster.node(&name, Duration::ZERO, move |world| {
            let config = config.clone();
            async move {
                // Whoever looks after the cluster starts a worker anew that could not go on.
                while worker::run(world.clone(), config.clone(), &WordCount).await.is_err_and(|error| goes_on(&error)) {
                    world.clock().sleep(Duration::from_secs(1)).await;
                }
            }
        });
    }
}

/// Whether a worker that failed so should be started anew. One that has lost its coordinator should not: in a rehearsal
/// that has left for good.
fn goes_on(error: &WorkerError) -> bool {
    !matches!(error, WorkerError::Coordinator(_))
}

/// Puts the coordinator's events into the history.
struct Notes(SimWorld);

impl Observer for Notes {
    fn observe(&mut self, _now: Timestamp, event: &Event, _coordinator: &Coordinator) {
        match event {
            Event::AttemptCommitted { attempt, .. } => self.0.note(Committed(*attempt)),
            Event::MapOutputLost { map, .. } => self.0.note(Lost(*map)),
            Event::JobEnded { ending: Ending::Succeeded } => self.0.note(Ended(None)),
            Event::JobEnded { ending: Ending::Failed { reason } } => self.0.note(Ended(Some(reason.clone()))),
            _ => {}
        }
    }
}

/// What the sequential run says that each output must be. It runs in a world of its own in which nothing goes wrong.
fn oracle(workload: &Workload) -> Vec<Vec<u8>> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let settings = Settings::new(Seed(0));
    let _ = run(&settings, &Plan::default(), &mut (), false, |cluster| {
        for (number, bytes) in workload.inputs.iter().enumerate() {
            cluster.files().write(&Workload::input_name(number), bytes);
        }
        let inputs: Vec<String> = (0..workload.inputs.len()).map(Workload::input_name).collect();
        let reduces = mr_core::ids::Reduces::new(u32::try_from(workload.reduces).expect("a few"));
        cluster.node("oracle", Duration::ZERO, move |world| {
            let (inputs, sender) = (inputs.clone(), sender.clone());
            async move {
                let app = Guarded::new(std::sync::Arc::new(WordCount));
                let outputs = sequential::run(&world, &app, &inputs, Some(reduces)).await;
                sender.send(outputs.expect("nothing goes wrong here")).expect("somebody waits");
            }
        });
    });
    receiver.recv().expect("the oracle has spoken")
}
