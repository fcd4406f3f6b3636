//! The real world's clock, and its ways of running code.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc;
use std::time::Duration;

use futures::FutureExt;
use mr::real::RealWorld;
use world::{Clock, World};

#[tokio::test(flavor = "multi_thread")]
async fn sleeping_takes_the_time_it_says() {
    let clock = RealWorld::new().clock().clone();
    let start = clock.now();
    clock.sleep(Duration::from_millis(30)).await;
    assert!(clock.now() - start >= Duration::from_millis(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_blocking_computation_does_not_hold_up_the_process() {
    let world = RealWorld::new();
    let (sender, receiver) = mpsc::channel();
    // Each waits for the other: with one runtime thread this ends only if the computation is on a thread of its own.
    let computed = world.compute(async move { receiver.recv_timeout(Duration::from_secs(20)) });
    world.spawn(async move { sender.send(7).unwrap() });
    assert_eq!(computed.await, Ok(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computation_can_wait_on_the_clock() {
    let world = RealWorld::new();
    let clock = world.clock().clone();
    let computed = world.compute(async move {
        clock.sleep(Duration::from_millis(5)).await;
        "done"
    });
    assert_eq!(computed.await, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computation_runs_to_its_end_though_nobody_waits_for_it() {
    let (sender, receiver) = mpsc::channel();
    drop(RealWorld::new().compute(async move { sender.send(()) }));
    assert_eq!(receiver.recv_timeout(Duration::from_secs(20)), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_computation_reaches_who_waits_for_it() {
    let computed = RealWorld::new().compute(async { std::panic::resume_unwind(Box::new("no such luck")) });
    let payload = AssertUnwindSafe(computed).catch_unwind().await.map(|(): ()| ()).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"no such luck"));
}

#[tokio::test(flavor = "multi_thread")]
async fn entropy_differs_each_time() {
    let world = RealWorld::new();
    assert_ne!(world.entropy(), world.entropy());
}
