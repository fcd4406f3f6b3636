//! The coordinator against a naive model of itself, under any interleaving of requests, duplicates, late reports and time.
//!
//! Every reply is compared. At the end of every run the events are replayed into a fresh coordinator, which must come out equal,
//! and, unless the job has failed, one fresh well-behaved worker must be able to bring the job to its end.

mod model;

use std::time::Duration;

use mr_core::app::{AppIdentity, InputKind};
use mr_core::coordinator::{Coordinator, Event, Phase, step};
use mr_core::counters::Counters;
use mr_core::ids::{Attempt, AttemptId, JobId, MapAttempt, MapIndex, Partition, Reduces, TaskId, WorkerId};
use mr_core::job::{InputFile, Job};
use mr_core::protocol::{Assigned, AttemptProgress, Ending, Failure, Reply, Request};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use world::Timestamp;

use self::model::{Expected, MAX_FAILURES, Model, TIMEOUT};

const MAPS: usize = 3;
const REDUCES: u32 = 2;

#[derive(Debug, Clone)]
enum Transition {
    Pass(Duration),
    Expire,
    Register {
        nonce: u64,
        first_app: bool,
    },
    Heartbeat {
        worker: u32,
        running: Vec<(AttemptId, u64)>,
    },
    AskTask {
        worker: u32,
        question: u64,
    },
    MapOutputs {
        worker: u32,
        known: u64,
    },
    AskCommit {
        worker: u32,
        attempt: AttemptId,
    },
    Done {
        worker: u32,
        attempt: AttemptId,
        records: u64,
        /// What is asked along with the report.
        question: Option<u64>,
    },
    /// The first of the bad maps is what the attempt met, the others are missing.
    Failed {
        worker: u32,
        attempt: AttemptId,
        bad_maps: Vec<MapAttempt>,
    },
    Goodbye {
        worker: u32,
    },
}

/// Mostly an attempt that was given out (open or long closed) with its worker, sometimes any at all.
fn some_attempt(model: &Model) -> BoxedStrategy<(u32, AttemptId)> {
    let anything = (0..6_u32, any::<bool>(), 0..5_u32, 0..4_u32).prop_map(|(worker, is_map, index, attempt)| {
        let task = if is_map { TaskId::Map(MapIndex(index)) } else { TaskId::Reduce(Partition(index)) };
        (worker, AttemptId { task, attempt: Attempt(attempt) })
    });
    if model.attempts.is_empty() {
        return anything.boxed();
    }
    let attempts = model.attempts.clone();
    let open: Vec<_> = attempts.iter().filter(|attempt| attempt.open).cloned().collect();
    let latest = if open.is_empty() { attempts.clone() } else { open };
    let pick = |from: Vec<model::AttemptModel>| {
        any::<Index>().prop_map(move |index| {
            let attempt = index.get(&from);
            (attempt.worker, attempt.id)
        })
    };
    prop_oneof![6 => pick(latest), 2 => pick(attempts), 1 => anything].boxed()
}

impl ReferenceStateMachine for Model {
    type State = Model;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::new(MAPS, REDUCES as usize)).boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Transition> {
        let workers = model.workers.len() as u32;
        let worker = prop_oneof![12 => 1..=workers.max(1), 1 => 0..6_u32];
        let answered: Vec<u64> = model.workers.iter().map(|w| w.answered.map_or(0, |(q, _)| q)).collect();
        // Mostly the next question, sometimes the last one again or one before it.
        let question = move |worker: u32, spread: u64| {
            let last = answered.get((worker as usize).wrapping_sub(1)).copied().unwrap_or(0);
            if spread < 8 { last + 1 } else { (last + 8).saturating_sub(spread) }
        };
        let of_report = question.clone();
        let ask = (worker.clone(), 0..10_u64)
            .prop_map(move |(worker, spread)| Transition::AskTask { worker, question: question(worker, spread) });
        let done = (some_attempt(model), 0..100_u64, prop::option::of(0..10_u64)).prop_map(
            move |((worker, attempt), records, spread)| {
                let question = spread.map(|spread| of_report(worker, spread));
                Transition::Done { worker, attempt, records, question }
            },
        );
        let heartbeat = (worker.clone(), prop::collection::vec((some_attempt(model), 0..3_u64), 0..3)).prop_map(
            |(worker, running)| Transition::Heartbeat {
                worker: running.first().map_or(worker, |((owner, _), _)| *owner),
                running: running.into_iter().map(|((_, id), ticks)| (id, ticks)).collect(),
            },
        );
        let bad_map = (0..4_u32, 0..4_u32).prop_map(|(map, n)| MapAttempt { map: MapIndex(map), attempt: Attempt(n) });
        let bad_maps = prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec(bad_map, 1..4)];
        let attempt = || some_attempt(model);
        prop_oneof![
            4 => (0..15_000_u64).prop_map(|ms| Transition::Pass(Duration::from_millis(ms))),
            1 => Just(Transition::Expire),
            3 => (0..5_u64, prop::bool::weighted(0.9)).prop_map(|(nonce, first_app)| Transition::Register { nonce, first_app }),
            4 => heartbeat,
            10 => ask,
            1 => (worker.clone(), 0..5_u64).prop_map(|(worker, known)| Transition::MapOutputs { worker, known }),
            6 => attempt().prop_map(|(worker, attempt)| Transition::AskCommit { worker, attempt }),
            10 => done,
            2 => (attempt(), bad_maps).prop_map(|((worker, attempt), bad_maps)| {
                let is_reduce = matches!(attempt.task, TaskId::Reduce(_));
                Transition::Failed { worker, attempt, bad_maps: if is_reduce { bad_maps } else { Vec::new() } }
            }),
            1 => worker.prop_map(|worker| Transition::Goodbye { worker }),
        ]
        .boxed()
    }

    fn apply(mut model: Model, transition: &Transition) -> Model {
        expect(&mut model, transition);
        model
    }
}

