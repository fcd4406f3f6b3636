//! One rehearsal: the very coordinator and workers of `mr-core` on simulated nodes, a job, a fault plan, and a verdict.

use std::future::pending;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::{mpsc, oneshot};
use futures::future::{BoxFuture, Shared};
use mr_core::coordinator::serve;
use mr_core::worker::{self, WorkerConfig, WorkerError};
use sim::{Cluster, DiskView, Event, Finished, Observer, Recording, Report, Seed, Settings, SimWorld, run};
use world::{Address, Clock, Network, World};

use crate::apps::TroubledSource;
use crate::coverage::{Grid, Watcher};
use crate::evidence::{Evidence, Keeper};
use crate::invariants::{Bounds, Broken, Judged, Promises};
use crate::notes::{CoordinatorLeft, NoteTaker, ToldToStop, WorkerLeft, WorkerStarts};
use crate::oracle::Expected;
use crate::places;
use crate::schedule::{ClusterShape, Schedule, WorkerShape};

/// Longer than any of our scenarios keeps the coordinator from its workers, and than their clocks leap: there nobody gives up who has not
/// found the coordinator gone. A plan that keeps them apart for longer may leave nobody to finish the job, and then says so.
pub(crate) const RETRY_FOR: Duration = Duration::from_secs(60);

/// The node that coordinates.
pub(crate) const COORDINATOR: &str = "coordinator";

/// What came of a rehearsal.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The promise broken, if any.
    pub broken: Option<Broken>,
    /// Why nobody was left to finish the job, if the plan has seen to that: then nobody has promised that it ends.
    pub nobody_left: Option<String>,
    /// A hash of all outputs as the job left them; none unless it succeeded. Runs of one workload must agree on it.
    pub outputs: Option<u64>,
    /// What the simulator reports.
    pub report: Report,
    /// What was kept of a recorded run.
    pub evidence: Evidence,
    /// Which faults struck at which step.
    pub coverage: Grid,
}

/// Runs `schedule`. `recording` says what its report keeps.
///
/// To be repeatable to the last event it must have a thread to itself: see [`sim::campaign`].
///
/// # Panics
///
/// When the schedule makes no sense: no partition, no worker slot, or a fault on a node that is not there.
#[must_use]
pub fn rehearse(schedule: &Schedule, recording: Recording) -> Rehearsal {
    let bounds = Bounds::of(schedule);
    up_to(schedule, recording, bounds.liveness, bounds.events)
}

/// The same for no more events than it takes to see that a run goes in circles.
fn rehearse_briefly(schedule: &Schedule, recording: Recording) -> Rehearsal {
    let bounds = Bounds::of(schedule);
    up_to(schedule, recording, bounds.liveness, bounds.fewer_events)
}

/// How to look again, and closely, at a `schedule` that came to so many events, and at smaller ones. Hundreds of thousands that are all the
/// same take minutes, and tell no more than the first of them.
pub(crate) fn looked_at_again(schedule: &Schedule, events: u64) -> fn(&Schedule, Recording) -> Rehearsal {
    let bounds = Bounds::of(schedule);
    // A run that is long, but in no circle, must come to its end.
    if (bounds.fewer_events..bounds.events).contains(&events) { rehearse } else { rehearse_briefly }
}

fn up_to(schedule: &Schedule, recording: Recording, limit: Duration, event_limit: u64) -> Rehearsal {
    let settings = Settings {
        seed: Seed(schedule.seed),
        network: schedule.models.network,
        disk: schedule.models.disk,
        compute: schedule.models.compute.clone(),
        limit,
        event_limit,
    };
    let mut watchers = Watchers {
        promises: Promises::new(schedule, &Expected::of(&schedule.workload)),
        coverage: Watcher::new(schedule),
    };
    let plan = schedule.plan();
    let system = |cluster: &Cluster| set_up(cluster, schedule);
    let (report, evidence) = match recording {
        Recording::Nothing => (run(&settings, &plan, &mut watchers, recording, system), Evidence::default()),
        Recording::History | Recording::HistoryAndLog(_) => {
            let mut keeper = Keeper::new(&mut watchers, schedule.workload.reduces);
            (run(&settings, &plan, &mut keeper, recording, system), keeper.evidence)
        }
    };
    let Judged { broken, outputs, nobody_left } = watchers.promises.verdict(&report);
    Rehearsal { broken, nobody_left, outputs, report, evidence, coverage: watchers.coverage.grid }
}

