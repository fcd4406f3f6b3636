//! What a run costs: time, and the memory that is left in use when it is over.
//!
//! `cargo run --release --package sim --example memory [RUNS]` does the same small runs over and over on one thread, every
//! third one with a crash in it that keeps it from ending by itself, and prints the resident memory on the way. It ends
//! with an error when memory grew by more than 2 MB after the first tenth.

use std::time::{Duration, Instant};

use camino::Utf8Path;
use sim::{Cluster, Fault, FaultKind, Finished, Plan, Recording, Seed, Settings, Trigger, run};
use world::{Address, Answer, Clock, File, FileSystem, Listener, Network, Responder, World};

const CLIENTS: usize = 4;
const CALLS: usize = 30;

fn system(cluster: &Cluster) {
    cluster.node("server", Duration::ZERO, |world| async move {
        let mut listener = world.network().listen(&Address::new("server")).await.expect("the name is its own");
        for _ in 0..CLIENTS * CALLS {
            let (request, responder) = listener.accept().await;
            responder.respond(Answer::Reply(request));
        }
        world.clock().sleep(Duration::from_millis(50)).await;
    });
    for nth in 0..CLIENTS {
        cluster.node(&format!("client{nth}"), Duration::from_millis(1), |world| async move {
            for nth in 0..CALLS {
                let _ = world.network().call(&Address::new("server"), vec![0; 100]).await;
                let name = format!("{}-{nth}-{}", world.node(), world.starts());
                let file = async {
                    let mut file = world.files().create(Utf8Path::new(&name)).await?;
                    file.append(&[0; 200]).await?;
                    file.sync().await
                };
                file.await.expect("nothing is wrong with the disk");
            }
            let ticking = world.clone();
            world.spawn(async move {
                loop {
                    ticking.clock().sleep(Duration::from_secs(1)).await;
                }
            });
        });
    }
}

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("statm has a second number");
    pages * 4
}

fn main() {
    let runs: u64 = std::env::args().nth(1).map_or(3000, |runs| runs.parse().expect("the number of runs is a number"));
    let crash = FaultKind::Crash { node: "client1".into(), restart_after: None };
    let crashes = Plan { faults: vec![Fault { when: Trigger::At(Duration::from_millis(10)), what: crash }] };
    let (mut events, mut early, began) = (0, 0, Instant::now());
    for nth in 0..runs {
        let plan = if nth % 3 == 0 { &crashes } else { &Plan::default() };
        let mut settings = Settings::new(Seed(nth));
        settings.limit = Duration::from_secs(2);
        let report = run(&settings, plan, &mut (), Recording::Nothing, system);
        assert!(matches!(report.finished, Finished::AllNodesDone | Finished::TimeLimit { .. }));
        events += report.events;
        if nth + 1 == runs / 10 {
            early = resident();
        }
        if (nth + 1) % (runs / 10).max(1) == 0 {
            println!("{:>8} runs  {:>7} KiB", nth + 1, resident());
        }
    }
    let took = began.elapsed();
    let (runs, events) = (runs as f64, events as f64);
    println!(
        "{:.0} events a run; {:.1} us a run; {:.0} ns an event",
        events / runs,
        took.as_secs_f64() * 1e6 / runs,
        took.as_secs_f64() * 1e9 / events
    );
    let grown = resident().saturating_sub(early);
    assert!(grown < 2048, "memory grew by {grown} KiB");
}
