//! What happens to a job from outside its protocol: workers that fall silent, orders from a person, strangers with long names.
//! (What requests do is held against a model in `coordinator_model`.)

mod support;

use mr_core::app::{AppIdentity, InputKind};
use mr_core::coordinator::{Coordinator, Event, step};
use mr_core::counters::Counters;
use mr_core::ids::{Attempt, AttemptId, JobId, MapAttempt, MapIndex, Partition, Reduces, TaskId, WorkerId};
use mr_core::job::{InputFile, Job};
use mr_core::protocol::{Assigned, AttemptProgress, Ending, Failure, MAX_NAME_BYTES, MAX_REASON_BYTES, Reply, Request};
use support::coordinator::{FIRST, ONE, at, register};
use world::Timestamp;

/// A job of one map whose first attempt runs on a worker called `a`.
fn running() -> Coordinator {
    let input = InputFile { path: "books.txt".into(), len: None };
    let mut coordinator = Coordinator::new(Job { max_failures: 1, ..Job::new(JobId(1), vec![input]) });
    step(&mut coordinator, at(0), &register("a"));
    let (_, reply) = step(&mut coordinator, at(0), &Request::AskTask { worker: ONE, question: 1 });
    assert!(matches!(reply, Reply::Run(assignment) if assignment.attempt == FIRST));
    coordinator
}

fn happen(coordinator: &mut Coordinator, now: Timestamp, events: &[Event]) {
    for event in events {
        coordinator.apply(now, event);
    }
}

#[test]
fn a_silent_worker_is_lost_after_the_timeout_and_found_again_when_it_speaks() {
    let mut coordinator = running();
    assert!(coordinator.expire(at(9)).is_empty());
    assert_eq!(coordinator.next_deadline(at(9)), Some(at(10)));
    let lost = coordinator.expire(at(10));
    assert_eq!(lost, [Event::WorkerLost { worker: ONE }]);
    happen(&mut coordinator, at(10), &lost);
    assert!(coordinator.everyone_left() && coordinator.expire(at(11)).is_empty());
    step(&mut coordinator, at(12), &Request::Heartbeat { worker: ONE, running: Vec::new() });
    assert_eq!(coordinator.present_workers(), 1);
}

#[test]
fn an_app_that_was_never_run_is_forgotten_with_the_last_who_had_it() {
    let input = InputFile { path: "books.txt".into(), len: None };
    let mut coordinator = Coordinator::new(Job::new(JobId(1), vec![input]));
    let other = |name: &str| {
        let app = AppIdentity { name: "grep".into(), version: "1".into(), input: InputKind::Line };
        Request::Register { nonce: 70, app, name: name.to_owned() }
    };
    step(&mut coordinator, at(0), &register("a"));
    step(&mut coordinator, at(0), &register("ab"));
    step(&mut coordinator, at(1), &Request::Goodbye { worker: ONE });
    assert!(matches!(step(&mut coordinator, at(1), &other("c")).1, Reply::Refused { .. }), "one is left who has it");
    step(&mut coordinator, at(2), &Request::Goodbye { worker: WorkerId(2) });
    assert!(!coordinator.has_work(at(2)));
    assert!(matches!(step(&mut coordinator, at(3), &other("c")).1, Reply::Registered(_)));
    assert!(coordinator.has_work(at(3)));
}

