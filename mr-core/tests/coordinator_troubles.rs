//! Tasks that fail and outputs that nobody can read: who tries again, what is made again, and when it is enough.

mod support;

use std::num::NonZeroU64;

use mr_core::coordinator::{Coordinator, Event, step};
use mr_core::counters::Counters;
use mr_core::ids::{Attempt, AttemptId, JobId, MapAttempt, MapIndex, Reduces, TaskId, WorkerId};
use mr_core::job::{InputFile, Job};
use mr_core::protocol::{Assigned, Assignment, AttemptProgress, Ending, Failure, Reply, Request};
use support::coordinator::{FIRST, ONE, at, register};

#[test]
fn a_worker_that_fails_at_a_task_leaves_it_to_others_for_the_timeout_if_there_are_any() {
    let inputs = ["a", "b"].map(|path| InputFile { path: path.into(), len: None });
    let mut coordinator = Coordinator::new(Job { max_failures: 2, ..Job::new(JobId(1), inputs.to_vec()) });
    let two = WorkerId(2);
    let mut question = 0;
    let mut ask = |coordinator: &mut Coordinator, seconds, worker| {
        question += 1;
        match step(coordinator, at(seconds), &Request::AskTask { worker, question }).1 {
            Reply::Run(assignment) => Some(assignment.attempt),
            Reply::Wait => None,
            other => panic!("{other:?}"),
        }
    };
    let fail = |coordinator: &mut Coordinator, seconds, worker, attempt| {
        let failure = Failure::Attempt { reason: "no such disk".into() };
        step(coordinator, at(seconds), &Request::Failed { worker, attempt, failure });
    };
    let map = |map, attempt| AttemptId { task: TaskId::Map(MapIndex(map)), attempt: Attempt(attempt) };
    step(&mut coordinator, at(0), &register("a"));
    step(&mut coordinator, at(0), &register("ab"));
    assert_eq!(ask(&mut coordinator, 0, ONE), Some(map(0, 1)));
    assert_eq!(ask(&mut coordinator, 0, two), Some(map(1, 1)));
    fail(&mut coordinator, 1, two, map(1, 1));
    assert_eq!(ask(&mut coordinator, 1, two), None, "it is for the other worker, which is busy");
    step(&mut coordinator, at(5), &Request::Heartbeat { worker: two, running: Vec::new() });
    let running = vec![AttemptProgress { attempt: map(0, 1), ticks: 1 }];
    step(&mut coordinator, at(5), &Request::Heartbeat { worker: ONE, running });
    assert_eq!(coordinator.next_deadline(at(5)), Some(at(11)));
    assert_eq!(ask(&mut coordinator, 11, two), Some(map(1, 2)), "which has had its time");
    fail(&mut coordinator, 11, two, map(1, 2));
    assert!(coordinator.ending().is_some(), "all failures count");

    let mut alone = Coordinator::new(Job { max_failures: 2, ..Job::new(JobId(1), inputs.to_vec()) });
    step(&mut alone, at(0), &register("a"));
    assert_eq!(ask(&mut alone, 0, ONE), Some(map(0, 1)));
    fail(&mut alone, 1, ONE, map(0, 1));
    assert_eq!(ask(&mut alone, 1, ONE), Some(map(0, 2)), "there is nobody else");
}

#[test]
fn all_missing_map_outputs_are_made_again_at_once() {
    let input = |path: &str| InputFile { path: path.into(), len: None };
    let mut coordinator = Coordinator::new(Job::new(JobId(1), ["a", "b", "c"].map(input).to_vec()));
    let mut ask = |request: &Request| step(&mut coordinator, at(0), request);
    ask(&register("a"));
    let map = |index, attempt| MapAttempt { map: MapIndex(index), attempt: Attempt(attempt) };
    let mut run = |question| match ask(&Request::AskTask { worker: ONE, question }).1 {
        Reply::Run(run) => run.attempt,
        other => panic!("there is something to do: {other:?}"),
    };
    for index in 0..3 {
        let attempt = run(u64::from(index) + 1);
        assert_eq!(attempt, map(index, 1).into());
    }
    for index in 0..3 {
        ask(&Request::Done {
            worker: ONE,
            attempt: map(index, 1).into(),
            counters: Counters::default(),
            question: None,
        });
    }
    let Reply::Run(reduce) = ask(&Request::AskTask { worker: ONE, question: 4 }).1 else { panic!("a reduce") };
    // The second is named twice, and of the first an attempt that does not count.
    let missing = vec![map(1, 1), map(2, 1), map(0, 7), map(1, 1)];
    let failure = Failure::BadMapOutput { map: map(1, 1), reason: "rotten".into(), missing };
    let (events, _) = ask(&Request::Failed { worker: ONE, attempt: reduce.attempt, failure });
    let lost = |event| match event {
        Event::MapOutputLost { map, reason, .. } => Some((map, reason)),
        _ => None,
    };
    let lost: Vec<_> = events.into_iter().filter_map(lost).collect();
    assert_eq!(lost, [(map(1, 1), "rotten".to_owned()), (map(2, 1), "the file is missing".to_owned())]);
    for (question, again) in [(5, map(1, 2)), (6, map(2, 2))] {
        let Reply::Run(run) = ask(&Request::AskTask { worker: ONE, question }).1 else { panic!("{again} runs") };
        assert_eq!(run.attempt, again.into());
    }
}

