//! A worker that takes its time: it speaks the protocol as the real one does, and lets time pass where that one would work.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mr_core::app::{AppIdentity, InputKind};
use mr_core::counters::Counters;
use mr_core::ids::{AttemptId, MapAttempt, TaskId, WorkerId};
use mr_core::protocol::{Assigned, AttemptProgress, Failure, Registration, Reply, Request, decode, encode_request};
use sim::SimWorld;
use world::{Address, Clock, Network, Work, World};

use super::disks::Disk;
use super::rates::Rates;
use super::watch::{Flow, Moved};
use super::{COORDINATOR, JOB};

/// How often progress is shown, on a usual machine.
const SLICE: Duration = Duration::from_secs(2);

/// What the worker is at.
#[derive(Default)]
struct Present {
    attempt: Mutex<Option<AttemptId>>,
    ticks: AtomicU64,
    /// Nobody wants it any more.
    stopped: AtomicBool,
    /// The job is over.
    ended: AtomicBool,
}

impl Present {
    fn begin(&self, attempt: Option<AttemptId>) {
        *self.attempt.lock().expect("nobody panics here") = attempt;
        self.ticks.store(0, Ordering::Relaxed);
        self.stopped.store(false, Ordering::Relaxed);
    }

    fn is_wanted(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed) && !self.ended.load(Ordering::Relaxed)
    }
}

/// Asks until there is an answer.
async fn ask(world: &SimWorld, request: &Request) -> Reply {
    let address = Address::new(COORDINATOR);
    loop {
        if let Ok(reply) = world.network().call(&address, encode_request(Some(JOB), request)).await {
            return decode(&reply).expect("the coordinator speaks the protocol");
        }
        world.clock().sleep(Duration::from_secs(1)).await;
    }
}

/// Works until the job of so many `maps` is over.
pub(super) async fn work(world: SimWorld, rates: Arc<Rates>, maps: u32, disk: Disk) {
    let app = AppIdentity { name: "sort".into(), version: "1".into(), input: InputKind::WholeFile };
    let register = Request::Register { nonce: world.entropy(), app, name: world.node().name().to_owned() };
    let Reply::Registered(registration) = ask(&world, &register).await else { return };
    let worker = registration.worker;
    let present = Arc::new(Present::default());
    world.spawn(beat(world.clone(), registration, Arc::clone(&present)));
    let mut labour = Labour { world, rates, worker, present, maps, known_maps: 0, disk };
    let mut question = 1;
    loop {
        match ask(&labour.world, &Request::AskTask { worker, question }).await {
            Reply::Run(assignment) => {
                question += 1;
                labour.present.begin(Some(assignment.attempt));
                labour.run(assignment.attempt, &assignment.work).await;
                labour.present.begin(None);
            }
            Reply::Wait => {}
            Reply::Obsolete => question += 1,
            _ => break,
        }
    }
    labour.present.ended.store(true, Ordering::Relaxed);
    ask(&labour.world, &Request::Goodbye { worker }).await;
}

/// Shows that the worker lives, and how far it has come.
async fn beat(world: SimWorld, registration: Registration, present: Arc<Present>) {
    let worker = registration.worker;
    while !present.ended.load(Ordering::Relaxed) {
        world.clock().sleep(registration.heartbeat_interval).await;
        let attempt = *present.attempt.lock().expect("nobody panics here");
        let ticks = present.ticks.load(Ordering::Relaxed);
        let running = attempt.map(|attempt| AttemptProgress { attempt, ticks }).into_iter().collect();
        if let Reply::Heard { obsolete, ended } = ask(&world, &Request::Heartbeat { worker, running }).await {
            let present_attempt = *present.attempt.lock().expect("nobody panics here");
            if present_attempt.is_some_and(|attempt| obsolete.contains(&attempt)) {
                present.stopped.store(true, Ordering::Relaxed);
            }
            if ended.is_some() {
                present.ended.store(true, Ordering::Relaxed);
            }
        }
    }
}

struct Labour {
    world: SimWorld,
    rates: Arc<Rates>,
    worker: WorkerId,
    present: Arc<Present>,
    maps: u32,
    /// How much of the list of commits it has been told.
    known_maps: u64,
    disk: Disk,
}

