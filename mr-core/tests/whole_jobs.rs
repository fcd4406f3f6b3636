//! Coordinator and workers together, in a world in memory: the loops around the state machine, and the commit of outputs.

mod support;

use std::io::BufRead;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::mpsc;
use futures::future::BoxFuture;
use mr_core::app::{App, AppError, AppIdentity, AppSource, Emit, Guarded, MapInput, Output, Values};
use mr_core::coordinator::{Coordinator, Event, JobProgress, Observer, Order, serve};
use mr_core::counters::Counters;
use mr_core::ids::{Attempt, AttemptId, JobId, MapAttempt, MapIndex, Partition, Reduces, TaskId, WorkerId};
use mr_core::job::{InputFile, Job, Split};
use mr_core::protocol::{self, Assigned, Assignment, Ending, Registration, Reply, Request};
use mr_core::sequential;
use mr_core::tasks::Limits;
use mr_core::worker::{self, ClientError, WorkerConfig, WorkerError};
use support::MemoryWorld;
use world::{Address, Answer, Clock, FileSystem, Listener, Network, Responder, Timestamp, World};

/// Counts words; each output line ends with the app's own tag.
#[derive(Clone)]
struct Tagged {
    tag: &'static str,
}

impl App for Tagged {
    fn name(&self) -> &str {
        "tagged"
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        if input.data.starts_with(b"refuse") {
            return Err(AppError::new("refused"));
        }
        input.data.split(u8::is_ascii_whitespace).for_each(|word| emit.emit(word, b"1"));
        Ok(())
    }

    fn reduce(&self, _key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.value(format!("{}{}", values.len(), self.tag).as_bytes());
        Ok(())
    }
}

impl AppSource for Tagged {
    fn identity(&self) -> AppIdentity {
        AppIdentity::of(self)
    }

    fn create(&self, _argument: &str) -> Result<Arc<dyn App>, AppError> {
        Ok(Arc::new(self.clone()))
    }
}

fn address() -> Address {
    Address::new("coordinator")
}

fn config(slots: usize) -> WorkerConfig {
    WorkerConfig {
        coordinator: address(),
        slots: NonZeroUsize::new(slots).unwrap(),
        dir: ".".into(),
        out: ".".into(),
        limits: Limits::default(),
        retry_for: Duration::from_secs(10),
        name: "in memory".into(),
    }
}

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
            main.compute(async move { worker::run(world, config(2), &Tagged { tag: "" }).await })
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
fn a_worker_that_finds_no_coordinator_gives_up_after_the_stated_time() {
    let world = MemoryWorld::new();
    let main = world.clone();
    let ended = world.run(async move { worker::run(main, config(1), &Tagged { tag: "" }).await });
    assert!(matches!(ended, Err(WorkerError::Coordinator(_))), "{ended:?}");
    assert_eq!(world.clock().now().since_origin().as_secs(), 10);
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
                    Request::Done { worker, attempt, counters: Counters::default() },
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

/// A worker that has just been registered at `listener`.
async fn registered_worker(
    world: &MemoryWorld,
    listener: &mut impl Listener,
) -> BoxFuture<'static, Result<Ending, WorkerError>> {
    let worker_world = world.clone();
    let run = async move { worker::run(worker_world, config(1), &Tagged { tag: "" }).await };
    let worker = world.compute(run).boxed();
    let (request, responder) = listener.accept().await;
    let reply = Careless::new().answer(&protocol::decode(&request).unwrap());
    responder.respond(Answer::Reply(protocol::encode(&reply)));
    worker
}

#[test]
fn a_coordinator_that_has_answered_and_is_gone_is_given_up_soon() {
    let world = MemoryWorld::new();
    let main = world.clone();
    let ended = world.run(async move {
        let mut listener = main.network().listen(&address()).await.unwrap();
        let worker = registered_worker(&main, &mut listener).await;
        drop(listener);
        worker.await
    });
    assert!(matches!(ended, Err(WorkerError::Coordinator(ClientError::Lost { .. }))), "{ended:?}");
    let waited = world.clock().now().since_origin();
    assert!((Duration::from_secs(2)..Duration::from_secs(3)).contains(&waited), "{waited:?} of the 10 s allowed");
}

#[test]
fn a_door_that_is_closed_for_moments_only_is_tried_again() {
    let world = MemoryWorld::new();
    let main = world.clone();
    let ended = world.run(async move {
        let mut listener = main.network().listen(&address()).await.unwrap();
        let worker = registered_worker(&main, &mut listener).await;
        // Closed for three seconds in all, and in the middle of it somebody is there who says nothing.
        for _ in 0..2 {
            drop(listener);
            main.clock().sleep(Duration::from_millis(1500)).await;
            listener = main.network().listen(&address()).await.unwrap();
            drop(listener.accept().await);
        }
        let (_, responder) = listener.accept().await;
        responder.respond(Answer::Reply(protocol::encode(&Reply::Exit(Ending::Succeeded))));
        worker.await
    });
    assert_eq!(ended, Ok(Ending::Succeeded));
}

