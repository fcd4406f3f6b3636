//! The job, and how it is set up in either world.

use std::future::pending;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures::channel::mpsc;
use mr_core::coordinator::serve;
use mr_core::ids::{JobId, Reduces};
use mr_core::job::{InputFile, Job};
use mr_core::tasks::Limits;
use mr_core::worker::{self, WorkerConfig};
use sim::{Finished, Plan, Recording, Seed, Settings};
use world::{Address, Network, World};

use crate::turmoil_world::files::MemoryFiles;
use crate::turmoil_world::{TimedFiles, TurmoilWorld};

const COORDINATOR: &str = "coordinator";

/// How large a job is, and on how many workers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    workers: usize,
    maps: usize,
    reduces: u32,
}

impl Size {
    pub(crate) const SMALL: Self = Self { workers: 3, maps: 8, reduces: 10 };
    pub(crate) const LARGE: Self = Self { workers: 50, maps: 400, reduces: 20 };

    fn job(self) -> Job {
        let inputs = self.inputs().map(|(path, text)| InputFile { path, len: Some(text.len() as u64) });
        Job { reduces: Reduces::new(self.reduces), ..Job::new(JobId(1), inputs.collect()) }
    }

    /// Some 200 bytes of words each.
    fn inputs(self) -> impl Iterator<Item = (String, String)> {
        (0..self.maps).map(|map| {
            let words: Vec<String> = (0..50).map(|word| format!("w{}", (map * 31 + word * 17) % 40)).collect();
            (format!("in-{map}"), words.join(" ") + "\n")
        })
    }
}

fn config(name: &str) -> WorkerConfig {
    WorkerConfig {
        coordinator: Address::new(COORDINATOR),
        slots: NonZeroUsize::MIN,
        dir: ".".into(),
        out: ".".into(),
        limits: Limits::default(),
        retry_for: Duration::from_secs(10),
        name: name.to_owned(),
    }
}

fn names(size: Size) -> impl Iterator<Item = String> {
    (1..=size.workers).map(|number| format!("w{number}"))
}

async fn coordinate<W: World>(world: W, job: Job) {
    let listener = world.network().listen(&Address::new(COORDINATOR)).await.expect("nobody else listens there");
    let (_orders, order_receiver) = mpsc::unbounded();
    serve(&world, listener, job, &mut (), order_receiver).await;
}

async fn work<W: World>(world: W, name: String) {
    let app = mr_apps::builtin("wc").expect("it is there");
    worker::run(world, config(&name), app, pending()).await.expect("nothing goes wrong");
}

/// Runs it in the simulated world.
pub(crate) fn in_sim(size: Size, seed: u64) {
    let job = size.job();
    let report = sim::run(&Settings::new(Seed(seed)), &Plan::default(), &mut (), Recording::Nothing, |cluster| {
        for (path, text) in size.inputs() {
            cluster.files().write(&path, text.as_bytes());
        }
        cluster.node(COORDINATOR, Duration::ZERO, move |world| coordinate(world, job.clone()));
        for name in names(size) {
            cluster.node(&name.clone(), Duration::ZERO, move |world| work(world, name.clone()));
        }
    });
    assert_eq!(report.finished, Finished::AllNodesDone);
}

/// Runs it on turmoil, where each step on files takes `step`.
pub(crate) fn on_turmoil(size: Size, seed: u64, step: Duration) {
    let files = TimedFiles { files: MemoryFiles::default(), step };
    for (path, text) in size.inputs() {
        files.files.put(&path, text.as_bytes());
    }
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::from_millis(1))
        .simulation_duration(Duration::from_secs(600))
        .build();
    let (job, shared) = (size.job(), files.clone());
    sim.host(COORDINATOR, move || {
        let (job, files) = (job.clone(), shared.clone());
        async move {
            coordinate(TurmoilWorld::new(files, 0), job).await;
            Ok(())
        }
    });
    for (number, name) in (1..).zip(names(size)) {
        let files = files.clone();
        sim.client(name.clone(), async move {
            work(TurmoilWorld::new(files, number), name).await;
            Ok(())
        });
    }
    sim.run().expect("nothing goes wrong");
    assert!((0..size.reduces).all(|partition| files.files.get(&format!("./mr-out-{partition}")).is_some()));
}