/// What came of an attempt.
enum Outcome {
    Done,
    Unwanted,
    /// The output of this map, which was to be fetched next, is gone, and those of the others as well.
    Stranded(MapAttempt, Vec<MapAttempt>),
}

impl Labour {
    async fn run(&mut self, attempt: AttemptId, work: &Assigned) {
        let worker = self.worker;
        let outcome = match *work {
            Assigned::Map { .. } => self.map(attempt).await,
            Assigned::Reduce { map_outputs, .. } => self.reduce(attempt, map_outputs).await,
        };
        match outcome {
            Outcome::Unwanted => {}
            Outcome::Done => {
                ask(&self.world, &Request::Done { worker, attempt, counters: Counters::default(), question: None })
                    .await;
            }
            Outcome::Stranded(map, missing) => {
                let failure = Failure::BadMapOutput { map, reason: "its machine does not answer".to_owned(), missing };
                ask(&self.world, &Request::Failed { worker, attempt, failure }).await;
            }
        }
    }

    async fn map(&self, attempt: AttemptId) -> Outcome {
        let Rates { map_bytes, map_rate, .. } = *self.rates;
        if !self.moves(Flow::Input, map_bytes, map_rate).await {
            return Outcome::Unwanted;
        }
        if let TaskId::Map(map) = attempt.task {
            self.disk.keep(MapAttempt { map, attempt: attempt.attempt });
        }
        Outcome::Done
    }

    async fn reduce(&mut self, attempt: AttemptId, map_outputs: u64) -> Outcome {
        let Rates { reduce_bytes, shuffle_rate, write_rate, .. } = *self.rates;
        self.learn_map_outputs(map_outputs).await;
        // One output after the other is fetched.
        let pieces = Self::slices(reduce_bytes, shuffle_rate);
        for piece in 0..pieces {
            if !self.moves(Flow::Shuffle, reduce_bytes / pieces, shuffle_rate).await {
                return Outcome::Unwanted;
            }
            let first = |piece: u64| (u64::from(self.maps) * piece / pieces) as u32;
            if let Some(&map) = self.disk.all().missing(map_outputs, first(piece)..first(piece + 1)).first() {
                let mut others = self.disk.all().missing(map_outputs, 0..self.maps);
                others.retain(|other| *other != map);
                return Outcome::Stranded(map, others);
            }
        }
        let written = self.moves(Flow::Output, reduce_bytes, write_rate).await && self.may_commit(attempt).await;
        if written { Outcome::Done } else { Outcome::Unwanted }
    }

    /// In how many slices of time a usual machine moves `bytes`.
    fn slices(bytes: u64, rate: u64) -> u64 {
        let nanos = (bytes as f64 / rate as f64 * 1e9) as u64;
        nanos.div_ceil(SLICE.as_nanos() as u64)
    }

    /// Moves bytes and shows progress; says whether it came to the end, still wanted.
    async fn moves(&self, flow: Flow, bytes: u64, rate: u64) -> bool {
        let nanos = (bytes as f64 / rate as f64 * 1e9) as u64;
        let slices = Self::slices(bytes, rate);
        for _ in 0..slices {
            if !self.present.is_wanted() {
                return false;
            }
            self.world.charge(Work { bytes: nanos / slices, records: 0 }).await;
            self.world.note(Moved(flow, bytes / slices));
            self.present.ticks.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// Asks which outputs to read, as often as it takes, and keeps no more than their number.
    async fn learn_map_outputs(&mut self, count: u64) {
        while self.known_maps < count {
            let request = Request::MapOutputs { worker: self.worker, known: self.known_maps };
            let Reply::MapOutputs { commits } = ask(&self.world, &request).await else { return };
            self.disk.all().list(self.known_maps, &commits);
            self.known_maps += commits.len() as u64;
        }
    }

    async fn may_commit(&self, attempt: AttemptId) -> bool {
        loop {
            match ask(&self.world, &Request::AskCommit { worker: self.worker, attempt }).await {
                Reply::Commit => return true,
                Reply::Wait if self.present.is_wanted() => {}
                _ => return false,
            }
        }
    }
}
