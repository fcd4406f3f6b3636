//! What a task does in the turn in which its node dies is not done, but what a disk was at may be; and who polls a future may change.

mod support;

use std::collections::BTreeSet;
use std::pin::pin;

use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use sim::{Fault, FaultKind, Finished, Operation, Plan, Trigger};
use support::{at, call, leftovers, ms, path, plan, record, secs};
use world::{Address, Answer, Clock, File, FileSystem, Listener, Network, Responder, Work, World};

/// The node `w` crashes when it sends its first message, and is back a second later.
fn crash_at_first_send() -> Plan {
    let when = Trigger::After { node: "w".into(), operation: Operation::Send, nth: 1 };
    plan([Fault { when, what: FaultKind::Crash { node: "w".into(), restart_after: Some(secs(1)) } }])
}

#[test]
fn a_door_that_is_opened_by_the_dying_does_not_stay_open() {
    let (report, _) = record(1, &crash_at_first_send(), |cluster| {
        cluster.node("w", ms(0), |world| async move {
            let address = Address::new("w");
            let serve = async {
                let mut listener = world.network().listen(&address).await.expect("the name is its own");
                listener.accept().await.1.respond(Answer::Reply(Vec::new()));
            };
            let hello = async { call(&world, "w", b"hello", secs(1)).await };
            // Polled first, the call ends the node in the middle of its first turn.
            futures::join!(hello, serve);
        });
    });
    assert_eq!(report.finished, Finished::AllNodesDone);
}

#[test]
fn a_panic_of_the_dying_is_nobodys() {
    let (report, _) = record(1, &crash_at_first_send(), |cluster| {
        cluster.node("w", ms(0), |world| async move {
            if world.starts() == 1 {
                let hello = async { call(&world, "w", b"hello", secs(1)).await };
                futures::join!(hello, async { panic!("of no interest any more") });
            }
        });
    });
    assert_eq!(report.finished, Finished::AllNodesDone);
}

#[test]
fn work_goes_on_when_another_polls_it() {
    let (report, _) = record(1, &Plan::default(), |cluster| {
        cluster.node("w", ms(0), |world| async move {
            let work = world.charge(Work { bytes: 100_000_000, records: 0 }).boxed();
            let Either::Right((_, work)) = select(work, pin!(world.clock().sleep(ms(10)))).await else {
                panic!("a second of work is done in ten milliseconds");
            };
            let mut crowd: FuturesUnordered<_> = [work].into_iter().collect();
            crowd.next().await;
        });
    });
    assert_eq!(report.finished, Finished::AllNodesDone);
    assert_eq!(report.virtual_time, secs(1));
}

#[test]
fn an_operation_under_way_when_its_process_dies_is_done_or_not_or_in_part() {
    // The append takes 50 ms; the crash comes in the middle of it.
    for power_loss in [false, true] {
        let node = || "w".to_owned();
        let end = match power_loss {
            false => FaultKind::Crash { node: node(), restart_after: None },
            true => FaultKind::PowerLoss { node: node(), restart_after: None },
        };
        let left = leftovers(&plan([at(ms(40), end)]), |cluster| {
            cluster.node("w", ms(0), |world| async move {
                let mut file = world.files().create(path("log")).await.unwrap();
                world.files().sync_dir(path("")).await.unwrap();
                file.append(&vec![1; 10_000_000]).await.unwrap();
                std::future::pending::<()>().await;
            });
            cluster.node("watcher", ms(0), |world| async move { world.clock().sleep(secs(2)).await });
        });
        let lengths: BTreeSet<_> = left.iter().map(|files| files[0].1.len()).collect();
        if power_loss {
            assert_eq!(lengths, BTreeSet::from([0]));
        } else {
            assert!(lengths.contains(&0) && lengths.contains(&10_000_000));
            assert!(lengths.len() > 10, "or some of it: {}", lengths.len());
        }
    }
}
