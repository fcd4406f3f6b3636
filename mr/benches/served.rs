//! What a coordinator costs each task: 10,000 tasks of nothing, reported and asked for by 64 worker slots over a real socket. Slots and
//! coordinator share the machine, so this is both ends of a call a task, with all their messages, and whatever the kernel does between.

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::channel::mpsc;
use futures::future::join_all;
use mr::real::RealWorld;
use mr_core::app::{AppIdentity, InputKind};
use mr_core::coordinator::serve;
use mr_core::counters::Counters;
use mr_core::ids::{JobId, Reduces};
use mr_core::job::{InputFile, Job};
use mr_core::protocol::{Assigned, Reply, Request, decode, encode_request};
use tokio::runtime::Runtime;
use world::{Address, Network, World};

const JOB: JobId = JobId(1);
const TASKS: usize = 10_000;
const SLOTS: usize = 64;

async fn ask(world: &RealWorld, address: &Address, request: &Request) -> Reply {
    let reply =
        world.network().call(address, encode_request(Some(JOB), request)).await.expect("the coordinator is there");
    decode(&reply).expect("it speaks the protocol")
}

/// A worker with one slot that does nothing, as fast as it can.
async fn work(world: RealWorld, address: Arc<Address>, nonce: u64) {
    let app = AppIdentity { name: "nothing".into(), version: "1".into(), input: InputKind::WholeFile };
    let register = Request::Register { nonce, app, name: format!("slot {nonce}") };
    let Reply::Registered(registration) = ask(&world, &address, &register).await else {
        unreachable!("the job has just begun")
    };
    let (worker, mut question) = (registration.worker, 1);
    let mut request = Request::AskTask { worker, question };
    loop {
        request = match ask(&world, &address, &request).await {
            Reply::Run(assignment) => {
                question += 1;
                let attempt = assignment.attempt;
                if matches!(assignment.work, Assigned::Reduce { .. }) {
                    ask(&world, &address, &Request::AskCommit { worker, attempt }).await;
                }
                Request::Done { worker, attempt, counters: Counters::default(), question: Some(question) }
            }
            Reply::Wait | Reply::Accepted => Request::AskTask { worker, question },
            _ => break,
        }
    }
    ask(&world, &address, &Request::Goodbye { worker }).await;
}

async fn job(address: Address) {
    let world = RealWorld::new();
    let listener = world.network().listen(&address).await.expect("the address is free");
    let inputs = (0..TASKS).map(|input| InputFile { path: format!("in/{input}"), len: None }).collect();
    let job = Job { reduces: Reduces::new(1), ..Job::new(JOB, inputs) };
    let address = Arc::new(address);
    let slots = (0..SLOTS as u64).map(|slot| tokio::spawn(work(world.clone(), Arc::clone(&address), slot)));
    let slots: Vec<_> = slots.collect();
    let (_orders, order_receiver) = mpsc::unbounded();
    serve(&world, listener, job, &mut (), order_receiver).await;
    for slot in join_all(slots).await {
        slot.expect("no slot panics");
    }
}

fn served(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("tokio starts");
    let folder = tempfile::tempdir().expect("there is room for a socket");
    let mut group = criterion.benchmark_group("served");
    group.sample_size(10);
    group.throughput(Throughput::Elements(TASKS as u64));
    let mut jobs = 0;
    group.bench_function("10,000 tasks of nothing, 64 slots", |bencher| {
        bencher.iter(|| {
            jobs += 1;
            let address = Address::new(format!("unix:{}/{jobs}", folder.path().display()));
            runtime.block_on(job(address));
        });
    });
    group.finish();
}

criterion_group!(benches, served);
criterion_main!(benches);