#[test]
fn an_app_that_was_never_run_is_forgotten_when_all_who_had_it_are_silent_and_another_comes() {
    let input = InputFile { path: "books.txt".into(), len: None };
    let mut coordinator = Coordinator::new(Job::new(JobId(1), vec![input]));
    let app = AppIdentity { name: "grep".into(), version: "1".into(), input: InputKind::Line };
    let other = Request::Register { nonce: 70, app, name: "c".into() };
    step(&mut coordinator, at(0), &register("a"));
    assert!(
        matches!(step(&mut coordinator, at(9), &other).1, Reply::Refused { .. }),
        "it is not silent for long enough"
    );
    let lost = coordinator.expire(at(10));
    happen(&mut coordinator, at(10), &lost);
    assert!(matches!(step(&mut coordinator, at(10), &other).1, Reply::Registered(_)));
    let back = step(&mut coordinator, at(11), &Request::AskTask { worker: ONE, question: 1 }).1;
    assert_eq!(back, Reply::UnknownWorker, "it has the other app");
    let asked = step(&mut coordinator, at(11), &Request::AskTask { worker: WorkerId(2), question: 1 }).1;
    assert!(matches!(asked, Reply::Run(_)));
    let lost = coordinator.expire(at(30));
    happen(&mut coordinator, at(30), &lost);
    let refused = step(&mut coordinator, at(30), &register("ab")).1;
    assert!(matches!(refused, Reply::Refused { .. }), "something of it was run: {refused:?}");
}

#[test]
fn an_app_that_was_run_is_not_forgotten() {
    let mut coordinator = running();
    let (events, _) = step(&mut coordinator, at(1), &Request::Goodbye { worker: ONE });
    assert!(!events.contains(&Event::AppForgotten));
}

/// Of the only reduce, attempt 1 on worker 1 was told to commit at once and shows nothing for the timeout of ten seconds; then attempt 2 on
/// worker 2 is told.
struct Committing(Coordinator);

impl Committing {
    fn new() -> Self {
        let input = InputFile { path: "books.txt".into(), len: None };
        let job = Job { reduces: Reduces::new(1), max_failures: 9, ..Job::new(JobId(1), vec![input]) };
        let mut this = Self(Coordinator::new(job));
        for name in ["a", "ab", "abc"] {
            this.ask(0, &register(name));
        }
        this.ask(0, &Request::AskTask { worker: ONE, question: 1 });
        this.ask(0, &Request::Done { worker: ONE, attempt: FIRST, counters: Counters::default(), question: None });
        this.ask(0, &Request::AskTask { worker: ONE, question: 2 });
        assert_eq!(this.commit(0, 1), Reply::Commit);
        this.run(10, 2);
        assert_eq!(this.commit(10, 2), Reply::Commit);
        this
    }

    fn ask(&mut self, seconds: u64, request: &Request) -> Reply {
        step(&mut self.0, at(seconds), request).1
    }

    fn reduce(attempt: u32) -> AttemptId {
        AttemptId { task: TaskId::Reduce(Partition(0)), attempt: Attempt(attempt) }
    }

    /// Worker `worker` is given the attempt of its number.
    fn run(&mut self, seconds: u64, worker: u32) {
        let reply = self.ask(seconds, &Request::AskTask { worker: WorkerId(worker), question: 1 });
        assert!(matches!(reply, Reply::Run(assignment) if assignment.attempt == Self::reduce(worker)));
    }

    /// Worker `worker` asks to commit the attempt of its number.
    fn commit(&mut self, seconds: u64, worker: u32) -> Reply {
        self.ask(seconds, &Request::AskCommit { worker: WorkerId(worker), attempt: Self::reduce(worker) })
    }

    fn shows_life(&mut self, seconds: u64, worker: u32) {
        let running = vec![AttemptProgress { attempt: Self::reduce(worker), ticks: 1 }];
        self.ask(seconds, &Request::Heartbeat { worker: WorkerId(worker), running });
    }
}

#[test]
fn permission_to_commit_falls_back_to_who_had_it_before_and_still_runs() {
    let mut job = Committing::new();
    let failure = Failure::Attempt { reason: "no room".into() };
    job.ask(10, &Request::Failed { worker: WorkerId(2), attempt: Committing::reduce(2), failure });
    // Nothing is heard of the first for as long again, and it lives when the third asks.
    job.run(20, 3);
    job.shows_life(20, 1);
    assert_eq!(job.commit(20, 3), Reply::Wait, "two may not be told at once");
    assert_eq!(job.commit(20, 1), Reply::Commit);
}

