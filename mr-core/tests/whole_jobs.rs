//! Coordinator and workers together, in a world in memory: the loops around the state machine, and the commit of outputs.

mod support;

use std::future::pending;
use std::io::BufRead;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::mpsc;
use mr_core::app::{AppSource, Guarded};
use mr_core::coordinator::{Coordinator, Event, JobProgress, Observer, Order, serve};
use mr_core::counters::Counters;
use mr_core::ids::{Attempt, AttemptId, JobId, MapAttempt, MapIndex, Partition, Reduces, TaskId, WorkerId};
use mr_core::job::{InputFile, Job};
use mr_core::protocol::{self, Ending, Registration, Reply, Request};
use mr_core::sequential;
use mr_core::worker::{self, WorkerError};
use support::MemoryWorld;
use support::workers::{Tagged, address, config};
use world::{Clock, FileOperation, FileSystem, Network, Timestamp, World};

/// Runs a job over inputs with these contents on two workers of two slots, and says how it went.
fn run(world: &MemoryWorld, contents: &[&str]) -> (Ending, JobProgress, Vec<Result<Ending, WorkerError>>) {
    run_watched(world, contents, ())
}

/// The same with somebody who watches.
fn run_watched(
    world: &MemoryWorld,
    contents: &[&str],
    mut observer: impl Observer + 'static,
) -> (Ending, JobProgress, Vec<Result<Ending, WorkerError>>) {
    let inputs = (0..).zip(contents).map(|(i, content)| {
        world.files().put(&format!("in-{i}"), content.as_bytes());
        InputFile { path: format!("in-{i}"), len: None }
    });
    let job = Job { reduces: Reduces::new(3), ..Job::new(JobId(7), inputs.collect()) };
    let main = world.clone();
    world.run(async move {
        let listener = main.network().listen(&address()).await.unwrap();
        let works = [1, 2].map(|_| {
            let world = main.clone();
            main.compute(async move { worker::run(world, config(2), &Tagged { tag: "" }, pending()).await })
        });
        let (_orders, order_receiver) = mpsc::unbounded();
        let (ending, coordinator) = serve(&main, listener, job, &mut observer, order_receiver).await;
        let workers = futures::future::join_all(works).await;
        (ending, coordinator.progress(), workers)
    })
}

#[test]
fn a_job_is_done_as_the_oracle_says_without_a_single_pause() {
    let world = MemoryWorld::new();
    let contents = ["a b c", "b c", "", "c d e f"];
    let (ending, progress, workers) = run(&world, &contents);
    assert_eq!(ending, Ending::Succeeded);
    assert_eq!(workers, [Ok(Ending::Succeeded), Ok(Ending::Succeeded)]);
    assert_eq!((progress.attempts, progress.retries), (4 + 3, 0));
    // Time passes in this world only when everybody sleeps.
    assert_eq!(world.clock().now().since_origin(), Duration::ZERO);

    let (oracle_world, app) = (world.clone(), Guarded::new(Arc::new(Tagged { tag: "" })));
    let names: Vec<String> = (0..contents.len()).map(|i| format!("in-{i}")).collect();
    let expected =
        world.run(async move { sequential::run(&oracle_world, &app, &names, Some(Reduces::new(3))).await.unwrap() });
    for (partition, expected) in expected.iter().enumerate() {
        assert_eq!(world.files().get(&format!("./mr-out-{partition}")).as_ref(), Some(expected));
    }
    let records: u64 = contents.iter().map(|content| content.split(' ').count() as u64).sum();
    assert_eq!(progress.counters.map_output_records, records);
    assert_eq!(progress.counters.reduce_input_records, records);
    assert_eq!(world.files().paths().len(), contents.len() + 3, "only inputs and outputs: {:?}", world.files().paths());
}

#[test]
fn a_job_that_fails_ends_for_everybody_and_leaves_nothing_temporary() {
    let world = MemoryWorld::new();
    let (ending, progress, workers) = run(&world, &["a b", "refuse this"]);
    let reason = "map 1 (in-1) failed 4 times, the last time: in-1 at byte 0: refused".to_owned();
    assert_eq!(ending, Ending::Failed { reason });
    assert_eq!(workers, [Ok(ending.clone()), Ok(ending)]);
    assert_eq!(progress.failures, 4);
    assert_eq!(world.files().paths(), ["in-0", "in-1"]);
}

#[test]
fn a_directory_that_vanishes_between_its_making_and_its_use_is_made_again() {
    let world = MemoryWorld::new();
    world.files().vanish_before(FileOperation::Create, "./mr-job-0000000000000007");
    let (ending, progress, _) = run(&world, &["a b"]);
    assert_eq!((ending, progress.failures), (Ending::Succeeded, 0));
}