#[test]
fn a_worker_that_gives_up_leaves_a_complete_map_output_alone_because_it_may_count() {
    let world = MemoryWorld::new();
    world.files().put("in", b"a b");
    let main = world.clone();
    let ended = world.run(async move {
        let mut listener = main.network().listen(&address()).await.unwrap();
        let worker = registered_worker(&main, &mut listener).await;
        let mut coordinator = Careless::new();
        let serving = async {
            let mut unanswered = Vec::new();
            loop {
                let (request, responder) = listener.accept().await;
                match protocol::decode(&request).unwrap() {
                    // The report has arrived, and its answer will not.
                    Request::Done { .. } => unanswered.push(responder),
                    Request::Heartbeat { .. } if !unanswered.is_empty() => {
                        responder.respond(Answer::Reply(protocol::encode(&Reply::UnknownWorker)));
                    }
                    request => responder.respond(Answer::Reply(protocol::encode(&coordinator.answer(&request)))),
                }
            }
        };
        futures::future::select(worker, std::pin::pin!(serving)).await.factor_first().0
    });
    assert_eq!(ended, Err(WorkerError::Forgotten));
    assert!(world.files().get("./mr-job-0000000000000009/map-0-1").is_some());
}

/// The attempt of reduce 0 that worker `n` runs.
fn reduce_of(worker: WorkerId) -> AttemptId {
    AttemptId { task: TaskId::Reduce(Partition(0)), attempt: Attempt(worker.0) }
}

/// A coordinator that lets *every* attempt commit: worker 1 maps, then both workers reduce, worker 2 only after worker 1 is done.
struct Careless {
    registered: u32,
    mapped: bool,
    done: u32,
}

impl Careless {
    fn new() -> Self {
        Self { registered: 0, mapped: false, done: 0 }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let one = WorkerId(1);
        let map = MapAttempt { map: MapIndex(0), attempt: Attempt(1) };
        match *request {
            Request::Register { .. } => {
                self.registered += 1;
                Reply::Registered(Registration {
                    worker: WorkerId(self.registered),
                    job: JobId(9),
                    reduces: Reduces::new(1),
                    app_argument: String::new(),
                    combine: false,
                    heartbeat_interval: Duration::from_secs(1),
                })
            }
            Request::AskTask { worker, question: 1 } if worker == one => {
                let split = Split { path: "in".into(), offset: 0, len: None };
                Reply::Run(Assignment { attempt: map.into(), work: Assigned::Map { splits: vec![split] } })
            }
            Request::AskTask { worker, .. } if self.mapped && self.done + 1 == worker.0 => {
                let work = Assigned::Reduce { partition: Partition(0), map_outputs: 1 };
                Reply::Run(Assignment { attempt: reduce_of(worker), work })
            }
            Request::AskTask { .. } if self.done == 2 => Reply::Exit(Ending::Succeeded),
            Request::AskTask { .. } => Reply::Wait,
            Request::MapOutputs { .. } => Reply::MapOutputs { commits: vec![map] },
            Request::AskCommit { .. } => Reply::Commit,
            Request::Done { attempt, .. } => {
                self.mapped |= matches!(attempt.task, TaskId::Map(_));
                self.done += u32::from(matches!(attempt.task, TaskId::Reduce(_)));
                Reply::Accepted
            }
            Request::Heartbeat { .. } => Reply::Heard { obsolete: Vec::new(), ended: None },
            Request::Failed { .. } => panic!("nothing fails here: {request:?}"),
            Request::Goodbye { .. } => Reply::Farewell,
        }
    }
}

#[test]
fn an_output_once_visible_does_not_change_even_if_two_attempts_are_told_to_commit() {
    let world = MemoryWorld::new();
    world.files().put("in", b"a");
    let main = world.clone();
    let seen = world.run(async move {
        let mut listener = main.network().listen(&address()).await.unwrap();
        let works = ["-first", "-second"].map(|tag| {
            let world = main.clone();
            main.compute(async move { worker::run(world, config(1), &Tagged { tag }).await })
        });
        let mut coordinator = Careless::new();
        let mut seen = Vec::new();
        for _ in 0..100_000 {
            let (request, responder) = listener.accept().await;
            let reply = coordinator.answer(&protocol::decode(&request).unwrap());
            if matches!(reply, Reply::Accepted) {
                seen.push(main.files().get("./mr-out-0"));
            }
            if reply == Reply::Wait {
                main.clock().sleep(Duration::from_millis(1)).await;
            }
            let over = reply == Reply::Exit(Ending::Succeeded);
            responder.respond(Answer::Reply(protocol::encode(&reply)));
            if over {
                break;
            }
        }
        drop((works, listener));
        seen
    });
    let first = Some(b"a 1-first\n".to_vec());
    assert_eq!(seen, [None, first.clone(), first], "after the map, the first reduce and the second");
}
