//! The sort of the MapReduce paper (section 5.3) on a cluster as large as its own: 1,746 machines, a terabyte in 15,000 maps and 4,000
//! reduces, run by the coordinator that everybody gets, over simulated messages, against workers that only take their time.
//!
//! What is real: [`serve`], every message and its encoding, registration, heartbeats, the list of map outputs, the gate before a commit,
//! backups, timeouts. What is a model: how long things take, see [`Rates`]; a worker computes nothing and writes nothing. Whose outputs
//! are still there is kept in a table: as in the paper's system each machine has a disk of its own, which dies with the worker (our
//! own workers share a file system).
//!
//! Three things differ from the paper's system and are not hidden. No reduce shuffles before all maps are committed. That outputs are gone
//! is noticed when a reduce misses them, and not when a worker dies. And such a reduce does not wait with what it has: it reports all
//! that is missing, and begins anew when that is made again.

mod disks;
mod rates;
mod watch;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc;
use mr_core::coordinator::{self, Coordinator, Event, serve};
use mr_core::ids::{JobId, Reduces};
use mr_core::job::{InputFile, Job};
use sim::{Cluster, ComputeModel, Fault, FaultKind, Plan, Recording, Seed, Settings, Trigger};
use world::{Address, Network, Timestamp, World};

use self::disks::{Disk, Disks};
pub use self::rates::Rates;
use self::watch::{Ended, Watch};
pub use self::watch::{Flow, Sorted};
use crate::notes::Happened;

const COORDINATOR: &str = "coordinator";
/// The one job.
const JOB: JobId = JobId(1);

/// What is sorted, by whom, and what goes wrong.
#[derive(Debug, Clone)]
pub struct Sort {
    /// How many machines work.
    pub workers: usize,
    /// How many map tasks there are.
    pub maps: usize,
    /// How many reduce tasks.
    pub reduces: u32,
    /// Whether stragglers get backups.
    pub backup_tasks: bool,
    /// How many machines turn slow on the way.
    pub slow: usize,
    /// How many workers are killed on the way, to be started again at once.
    pub killed: usize,
    /// How fast a machine is.
    pub rates: Rates,
}

impl Sort {
    /// The paper's sort, with the slow machines that it must have had: five stragglers are all that it tells of.
    #[must_use]
    pub fn of_the_paper() -> Self {
        let rates = Rates::of_the_paper();
        Self { workers: 1746, maps: 15_000, reduces: 4000, backup_tasks: true, slow: 5, killed: 0, rates }
    }

    /// The same for every machine, on `divisor` times as few; at least one stays slow.
    #[must_use]
    pub fn scaled_down(self, divisor: usize) -> Self {
        Self {
            workers: self.workers / divisor,
            maps: self.maps / divisor,
            reduces: self.reduces / divisor as u32,
            slow: self.slow.div_ceil(divisor),
            killed: self.killed.div_ceil(divisor),
            ..self
        }
    }

    /// Without backups.
    #[must_use]
    pub fn without_backups(self) -> Self {
        Self { backup_tasks: false, ..self }
    }

    /// With so many workers killed.
    #[must_use]
    pub fn with_killed(self, killed: usize) -> Self {
        Self { killed, ..self }
    }

    /// Runs it. A seed tells how fast each machine is and how long each message takes.
    ///
    /// # Panics
    ///
    /// When the job does not end: the model has no reason not to.
    #[must_use]
    pub fn run(&self, seed: u64) -> Sorted {
        let settings = Settings {
            compute: ComputeModel {
                // Work is told in nanoseconds that a usual machine takes for it.
                nanos_per_byte: 1.0,
                nanos_per_record: 0.0,
                slowness: (0..self.workers).map(|index| (name(index), self.rates.slowness(seed, index))).collect(),
            },
            limit: Duration::from_hours(2),
            event_limit: u64::MAX,
            ..Settings::new(Seed(seed))
        };
        let mut watch = Watch::default();
        let report = sim::run(&settings, &self.plan(), &mut watch, Recording::Nothing, |cluster| self.set_up(cluster));
        watch.sorted(&report)
    }

    /// Machines turn slow, and workers are killed, all over the cluster.
    fn plan(&self) -> Plan {
        let spread = |count: usize, offset: usize| {
            (0..count).map(move |index| name((index * self.workers / count.max(1) + offset) % self.workers))
        };
        let slow = spread(self.slow, 0).map(|node| FaultKind::SlowCompute {
            node,
            factor: self.rates.slow_factor,
            duration: Duration::from_hours(1),
        });
        let killed =
            spread(self.killed, 1).map(|node| FaultKind::Crash { node, restart_after: Some(self.rates.restart) });
        let at = |moment: Duration| move |what| Fault { when: Trigger::At(moment), what };
        Plan { faults: slow.map(at(self.rates.slow_at)).chain(killed.map(at(self.rates.killed_at))).collect() }
    }

    fn set_up(&self, cluster: &Cluster) {
        let job = self.job();
        cluster.node(COORDINATOR, Duration::ZERO, move |world| {
            let job = job.clone();
            async move {
                let address = Address::new(COORDINATOR);
                let listener = world.network().listen(&address).await.expect("nobody else listens there");
                let (_orders, order_receiver) = mpsc::unbounded();
                serve(&world, listener, job, &mut Announcer(world.clone()), order_receiver).await;
            }
        });
        let (rates, maps) = (Arc::new(self.rates.clone()), self.maps as u32);
        let disks = Arc::new(Disks::default());
        for index in 0..self.workers {
            let (rates, disks) = (Arc::clone(&rates), Arc::clone(&disks));
            let start_after = rates.start_after(index, self.workers);
            cluster.node(&name(index), start_after, move |world| {
                worker::work(world, Arc::clone(&rates), maps, Disk::new(index, Arc::clone(&disks)))
            });
        }
    }

    fn job(&self) -> Job {
        let inputs = (0..self.maps).map(|map| InputFile { path: format!("in/{map}"), len: None }).collect();
        Job {
            reduces: Reduces::new(self.reduces),
            task_timeout: self.rates.task_timeout,
            backup_tasks: self.backup_tasks,
            ..Job::new(JOB, inputs)
        }
    }
}

fn name(worker: usize) -> String {
    format!("w{worker}")
}

/// Puts what the watch wants to know into the history: backups, and the end.
struct Announcer(sim::SimWorld);

impl coordinator::Observer for Announcer {
    fn observe(&mut self, now: Timestamp, event: &Event, coordinator: &Coordinator) {
        match event {
            Event::AttemptAssigned { backup: true, .. } => self.0.note(Happened { at: now, event: event.clone() }),
            Event::JobEnded { .. } => self.0.note(Ended(coordinator.progress())),
            _ => {}
        }
    }
}
