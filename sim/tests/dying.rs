//! What a task does in the turn in which its node dies is not done, and who polls a future may change.

mod support;

use std::pin::pin;

use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use sim::{Fault, FaultKind, Finished, Operation, Plan, Trigger};
use support::{call, ms, plan, record, secs};
use world::{Address, Answer, Clock, Listener, Network, Responder, Work, World};

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
