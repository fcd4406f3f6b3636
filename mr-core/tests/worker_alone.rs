//! The worker alone: beside coordinators that say what a test has them say.

mod support;

use std::future::pending;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::BoxFuture;
use mr_core::coordinator::{Coordinator, step};
use mr_core::ids::{Attempt, AttemptId, JobId, MapAttempt, MapIndex, Partition, Reduces, TaskId, WorkerId};
use mr_core::job::{InputFile, Job, Split};
use mr_core::protocol::{self, Assigned, Assignment, Ending, Registration, Reply, Request};
use mr_core::worker::{self, ClientError, WorkerError};
use support::MemoryWorld;
use support::workers::{Tagged, address, config};
use world::{Answer, Clock, Listener, Network, Responder, Timestamp, World};

#[test]
fn a_worker_that_finds_no_coordinator_gives_up_after_the_stated_time() {
    let world = MemoryWorld::new();
    let main = world.clone();
    let ended = world.run(async move { worker::run(main, config(1), &Tagged { tag: "" }, pending()).await });
    assert!(matches!(ended, Err(WorkerError::Coordinator(_))), "{ended:?}");
    assert_eq!(world.clock().now().since_origin().as_secs(), 10);
}

/// What attempt 1 of reduce 0 would have as its output.
const STAGED: &str = "./mr-job-0000000000000009/reduce-0-1.tmp";

/// A worker that has just been registered at `listener`.
async fn registered_worker(
    world: &MemoryWorld,
    listener: &mut impl Listener,
) -> BoxFuture<'static, Result<Ending, WorkerError>> {
    let worker_world = world.clone();
    let run = async move { worker::run(worker_world, config(1), &Tagged { tag: "" }, pending()).await };
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

#[test]
fn a_worker_asks_on_its_own_once_and_then_along_with_each_report() {
    let world = MemoryWorld::new();
    let inputs = ["in-0", "in-1"].map(|name| {
        world.files().put(name, b"a b c");
        InputFile { path: name.into(), len: None }
    });
    let mut coordinator = Coordinator::new(Job { reduces: Reduces::new(3), ..Job::new(JobId(7), inputs.to_vec()) });
    let main = world.clone();
    let (ended, questions) = world.run(async move {
        let mut listener = main.network().listen(&address()).await.unwrap();
        let worker_world = main.clone();
        let run = async move { worker::run(worker_world, config(1), &Tagged { tag: "" }, pending()).await };
        let worker = main.compute(run).boxed();
        let mut questions = Vec::new();
        let serving = async {
            loop {
                let (request, responder) = listener.accept().await;
                let request = protocol::decode(&request).unwrap();
                match request {
                    Request::AskTask { question, .. } => questions.push(("alone", Some(question))),
                    Request::Done { question, .. } => questions.push(("along", question)),
                    _ => {}
                }
                let (_, reply) = step(&mut coordinator, Timestamp::default(), &request);
                responder.respond(Answer::Reply(protocol::encode(&reply)));
            }
        };
        let ended = futures::future::select(worker, std::pin::pin!(serving)).await.factor_first().0;
        (ended, questions)
    });
    assert_eq!(ended, Ok(Ending::Succeeded));
    let along = (2..=6).map(|question| ("along", Some(question)));
    assert_eq!(questions, [("alone", Some(1))].into_iter().chain(along).collect::<Vec<_>>());
}

#[test]
fn a_worker_that_is_told_to_stop_removes_what_is_half_done_and_says_goodbye() {
    let world = MemoryWorld::new();
    world.files().put("in", b"a b");
    let main = world.clone();
    let (ended, said_goodbye) = world.run(async move {
        let mut listener = main.network().listen(&address()).await.unwrap();
        let (tell, told) = oneshot::channel();
        let worker_world = main.clone();
        let stop = told.map(|_| ());
        let run = async move { worker::run(worker_world, config(1), &Tagged { tag: "" }, stop).await };
        let worker = main.compute(run).boxed();
        let mut coordinator = Careless::new();
        let mut tell = Some(tell);
        let (mut unanswered, mut said_goodbye) = (Vec::new(), false);
        let serving = async {
            loop {
                let (request, responder) = listener.accept().await;
                let request = protocol::decode(&request).unwrap();
                said_goodbye |= request == Request::Goodbye { worker: WorkerId(1) };
                if matches!(request, Request::AskCommit { .. }) {
                    assert!(main.files().get(STAGED).is_some());
                    unanswered.push(responder);
                    tell.take().map(|tell| tell.send(()));
                } else {
                    responder.respond(Answer::Reply(protocol::encode(&coordinator.answer(&request))));
                }
            }
        };
        let ended = futures::future::select(worker, std::pin::pin!(serving)).await.factor_first().0;
        (ended, said_goodbye)
    });
    assert_eq!(ended, Err(WorkerError::Stopped));
    assert!(said_goodbye);
    assert_eq!(world.files().get(STAGED), None);
    assert!(world.files().get("./mr-job-0000000000000009/map-0-1").is_some(), "it counts");
    assert!(world.clock().now().since_origin() < Duration::from_secs(1));
}

#[test]
fn an_attempt_that_a_heartbeat_tells_is_obsolete_ends_and_leaves_nothing() {
    let world = MemoryWorld::new();
    world.files().put("in", b"a b");
    let main = world.clone();
    let asked_again = world.run(async move {
        let mut listener = main.network().listen(&address()).await.unwrap();
        let _worker = registered_worker(&main, &mut listener).await;
        let mut coordinator = Careless::new();
        let mut is_obsolete = false;
        for _ in 0..100_000 {
            let (request, responder) = listener.accept().await;
            let request = protocol::decode(&request).unwrap();
            let reply = match &request {
                // It may not commit, and is not told why: a question costs a moment here.
                Request::AskCommit { .. } => {
                    assert!(main.files().get(STAGED).is_some());
                    main.clock().sleep(Duration::from_millis(10)).await;
                    Reply::Wait
                }
                Request::Heartbeat { running, .. } if !running.is_empty() => {
                    is_obsolete = true;
                    Reply::Heard { obsolete: vec![reduce_of(WorkerId(1))], ended: None }
                }
                Request::AskTask { question, .. } if is_obsolete => return Some(*question),
                request => coordinator.answer(request),
            };
            responder.respond(Answer::Reply(protocol::encode(&reply)));
        }
        None
    });
    assert!(asked_again.is_some(), "its slot is free for something else");
    assert_eq!(world.files().get(STAGED), None);
}

#[test]
fn a_worker_that_still_looks_for_its_coordinator_stops_at_once() {
    let world = MemoryWorld::new();
    let main = world.clone();
    let ended = world.run(async move {
        let stop = main.clock().sleep(Duration::from_millis(1300));
        worker::run(main.clone(), config(1), &Tagged { tag: "" }, stop).await
    });
    assert_eq!(ended, Err(WorkerError::Stopped));
    assert_eq!(world.clock().now().since_origin(), Duration::from_millis(1300));
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
                let split = Split { path: "in".into(), offset: 0, len: None, file_len: None };
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
            main.compute(async move { worker::run(world, config(1), &Tagged { tag }, pending()).await })
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