#[test]
fn a_map_of_several_files_that_fails_is_told_with_the_first_and_the_last() {
    let input = |path: &str| InputFile { path: path.into(), len: Some(1) };
    let inputs = ["a", "b", "c"].map(input).to_vec();
    let job = Job { max_failures: 1, join_size: NonZeroU64::new(3), ..Job::new(JobId(1), inputs) };
    let mut coordinator = Coordinator::new(job);
    step(&mut coordinator, at(0), &register("a"));
    let (_, reply) = step(&mut coordinator, at(0), &Request::AskTask { worker: ONE, question: 1 });
    let Reply::Run(Assignment { work: Assigned::Map { splits }, .. }) = reply else { panic!("a map: {reply:?}") };
    assert_eq!(splits.iter().map(|split| split.path.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let failure = Failure::Attempt { reason: "b at byte 0: no".into() };
    step(&mut coordinator, at(1), &Request::Failed { worker: ONE, attempt: FIRST, failure });
    let reason = "map 0 (a to c) failed once: b at byte 0: no".to_owned();
    assert_eq!(coordinator.ending(), Some(&Ending::Failed { reason }));
}

#[test]
fn one_machine_that_can_read_nothing_does_not_fail_the_job() {
    let input = InputFile { path: "books.txt".into(), len: None };
    let job = Job { reduces: Reduces::new(3), max_failures: 2, ..Job::new(JobId(1), vec![input]) };
    let mut coordinator = Coordinator::new(job);
    let mut questions = 0;
    let mut run = |coordinator: &mut Coordinator, seconds, worker| {
        questions += 1;
        match step(coordinator, at(seconds), &Request::AskTask { worker, question: questions }).1 {
            Reply::Run(assignment) => Some(assignment.attempt),
            Reply::Wait => None,
            other => panic!("{other:?}"),
        }
    };
    let map = |attempt| MapAttempt { map: MapIndex(0), attempt: Attempt(attempt) };
    let blame = |coordinator: &mut Coordinator, seconds, worker, reduce, bad| {
        let failure = Failure::BadMapOutput { map: map(bad), reason: "input/output error".into(), missing: Vec::new() };
        let (events, _) = step(coordinator, at(seconds), &Request::Failed { worker, attempt: reduce, failure });
        events.iter().any(|event| matches!(event, Event::MapOutputLost { .. }))
    };
    let finish = |coordinator: &mut Coordinator, worker, attempt| {
        let done = Request::Done { worker, attempt, counters: Counters::default(), question: None };
        assert_eq!(step(coordinator, at(0), &done).1, Reply::Accepted);
    };
    let (blind, two, three) = (ONE, WorkerId(2), WorkerId(3));
    for name in ["a", "ab", "abc"] {
        step(&mut coordinator, at(0), &register(name));
    }
    let made = run(&mut coordinator, 0, two).unwrap();
    finish(&mut coordinator, two, made);
    let reduce = run(&mut coordinator, 0, blind).unwrap();
    assert!(blame(&mut coordinator, 0, blind, reduce, 1), "it is believed once");
    assert_eq!(run(&mut coordinator, 0, two), None, "who made it leaves it to others");
    let again = run(&mut coordinator, 0, three).unwrap();
    assert_eq!(again, map(2).into());
    finish(&mut coordinator, three, again);
    let other = run(&mut coordinator, 0, blind).unwrap();
    assert_ne!(other, reduce, "that one is for others");
    assert!(!blame(&mut coordinator, 0, blind, other, 2), "another may say so, too");
    let left = [two, three].map(|worker| run(&mut coordinator, 0, worker).unwrap());
    assert_eq!(left.map(|attempt| (attempt.task, attempt.attempt)), [reduce, other].map(|one| (one.task, Attempt(2))));
    assert!(blame(&mut coordinator, 0, two, left[0], 2), "as this one does");
    assert!(coordinator.ending().is_some(), "and then it is the map's second failure");
}