#[test]
fn permission_to_commit_waits_for_everyone_who_was_told_and_is_in_time() {
    let mut job = Committing::new();
    job.run(20, 3);
    job.shows_life(20, 1);
    assert_eq!(job.commit(20, 3), Reply::Wait, "the first was told before the second, which is overdue, and is back");
    assert_eq!(job.commit(20, 1), Reply::Commit);
    assert_eq!(job.commit(29, 3), Reply::Wait);
    assert_eq!(job.commit(30, 3), Reply::Commit, "nothing more was heard of the first");
    assert_eq!(job.commit(31, 3), Reply::Commit, "it asks again because the answer was lost");
}

#[test]
fn attempts_that_were_told_to_commit_do_not_wait_for_each_other_for_ever() {
    let mut job = Committing::new();
    job.run(20, 3);
    assert_eq!(job.commit(20, 3), Reply::Commit);
    // The third dies; the other two have not heard that they were told, and ask again and again.
    for second in 21..30 {
        assert_eq!((job.commit(second, 1), job.commit(second, 2)), (Reply::Wait, Reply::Wait), "the third is in time");
    }
    assert_eq!((job.commit(30, 1), job.commit(30, 2)), (Reply::Commit, Reply::Wait));
}

#[test]
fn the_tasks_of_a_buried_worker_are_given_out_at_once() {
    let mut coordinator = running();
    assert!(!coordinator.has_work(at(1)));
    assert!(coordinator.bury("somebody else").is_empty());
    let buried = coordinator.bury("a");
    happen(&mut coordinator, at(1), &buried);
    assert!(coordinator.has_work(at(1)));
    step(&mut coordinator, at(1), &register("bb"));
    let (_, reply) = step(&mut coordinator, at(1), &Request::AskTask { worker: WorkerId(2), question: 1 });
    let second = AttemptId { attempt: Attempt(2), ..FIRST };
    assert!(matches!(reply, Reply::Run(assignment) if assignment.attempt == second));
}

#[test]
fn an_answer_that_was_lost_is_given_again_word_for_word() {
    let input = InputFile { path: "books.txt".into(), len: None };
    let mut coordinator = Coordinator::new(Job { reduces: Reduces::new(2), ..Job::new(JobId(1), vec![input]) });
    let mut ask = |request: &Request| step(&mut coordinator, at(0), request).1;
    for name in ["a", "bb"] {
        ask(&register(name));
    }
    let counters = Counters::default();
    let (one, two) = (ONE, WorkerId(2));
    ask(&Request::AskTask { worker: one, question: 1 });
    ask(&Request::Done { worker: one, attempt: FIRST, counters, question: None });
    let question = Request::AskTask { worker: one, question: 2 };
    let lost = ask(&question);
    assert!(
        matches!(&lost, Reply::Run(run) if run.work == Assigned::Reduce { partition: Partition(0), map_outputs: 1 })
    );
    // In the meantime another reduce finds the map's output bad, and the map runs again.
    let Reply::Run(other) = ask(&Request::AskTask { worker: two, question: 1 }) else {
        panic!("there is one more reduce")
    };
    let map = MapAttempt { map: MapIndex(0), attempt: Attempt(1) };
    let failure = Failure::BadMapOutput { map, reason: "rotten".into(), missing: Vec::new() };
    ask(&Request::Failed { worker: two, attempt: other.attempt, failure });
    let Reply::Run(again) = ask(&Request::AskTask { worker: two, question: 2 }) else { panic!("the map runs again") };
    ask(&Request::Done { worker: two, attempt: again.attempt, counters, question: None });
    assert_eq!(ask(&question), lost);
}