/// Lets the model take `transition` and says what the real one must answer.
fn expect(model: &mut Model, transition: &Transition) -> Option<Expected> {
    Some(match transition {
        Transition::Pass(duration) => {
            model.now += *duration;
            model.expire();
            return None;
        }
        Transition::Expire => {
            model.expire();
            return None;
        }
        Transition::Register { nonce, first_app } => model.register(*nonce, *first_app),
        Transition::Heartbeat { worker, running } => model.heartbeat(*worker, running),
        Transition::AskTask { worker, question } => model.ask_task(*worker, *question),
        Transition::MapOutputs { worker, known } => model.map_outputs(*worker, *known),
        Transition::AskCommit { worker, attempt } => model.ask_commit(*worker, *attempt),
        Transition::Done { worker, attempt, records, question } => {
            let expected = model.done(*worker, *attempt, counters(*records));
            let along = question.filter(|_| expected == Expected::Accepted);
            along.and_then(|question| model.ask_along(*worker, question)).unwrap_or(expected)
        }
        Transition::Failed { worker, attempt, bad_maps } => model.failed(*worker, *attempt, bad_maps),
        Transition::Goodbye { worker } => model.goodbye(*worker),
    })
}

fn counters(records: u64) -> Counters {
    Counters { map_output_records: records, reduce_output_records: records / 2, ..Counters::default() }
}

fn app(first: bool) -> AppIdentity {
    let name = if first { "wc" } else { "grep" };
    AppIdentity { name: name.into(), version: "1".into(), input: InputKind::WholeFile }
}

fn job() -> Job {
    let inputs = (0..MAPS).map(|i| InputFile { path: format!("input-{i}"), len: None }).collect();
    Job {
        reduces: Reduces::new(REDUCES),
        task_timeout: TIMEOUT,
        max_failures: MAX_FAILURES,
        ..Job::new(JobId(1), inputs)
    }
}

fn request(transition: &Transition) -> Option<Request> {
    Some(match transition.clone() {
        Transition::Pass(_) | Transition::Expire => return None,
        Transition::Register { nonce, first_app } => {
            Request::Register { nonce, app: app(first_app), name: "model".into() }
        }
        Transition::Heartbeat { worker, running } => {
            let running = running.into_iter().map(|(attempt, ticks)| AttemptProgress { attempt, ticks }).collect();
            Request::Heartbeat { worker: WorkerId(worker), running }
        }
        Transition::AskTask { worker, question } => Request::AskTask { worker: WorkerId(worker), question },
        Transition::MapOutputs { worker, known } => Request::MapOutputs { worker: WorkerId(worker), known },
        Transition::AskCommit { worker, attempt } => Request::AskCommit { worker: WorkerId(worker), attempt },
        Transition::Done { worker, attempt, records, question } => {
            Request::Done { worker: WorkerId(worker), attempt, counters: counters(records), question }
        }
        Transition::Failed { worker, attempt, bad_maps } => {
            let failure = match bad_maps.split_first() {
                Some((&map, missing)) => {
                    Failure::BadMapOutput { map, reason: "checksum".into(), missing: missing.to_vec() }
                }
                None => Failure::Attempt { reason: "no sense in input-0".into() },
            };
            Request::Failed { worker: WorkerId(worker), attempt, failure }
        }
        Transition::Goodbye { worker } => Request::Goodbye { worker: WorkerId(worker) },
    })
}