/// Removes the outputs of three maps as soon as the first reduce is given out.
struct Vandal(MemoryWorld);

impl Observer for Vandal {
    fn observe(&mut self, _now: Timestamp, event: &Event, _coordinator: &Coordinator) {
        let first = AttemptId { task: TaskId::Reduce(Partition(0)), attempt: Attempt(1) };
        if matches!(event, Event::AttemptAssigned { attempt, .. } if *attempt == first) {
            for map in [0, 1, 3] {
                let path = format!("./mr-job-0000000000000007/map-{map}-1");
                self.0.files().remove_file(path.as_str().into()).now_or_never().expect("nobody waits").unwrap();
            }
        }
    }
}

#[test]
fn map_outputs_that_vanish_are_all_made_again_after_one_look() {
    let world = MemoryWorld::new();
    let (ending, progress, _) = run_watched(&world, &["a b", "b", "c", "a d"], Vandal(world.clone()));
    assert_eq!(ending, Ending::Succeeded);
    let outputs: Vec<_> = (0..3).filter_map(|partition| world.files().get(&format!("./mr-out-{partition}"))).collect();
    let mut lines: Vec<_> = outputs.concat().lines().map(Result::unwrap).collect();
    lines.sort();
    assert_eq!(lines, ["a 2", "b 2", "c 1", "d 1"]);
    assert_eq!(progress.failures, 3, "each of the three is blamed once");
    assert!(progress.attempts <= 4 + 3 + 2 * 3, "no reduce is begun more than twice: {progress:?}");
}

#[test]
fn who_is_told_to_leave_waits_for_no_worker_to_hear_of_the_end() {
    for (leave, seconds) in [(true, 0), (false, 6)] {
        let world = MemoryWorld::new();
        let main = world.clone();
        let waited = world.run(async move {
            let listener = main.network().listen(&address()).await.unwrap();
            let (orders, order_receiver) = mpsc::unbounded();
            let job = Job::new(JobId(7), vec![InputFile { path: "in".into(), len: None }]);
            let asking = async {
                let register = Request::Register { nonce: 1, app: Tagged { tag: "" }.identity(), name: "one".into() };
                main.network().call(&address(), protocol::encode_request(None, &register)).await.unwrap();
                orders.unbounded_send(Order::Abort("enough".into())).unwrap();
                if leave {
                    orders.unbounded_send(Order::Leave).unwrap();
                }
            };
            let mut observer = ();
            futures::future::join(serve(&main, listener, job, &mut observer, order_receiver), asking).await;
            main.clock().now().since_origin()
        });
        assert_eq!(waited.as_secs(), seconds);
    }
}

#[test]
fn a_worker_of_another_job_is_no_worker_of_this_one_whatever_its_number() {
    let world = MemoryWorld::new();
    let main = world.clone();
    let worker = WorkerId(1);
    let attempt = MapAttempt { map: MapIndex(0), attempt: Attempt(1) }.into();
    world.run(async move {
        let listener = main.network().listen(&address()).await.unwrap();
        let (orders, order_receiver) = mpsc::unbounded();
        let job = Job::new(JobId(7), vec![InputFile { path: "in".into(), len: None }]);
        let ask = async |job: Option<u64>, request: &Request| -> Reply {
            let request = protocol::encode_request(job.map(JobId), request);
            protocol::decode(&main.network().call(&address(), request).await.unwrap()).unwrap()
        };
        let asking = async {
            let app = Tagged { tag: "" }.identity();
            let registered = ask(None, &Request::Register { nonce: 1, app, name: "one".into() }).await;
            assert!(
                matches!(registered, Reply::Registered(Registration { worker: WorkerId(1), .. })),
                "{registered:?}"
            );
            for stranger in [Some(8), None] {
                for request in [
                    Request::AskTask { worker, question: 1 },
                    Request::Heartbeat { worker, running: Vec::new() },
                    Request::MapOutputs { worker, known: 0 },
                    Request::Done { worker, attempt, counters: Counters::default(), question: None },
                ] {
                    assert_eq!(ask(stranger, &request).await, Reply::UnknownWorker, "{request:?}");
                }
                assert_eq!(ask(stranger, &Request::Goodbye { worker }).await, Reply::Farewell);
            }
            let own = ask(Some(7), &Request::AskTask { worker, question: 1 }).await;
            assert!(matches!(own, Reply::Run(_)), "it has not left, and nobody has had its task: {own:?}");
            orders.unbounded_send(Order::Abort("enough".into())).unwrap();
            ask(Some(7), &Request::Goodbye { worker }).await;
        };
        let mut observer = ();
        futures::future::join(serve(&main, listener, job, &mut observer, order_receiver), asking).await;
    });
}