/// Everybody who watches a run.
struct Watchers<'a> {
    promises: Promises,
    coverage: Watcher<'a>,
}

impl Observer for Watchers<'_> {
    fn observe(&mut self, at: Duration, event: &Event, disk: &DiskView<'_>) -> ControlFlow<String> {
        self.coverage.see(event);
        self.promises.observe(at, event, disk)
    }

    fn ended(&mut self, at: Duration, finished: &Finished, disk: &DiskView<'_>) {
        self.promises.ended(at, finished, disk);
    }
}

fn set_up(cluster: &Cluster, schedule: &Schedule) {
    for (name, bytes) in schedule.workload.input_names().zip(&schedule.workload.inputs) {
        cluster.files().write(&name, &bytes.0);
    }
    cluster.files().write(places::KEEPER, b"");
    set_up_coordinator(cluster, schedule);
    let app = TroubledSource::new(schedule.workload.app, schedule.workload.trouble.clone());
    for (index, &shape) in schedule.cluster.workers.iter().enumerate() {
        set_up_worker(cluster, schedule, index, shape, app.clone());
    }
}

fn set_up_coordinator(cluster: &Cluster, schedule: &Schedule) {
    let job = schedule.workload.job(&schedule.cluster);
    cluster.node(COORDINATOR, Duration::ZERO, move |world| {
        let job = job.clone();
        async move {
            let listener = world.network().listen(&Address::new(COORDINATOR)).await.expect("nobody else listens there");
            let (_orders, order_receiver) = mpsc::unbounded();
            let (ending, _) = serve(&world, listener, job, &mut NoteTaker(world.clone()), order_receiver).await;
            world.note(CoordinatorLeft(ending));
        }
    });
}

fn set_up_worker(cluster: &Cluster, schedule: &Schedule, index: usize, shape: WorkerShape, app: TroubledSource) {
    let name = ClusterShape::worker_name(index);
    let slots = usize::try_from(shape.slots).ok().and_then(NonZeroUsize::new).expect("a worker has at least one slot");
    let config = WorkerConfig {
        coordinator: Address::new(COORDINATOR),
        slots,
        dir: places::intermediate(&schedule.cluster).into(),
        out: places::OUTPUTS.into(),
        limits: schedule.workload.limits.limits(),
        retry_for: RETRY_FOR,
        name: name.clone(),
    };
    cluster.node(&name, shape.start_after, move |world| {
        let (config, app) = (config.clone(), app.clone());
        async move { work(world, &config, &app, shape.stop_after).await }
    });
}

/// Works until the job has ended. Whoever looks after the cluster starts a worker anew that could not go on.
async fn work(world: SimWorld, config: &WorkerConfig, app: &TroubledSource, stop_after: Option<Duration>) {
    let stop = told_to_stop(&world, stop_after);
    loop {
        world.note(WorkerStarts);
        let result = worker::run(world.clone(), config.clone(), app, stop.clone()).await;
        let goes_on = result.as_ref().is_err_and(goes_on);
        world.note(WorkerLeft(result.map_err(|error| error.to_string())));
        if !goes_on {
            return;
        }
        world.clock().sleep(Duration::from_secs(1)).await;
    }
}

/// Comes to pass `after` that time, if ever. It is told whether or not the worker listens.
fn told_to_stop(world: &SimWorld, after: Option<Duration>) -> Shared<BoxFuture<'static, ()>> {
    let Some(after) = after else { return pending().boxed().shared() };
    let (tell, told) = oneshot::channel();
    let own_world = world.clone();
    world.spawn(async move {
        own_world.clock().sleep(after).await;
        own_world.note(ToldToStop);
        // Who does not listen is not told.
        let _ = tell.send(());
    });
    told.map(drop).boxed().shared()
}

/// Whether a worker that failed so should be started anew. One that was told to stop should not, nor one that has lost its coordinator: in a
/// rehearsal that has left for good.
fn goes_on(error: &WorkerError) -> bool {
    !matches!(error, WorkerError::Coordinator(_) | WorkerError::Stopped)
}
