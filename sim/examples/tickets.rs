//! A second system over `world`, to keep the promise that `sim` knows none: a server of numbered tickets.
//!
//! Clients ask for tickets; no two answers may carry the same number, whatever happens. So the server writes each number down
//! before it hands it out: into a new file, synced, renamed over the old one, and the directory synced.
//!
//! `cargo run --release --package sim --example tickets` rehearses it under crashes, power losses, lost and doubled messages,
//! and then a variant that saves itself the two syncs. Every promise is kept as long as the power stays on. Of the first seed that breaks one it
//! prints the smallest plan that does, and the last events.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use futures::future::{Either, select};
use sim::{
    Chance, Cluster, DiskView, Event, Fault, FaultKind, Finished, Observer, Operation, Plan, Recording, Report, Seed,
    Settings, SimWorld, Trigger, campaign, last_events, run, run_twice, shrink,
};
use world::{Address, Answer, Clock, File, FileError, FileSystem, Listener, Network, Responder, World};

const SEEDS: u64 = 1000;
const CLIENTS: u64 = 3;
const TICKETS_EACH: usize = 5;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a client puts into the history: the number that it was given.
#[derive(Debug, Hash)]
struct Ticket(u64);

/// `future`, unless it takes longer than `patience`.
async fn in_time<T>(world: &SimWorld, patience: Duration, future: impl Future<Output = T>) -> Option<T> {
    match select(std::pin::pin!(future), std::pin::pin!(world.clock().sleep(patience))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// The number last written down, 0 before the first.
async fn last_number(world: &SimWorld) -> u64 {
    let Ok(file) = world.files().open(Utf8Path::new("number")).await else { return 0 };
    let mut digits = [0; 20];
    let mut read = 0;
    while let Ok(more @ 1..) = file.read_at(read as u64, &mut digits[read..]).await {
        read += more;
    }
    std::str::from_utf8(&digits[..read]).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

async fn write_down(world: &SimWorld, number: u64, sync: bool) -> Result<(), FileError> {
    let (files, new, old) = (world.files(), Utf8Path::new("number.new"), Utf8Path::new("number"));
    // One that a crash left behind.
    let _ = files.remove_file(new).await;
    let mut file = files.create(new).await?;
    file.append(format!("{number:020}").as_bytes()).await?;
    if sync {
        file.sync().await?;
    }
    files.rename(new, old).await?;
    if sync {
        files.sync_dir(Utf8Path::new("")).await?;
    }
    Ok(())
}

/// Serves until nobody has asked for five seconds.
async fn server(world: SimWorld, sync: bool) {
    let mut listener = world.network().listen(&Address::new("server")).await.expect("the name is its own");
    let mut number = last_number(&world).await;
    while let Some((_, responder)) = in_time(&world, ms(5000), listener.accept()).await {
        number += 1;
        match write_down(&world, number, sync).await {
            Ok(()) => responder.respond(Answer::Reply(number.to_be_bytes().to_vec())),
            Err(error) => responder.respond(Answer::Reject(error.to_string())),
        }
    }
}

/// Asks until it has its tickets.
async fn client(world: SimWorld) {
    let server = Address::new("server");
    let mut tickets = 0;
    while tickets < TICKETS_EACH {
        let call = in_time(&world, ms(100), world.network().call(&server, b"next".to_vec())).await;
        match call.and_then(Result::ok).and_then(|reply| reply.try_into().ok()) {
            Some(number) => {
                world.note(Ticket(u64::from_be_bytes(number)));
                tickets += 1;
            }
            None => world.clock().sleep(ms(10)).await,
        }
    }
}

fn cluster(cluster: &Cluster, sync: bool) {
    cluster.node("server", ms(0), move |world| server(world, sync));
    for nth in 1..=CLIENTS {
        cluster.node(&format!("client{nth}"), ms(nth), client);
    }
}

/// The promise: a number is given once.
#[derive(Default)]
struct GivenOnce(BTreeMap<u64, String>);

impl Observer for GivenOnce {
    fn observe(&mut self, at: Duration, event: &Event, _disk: &DiskView<'_>) -> ControlFlow<String> {
        if let Event::Note { node: Some(node), note } = event
            && let Some(&Ticket(number)) = note.get()
            && let Some(before) = self.0.insert(number, format!("{node} at {at:?}"))
        {
            return ControlFlow::Break(format!("ticket {number} went to {before} and to {node} at {at:?}"));
        }
        ControlFlow::Continue(())
    }
}

/// A few faults, drawn from the seed.
fn plan(seed: u64) -> Plan {
    let mut chance = Chance::new(seed);
    let everybody = Vec::new;
    let faults = (0..chance.between(0..=4)).map(|_| {
        let duration = chance.time(ms(1), ms(300));
        let restart_after = Some(chance.time(ms(1), ms(50)));
        let what = match chance.between(0..=3) {
            0 => FaultKind::PowerLoss { node: "server".into(), restart_after },
            1 => FaultKind::Crash { node: "server".into(), restart_after },
            2 => FaultKind::Lossy { from: everybody(), to: everybody(), requests: 0.1, replies: 0.2, duration },
            _ => FaultKind::Duplicating { from: everybody(), to: everybody(), probability: 0.2, duration },
        };
        let operation = *chance.one_of(&[Operation::Send, Operation::Append, Operation::Rename, Operation::SyncDir]);
        let when = match chance.happens(0.5) {
            true => Trigger::After { node: "server".into(), operation, nth: chance.between(1..=15) },
            false => Trigger::At(chance.time(ms(0), ms(100))),
        };
        Fault { when, what }
    });
    Plan { faults: faults.collect() }
}

fn rehearse(seed: u64, plan: &Plan, sync: bool, recording: Recording) -> Report {
    let settings = Settings::new(Seed(seed));
    run(&settings, plan, &mut GivenOnce::default(), recording, |setup| cluster(setup, sync))
}

/// Rehearses a variant over all seeds, says how it went, and yields the first seed that failed.
fn rehearse_all(title: &str, sync: bool) -> Option<u64> {
    let (began, mut failed) = (Instant::now(), Vec::new());
    let (mut events, mut faults) = (0, BTreeMap::<&str, u64>::new());
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    campaign(
        0..SEEDS,
        jobs,
        |seed| rehearse(seed, &plan(seed), sync, Recording::Nothing),
        |seed, report| {
            events += report.events;
            report.faults_by_kind.iter().for_each(|(kind, count)| *faults.entry(kind).or_default() += count);
            if report.finished != Finished::AllNodesDone {
                failed.push((seed, report.finished));
            }
            ControlFlow::Continue(())
        },
    );
    let per_second = SEEDS as f64 / began.elapsed().as_secs_f64();
    println!("{title}: {SEEDS} seeds, {events} events, {per_second:.0} runs/s, {} failed", failed.len());
    println!("  struck: {faults:?}");
    let (seed, finished) = failed.first()?;
    println!("  the first is seed {seed}: {finished:?}");
    Some(*seed)
}

/// Prints the smallest plan found that breaks the promise under this seed, and what happened in the last moments before.
fn show(seed: u64) {
    let breaks = |report: &Report| matches!(report.finished, Finished::Stopped(_));
    let small = shrink(&plan(seed), |plan| breaks(&rehearse(seed, plan, false, Recording::Nothing)));
    println!("  of {} faults it takes {}:", plan(seed).faults.len(), small.faults.len());
    small.faults.iter().for_each(|fault| println!("    {fault}"));
    let report = rehearse(seed, &small, false, Recording::History);
    print!("{}", last_events(&report.history.unwrap_or_default(), 25));
}

fn main() {
    let sound = rehearse_all("numbers written down and synced", true);
    let broken = rehearse_all("numbers written down, not synced", false);
    assert_eq!(sound, None, "the sound variant broke its promise");
    let parted = run_twice(|recording| rehearse(0, &plan(0), true, recording));
    assert!(parted.is_none(), "one seed ran in two ways: {}", parted.unwrap());
    show(broken.expect("the broken variant is caught"));
}