#[test]
fn who_reports_is_told_in_the_same_breath_what_is_next() {
    let input = InputFile { path: "books.txt".into(), len: None };
    let mut coordinator = Coordinator::new(Job { reduces: Reduces::new(2), ..Job::new(JobId(1), vec![input]) });
    let mut ask = |request: &Request| step(&mut coordinator, at(0), request);
    for name in ["a", "bb"] {
        ask(&register(name));
    }
    let (one, two) = (ONE, WorkerId(2));
    let reduce = |index| AttemptId { task: TaskId::Reduce(Partition(index)), attempt: Attempt(1) };
    let done = |worker, attempt, question| {
        let question = Some(question);
        Request::Done { worker, attempt, counters: Counters::default(), question }
    };
    ask(&Request::AskTask { worker: one, question: 1 });
    let mapped = done(one, FIRST, 2);
    let (_, next) = ask(&mapped);
    let first = Assigned::Reduce { partition: Partition(0), map_outputs: 1 };
    assert!(matches!(&next, Reply::Run(run) if run.attempt == reduce(0) && run.work == first), "{next:?}");
    assert_eq!(ask(&mapped), (vec![Event::WorkerHeard { worker: one }], next), "a lost answer is given again");
    ask(&Request::AskTask { worker: two, question: 1 });
    for (worker, index) in [(one, 0), (two, 1)] {
        assert_eq!(ask(&Request::AskCommit { worker, attempt: reduce(index) }).1, Reply::Commit);
    }
    let reduced = done(one, reduce(0), 3);
    assert_eq!(ask(&reduced).1, Reply::Accepted, "there is nothing to do, and the report does not wait for it");
    assert_eq!(ask(&Request::AskTask { worker: one, question: 3 }).1, Reply::Wait, "nor was the question answered");
    assert_eq!(ask(&done(one, reduce(1), 3)).1, Reply::Obsolete, "what does not count has no answer");
    assert_eq!(ask(&done(two, reduce(1), 2)).1, Reply::Exit(Ending::Succeeded));
    assert_eq!(ask(&reduced).1, Reply::Exit(Ending::Succeeded));
}

#[test]
fn an_aborted_job_sends_everybody_home_with_the_reason() {
    let mut coordinator = running();
    let aborted = coordinator.abort("interrupted");
    happen(&mut coordinator, at(1), &aborted);
    let ending = Ending::Failed { reason: "interrupted".into() };
    let (_, reply) = step(&mut coordinator, at(1), &Request::AskTask { worker: ONE, question: 2 });
    assert_eq!(reply, Reply::Exit(ending.clone()));
    let (_, reply) = step(&mut coordinator, at(1), &Request::Heartbeat { worker: ONE, running: Vec::new() });
    assert_eq!(reply, Reply::Heard { obsolete: Vec::new(), ended: Some(ending) });
    assert!(coordinator.abort("again").is_empty());
}

#[test]
fn a_failure_names_task_and_file_and_its_reason_is_bounded() {
    let mut coordinator = running();
    let failure = Failure::Attempt { reason: "ä".repeat(MAX_REASON_BYTES) };
    step(&mut coordinator, at(1), &Request::Failed { worker: ONE, attempt: FIRST, failure });
    let Some(Ending::Failed { reason }) = coordinator.ending() else { panic!("one failure is too many here") };
    assert!(reason.starts_with("map 0 (books.txt) failed once: ää"), "{}", &reason[..80]);
    assert!(reason.len() < MAX_REASON_BYTES + 100);
}

#[test]
fn who_brings_another_app_is_told_what_is_other_about_it() {
    let mut coordinator = running();
    let mut refusal = |name: &str, version: &str, input| {
        let app = AppIdentity { name: name.into(), version: version.into(), input };
        let request = Request::Register { nonce: 70, app, name: "b".into() };
        let Reply::Refused { reason } = step(&mut coordinator, at(1), &request).1 else { panic!("refused") };
        reason
    };
    let other = refusal("wc", "2", InputKind::WholeFile);
    assert_eq!(other, "this job runs the app wc 1, but this worker has wc 2");
    let build = refusal("wc", "1", InputKind::Line);
    assert!(
        build.ends_with("another build of the app wc 1: it reads whole files, and this worker's reads line by line"),
        "{build}"
    );
}

#[test]
fn nobody_registers_under_a_name_without_end() {
    let mut coordinator = running();
    let (events, reply) = step(&mut coordinator, at(1), &register(&"x".repeat(MAX_NAME_BYTES + 1)));
    assert!(matches!(reply, Reply::Refused { .. }) && events.is_empty());
    assert_eq!(coordinator.present_workers(), 1);
}
