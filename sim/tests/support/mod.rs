//! Small systems and watchers for the tests.
#![allow(dead_code, unreachable_pub, reason = "every test file is a crate of its own and uses its own part of this")]

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::Utf8Path;
use sim::{
    Cluster, DiskView, Event, Fault, FaultKind, Finished, History, Observer, Plan, Recording, Report, Seed, Settings,
    SimWorld, Trigger, run,
};
use world::{Address, Answer, CallError, Clock, File, FileSystem, Listener, Network, Responder, World};

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub fn at(time: Duration, what: FaultKind) -> Fault {
    Fault { when: Trigger::At(time), what }
}

pub fn plan(faults: impl IntoIterator<Item = Fault>) -> Plan {
    Plan { faults: faults.into_iter().collect() }
}

/// Runs `system` with a history.
pub fn record(seed: u64, plan: &Plan, system: impl FnOnce(&Cluster)) -> (Report, History) {
    let mut report = run(&Settings::new(Seed(seed)), plan, &mut (), Recording::History, system);
    let history = report.history.take().expect("recording was asked for");
    (report, history)
}

/// Keeps what is on the disk when the run ends.
#[derive(Default)]
pub struct Last(pub Vec<(String, Vec<u8>)>);

impl Observer for Last {
    fn observe(&mut self, _at: Duration, _event: &Event, _disk: &DiskView<'_>) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }

    fn ended(&mut self, _at: Duration, _finished: &Finished, disk: &DiskView<'_>) {
        self.0 = disk.files().map(|path| (path.to_owned(), disk.read(path).unwrap().to_vec())).collect();
    }
}

/// What is on the disk when the run has ended, for each of some seeds.
pub fn leftovers(faults: &Plan, system: impl Fn(&Cluster)) -> Vec<Vec<(String, Vec<u8>)>> {
    let one = |seed| {
        let mut last = Last::default();
        run(&Settings::new(Seed(seed)), faults, &mut last, Recording::Nothing, &system);
        last.0
    };
    (0..100).map(one).collect()
}

/// Something that a node leaves behind for the test.
pub struct Left<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Left<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Left<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Left<T> {
    pub fn leave(&self, what: T) {
        self.0.lock().unwrap().push(what);
    }

    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

pub fn path(path: &str) -> &Utf8Path {
    Utf8Path::new(path)
}

/// Calls `to`, and gives up after `patience`.
pub async fn call(
    world: &SimWorld,
    to: &str,
    request: &[u8],
    patience: Duration,
) -> Option<Result<Vec<u8>, CallError>> {
    use futures::future::{Either, select};
    let address = Address::new(to);
    let call = std::pin::pin!(world.network().call(&address, request.to_vec()));
    match select(call, std::pin::pin!(world.clock().sleep(patience))).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}

/// Answers every request with itself, until it is `stop`.
pub async fn echo(world: SimWorld, served: Left<Vec<u8>>) {
    let mut listener = world.network().listen(&Address::new(world.node().name())).await.unwrap();
    loop {
        let (request, responder) = listener.accept().await;
        served.leave(request.clone());
        let stop = request == b"stop";
        responder.respond(Answer::Reply(request));
        if stop {
            world.clock().sleep(secs(1)).await;
            return;
        }
    }
}

/// Writes a whole file: create, append, and the syncs asked for.
pub async fn write(world: &SimWorld, name: &str, bytes: &[u8], sync: bool, sync_dir: bool) {
    let mut file = world.files().create(path(name)).await.unwrap();
    file.append(bytes).await.unwrap();
    if sync {
        file.sync().await.unwrap();
    }
    if sync_dir {
        world.files().sync_dir(path(name).parent().unwrap()).await.unwrap();
    }
}

/// Two clients that call a server, write what it said and go; the server stays until both are gone.
pub fn small_system(cluster: &Cluster) {
    cluster.node("server", ms(0), |world| async move {
        let mut listener = world.network().listen(&Address::new("server")).await.unwrap();
        let mut bytes = 0;
        while bytes < 20 {
            let (request, responder) = listener.accept().await;
            bytes += request.len();
            // Of one length, so that a client does not feel how far the other has come.
            responder.respond(Answer::Reply(format!("{bytes:04}").into_bytes()));
        }
        world.clock().sleep(ms(500)).await;
    });
    for name in ["one", "two"] {
        cluster.node(name, ms(10), |world| async move {
            for nth in 0..10 {
                let answer = loop {
                    match call(&world, "server", b"x", ms(200)).await {
                        Some(Ok(answer)) => break answer,
                        _ => world.clock().sleep(ms(20)).await,
                    }
                };
                let name = format!("{}-{nth}-{}", world.node(), world.starts());
                if world.files().metadata(path(&name)).await.is_err() {
                    write(&world, &name, &answer, true, true).await;
                }
            }
        });
    }
}

/// The events that `pick` makes something of.
pub fn picked<T>(history: &History, pick: impl Fn(Duration, &Event) -> Option<T>) -> Vec<T> {
    history.iter().filter_map(|(at, event)| pick(*at, event)).collect()
}
