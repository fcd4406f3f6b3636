//! The paths that everything else waits for: what a coordinator decides and says, what a map gathers, sorts and writes, what a reduce
//! merges. In memory, on one thread, with inputs that are always the same: `ci/instructions` counts the same functions' instructions.

#[path = "../tests/support/mod.rs"]
mod support;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mr_core::app::{App, AppError, AppIdentity, Emit, Guarded, InputKind, MapInput, Output, Values};
use mr_core::coordinator::{Coordinator, step};
use mr_core::counters::Counters;
use mr_core::ids::{Attempt, AttemptId, JobId, MapAttempt, MapIndex, Partition, Reduces, TaskId, WorkerId};
use mr_core::job::{InputFile, Job, Split};
use mr_core::protocol::{Reply, Request, decode, decode_request, encode, encode_request};
use mr_core::shuffle::MapBuffer;
use mr_core::tasks::reduce::MapOutput;
use mr_core::tasks::{Limits, TaskContext, map, reduce};
use world::Timestamp;

use support::MemoryWorld;

const TASKS: u32 = 10_000;
const SLOTS: u32 = 64;
const REDUCES: u32 = 4;

/// Emits each word with a one, and joins nothing: the shuffle has all the work.
struct Words;

impl App for Words {
    fn name(&self) -> &str {
        "words"
    }

    fn input(&self) -> InputKind {
        InputKind::Lines
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        input
            .data
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .for_each(|word| emit.emit(word, b"1"));
        Ok(())
    }

    fn reduce(&self, _word: &[u8], counts: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.value(counts.len().to_string().as_bytes());
        Ok(())
    }
}

/// A megabyte of words of which some come often and most seldom, as in any language.
fn text() -> Vec<u8> {
    let mut state = 1_u32;
    let mut text = Vec::new();
    while text.len() < 1 << 20 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // The product of two numbers is small more often than large.
        let rank = (state >> 24) * (state >> 16 & 0xff) / 8;
        text.extend_from_slice(format!("word{rank}").as_bytes());
        text.push(if rank.is_multiple_of(11) { b'\n' } else { b' ' });
    }
    text
}

/// Many words, each of them once: little work for a map, much for a reduce.
fn dictionary() -> Vec<u8> {
    (0..10_000).map(|number| format!("word{number}\n")).collect::<String>().into_bytes()
}

/// All tasks of a job of nothing, asked for and reported by 64 slots in turn; each message encoded and decoded.
fn coordinate() -> Coordinator {
    let inputs = (0..TASKS).map(|input| InputFile { path: format!("in/{input}"), len: None }).collect();
    let mut coordinator = Coordinator::new(Job { reduces: Reduces::new(1), ..Job::new(JobId(1), inputs) });
    let app = AppIdentity { name: "words".into(), version: "1".into(), input: InputKind::Lines };
    let mut now = Timestamp::default();
    let mut ask = |coordinator: &mut Coordinator, request: &Request| -> Reply {
        now = now + Duration::from_micros(10);
        let (_, request) = decode_request(&encode_request(Some(JobId(1)), request)).expect("it was encoded just now");
        let (_, reply) = step(coordinator, now, &request);
        decode(&encode(&reply)).expect("it was encoded just now")
    };
    for slot in 1..=SLOTS {
        let (nonce, name) = (u64::from(slot), format!("slot {slot}"));
        ask(&mut coordinator, &Request::Register { nonce, app: app.clone(), name });
    }
    for task in 0..TASKS {
        let (worker, question) = (WorkerId(task % SLOTS + 1), u64::from(task / SLOTS + 1));
        let Reply::Run(assignment) = ask(&mut coordinator, &Request::AskTask { worker, question }) else {
            unreachable!("there are tasks left")
        };
        let attempt = assignment.attempt;
        ask(&mut coordinator, &Request::Done { worker, attempt, counters: Counters::default(), question: None });
    }
    coordinator
}

fn gather(text: &[u8]) -> MapBuffer {
    let mut buffer = MapBuffer::new(JobId(7));
    for word in text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        let partition = || Ok::<_, Infallible>(Partition(word.len() as u32 % 10));
        buffer.add(word, b"1", partition).expect("it is infallible");
    }
    buffer
}

fn context(world: &MemoryWorld, task: TaskId) -> TaskContext<MemoryWorld> {
    let attempt = AttemptId { task, attempt: Attempt(1) };
    TaskContext {
        world: world.clone(),
        app: Guarded::new(Arc::new(Words)),
        combine: true,
        reduces: Reduces::new(REDUCES),
        limits: Limits::default(),
        job: JobId(1),
        attempt,
        scratch: format!("scratch-{task}").replace(' ', "-").into(),
        progress: Arc::default(),
    }
}

/// One map of the text.
fn run_map(world: &MemoryWorld, number: u32) -> MapOutput {
    let (task, path) = (TaskId::Map(MapIndex(number)), format!("map-{number}"));
    let split = Split { path: "text".into(), offset: 0, len: None, file_len: None };
    let context = context(world, task);
    world.run({
        let path = path.clone();
        async move {
            map::execute(&context, &[split], Utf8Path::new(&path), &mut MapBuffer::new(JobId(7)))
                .await
                .expect("nothing goes wrong")
        }
    });
    MapOutput { map: MapAttempt { map: MapIndex(number), attempt: Attempt(1) }, path: path.into() }
}

/// All reduces of `inputs`.
fn run_reduces(world: &MemoryWorld, inputs: &[MapOutput], run: u32) {
    for partition in Reduces::new(REDUCES).partitions() {
        let context = context(world, TaskId::Reduce(partition));
        let (inputs, output) = (inputs.to_vec(), format!("out-{run}-{partition}"));
        world.run(async move {
            let output = Utf8Path::new(&output);
            reduce::execute(&context, partition, &inputs, output).await.expect("nothing goes wrong")
        });
    }
}

fn with(text: &[u8]) -> MemoryWorld {
    let world = MemoryWorld::new();
    world.memory_files().put("text", text);
    world
}

fn core_paths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("core paths");
    group.sample_size(20);
    group.throughput(Throughput::Elements(u64::from(TASKS)));
    group.bench_function("coordinator", |bencher| bencher.iter(|| black_box(coordinate())));
    let text = text();
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("map buffer", |bencher| bencher.iter(|| black_box(gather(&text).sorted().count())));
    group.bench_function("map task", |bencher| bencher.iter(|| run_map(&with(&text), 0)));
    let dictionary = dictionary();
    let world = with(&dictionary);
    let inputs: Vec<MapOutput> = (0..8).map(|number| run_map(&world, number)).collect();
    group.throughput(Throughput::Bytes(8 * dictionary.len() as u64));
    group.bench_function("reduce tasks", |bencher| {
        let mut runs = 0;
        bencher.iter(|| {
            runs += 1;
            run_reduces(&world, &inputs, runs);
        });
    });
    group.finish();
}

criterion_group!(benches, core_paths);
criterion_main!(benches);