fn simplified(reply: Reply) -> Expected {
    match reply {
        Reply::Registered(registration) => Expected::Registered(registration.worker.0),
        Reply::Refused { .. } => Expected::Refused,
        Reply::Heard { obsolete, ended } => Expected::Heard { obsolete, ended: ended.is_some() },
        Reply::Run(assignment) => {
            let reads = match assignment.work {
                Assigned::Map { .. } => None,
                Assigned::Reduce { map_outputs, .. } => Some(map_outputs as usize),
            };
            Expected::Run(assignment.attempt, reads)
        }
        Reply::Wait => Expected::Wait,
        Reply::Exit(_) | Reply::TooLate { .. } => Expected::Exit,
        Reply::MapOutputs { commits } => Expected::MapOutputs(commits),
        Reply::Commit => Expected::Commit,
        Reply::Accepted => Expected::Accepted,
        Reply::Obsolete => Expected::Obsolete,
        Reply::UnknownWorker => Expected::UnknownWorker,
        Reply::Farewell => Expected::Farewell,
    }
}

/// The real coordinator, with the model it is held against and the journal of its events.
struct Subject {
    coordinator: Coordinator,
    model: Model,
    journal: Vec<(Timestamp, Event)>,
}

impl Subject {
    fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.model.now)
    }

    fn step(&mut self, request: &Request) -> Reply {
        let now = self.now();
        let (events, reply) = step(&mut self.coordinator, now, request);
        self.journal.extend(events.into_iter().map(|event| (now, event)));
        reply
    }

    fn expire(&mut self) {
        let now = self.now();
        for event in self.coordinator.expire(now) {
            self.coordinator.apply(now, &event);
            self.journal.push((now, event));
        }
    }

    /// Whoever waits is woken when there is something for it, and until the next deadline nothing changes by itself.
    fn check_wake_up(&self) {
        let Self { coordinator, model, .. } = self;
        let stranger = 999;
        let pick = |at: Duration| Model { now: at, ..model.clone() }.pick(stranger);
        let there_is_work = model.ended() || model.app.is_some() && pick(model.now).is_some();
        assert_eq!(coordinator.has_work(self.now()), there_is_work);
        if model.app.is_some() {
            let next = coordinator.next_deadline(self.now()).map(Timestamp::since_origin);
            let last = next.map_or(model.now + 1000 * TIMEOUT, |next| next - Duration::from_nanos(1));
            assert!(last >= model.now, "the next deadline is not over");
            assert_eq!(pick(last), pick(model.now), "between {:?} and {last:?}", model.now);
        }
    }

    /// One fresh worker that does everything right must bring the job to its end, whatever went before.
    fn finish(&mut self) {
        let Reply::Registered(registration) = self.step(&Request::Register {
            nonce: 999,
            app: app(self.model.app.unwrap_or(true)),
            name: "fresh".into(),
        }) else {
            panic!("a job that has not ended takes new workers");
        };
        let worker = registration.worker;
        for question in 1..=100 {
            self.model.now += TIMEOUT;
            match self.step(&Request::AskTask { worker, question }) {
                Reply::Run(assignment) => {
                    let attempt = assignment.attempt;
                    if matches!(attempt.task, TaskId::Reduce(_)) {
                        let permitted = self.step(&Request::AskCommit { worker, attempt });
                        assert_eq!(permitted, Reply::Commit, "{attempt} is the only one that is not overdue");
                    }
                    let done = self.step(&Request::Done { worker, attempt, counters: counters(1), question: None });
                    assert_eq!(done, Reply::Accepted);
                }
                Reply::Exit(Ending::Succeeded) => return,
                reply => panic!("a fresh worker was told {reply:?}"),
            }
        }
        panic!("100 questions were not enough");
    }
}

struct CoordinatorTest;

impl StateMachineTest for CoordinatorTest {
    type SystemUnderTest = Subject;
    type Reference = Model;

    fn init_test(model: &Model) -> Subject {
        Subject { coordinator: Coordinator::new(job()), model: model.clone(), journal: Vec::new() }
    }

    fn apply(mut subject: Subject, _: &Model, transition: Transition) -> Subject {
        let request = request(&transition);
        let expected = expect(&mut subject.model, &transition);
        match (request, expected) {
            (Some(request), Some(expected)) => assert_eq!(simplified(subject.step(&request)), expected, "{request:?}"),
            _ => subject.expire(),
        }
        subject
    }

    fn check_invariants(subject: &Subject, _: &Model) {
        let progress = subject.coordinator.progress();
        assert_eq!(progress.counters, subject.model.counters());
        assert_eq!(progress.attempts, subject.model.attempts.len() as u64);
        assert_eq!(progress.phase == Phase::Ended, subject.model.ended());
        let succeeded = subject.coordinator.ending() == Some(&Ending::Succeeded);
        assert_eq!(succeeded, subject.model.succeeded);
        subject.check_wake_up();
    }

    fn teardown(mut subject: Subject, _: Model) {
        let mut replayed = Coordinator::new(job());
        for (at, event) in &subject.journal {
            replayed.apply(*at, event);
        }
        assert_eq!(replayed, subject.coordinator, "the events tell the whole state");
        if !subject.model.ended() {
            subject.finish();
        }
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_coordinator_answers_as_the_naive_model_does(sequential 1..150 => CoordinatorTest);
}
