//! How proptest makes schedules: workloads, clusters and fault plans that no scenario file would think of, each of which shrinks
//! towards less: fewer faults, workers, files, words, and simpler numbers.

use std::num::NonZeroU64;
use std::ops::Range;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use scenarios::{AppChoice, Bytes, ClusterShape, LimitsShape, Models, Schedule, WorkerShape, Workload};
use sim::{DiskErrorKind, Fault, FaultKind, Operation, Trigger};

/// The largest number that TOML has.
const MAX_SEED: u64 = i64::MAX as u64;

/// Any schedule whose job can be done.
pub(crate) fn schedules() -> impl Strategy<Value = Schedule> {
    (0..=MAX_SEED, clusters(), workloads(), vec(faults(), 0..=6)).prop_map(|(seed, cluster, workload, faults)| {
        let faults = faults.into_iter().map(|fault| fault.aimed_at(&cluster)).collect();
        Schedule { seed, cluster, workload, models: Models::default(), faults }
    })
}

/// One to four workers, some of which come late, and some but the first are told to stop.
pub(crate) fn clusters() -> impl Strategy<Value = ClusterShape> {
    let start_after = prop_oneof![3 => Just(Duration::ZERO), 1 => millis(0..5000)];
    let stop_after = option::weighted(0.2, millis(0..3000));
    let worker = (1_u32..=2, start_after, stop_after).prop_map(|(slots, start_after, stop_after)| WorkerShape {
        slots,
        start_after,
        stop_after,
    });
    let rest = (millis(500..5000), any::<bool>(), any::<bool>());
    (vec(worker, 1..=4), rest).prop_map(|(mut workers, (task_timeout, backup_tasks, apart))| {
        workers[0].stop_after = None;
        ClusterShape {
            workers,
            task_timeout,
            backup_tasks,
            apart,
            // Faults make attempts fail through no fault of the app's.
            max_failures: 1000,
        }
    })
}

/// Any app over a few files: of words, of nothing, of bytes that are no text, of keys far larger than a block.
pub(crate) fn workloads() -> impl Strategy<Value = Workload> {
    let app = select(vec![AppChoice::Wc, AppChoice::Indexer, AppChoice::Sort, AppChoice::Trail, AppChoice::Signed]);
    let sometimes = |sizes: Range<u64>| {
        option::weighted(0.3, sizes.prop_map(|size| NonZeroU64::new(size).expect("one byte or more")))
    };
    let sizes = (sometimes(20..200), sometimes(50..500));
    (app, any::<bool>(), 1_u32..=5, sizes, limits(), vec(inputs(), 0..=5)).prop_map(
        |(app, combine, reduces, (split_size, join_size), limits, inputs)| Workload {
            app,
            combine,
            reduces,
            split_size,
            join_size,
            limits,
            trouble: None,
            inputs,
        },
    )
}

fn limits() -> impl Strategy<Value = LimitsShape> {
    let tight = (1_u32..2000, 1_u32..300, 1_u32..300, 2_u32..5, 1_u32..300).prop_map(
        |(map_buffer, read_block, run_block, merge_fan_in, write_block)| LimitsShape {
            map_buffer,
            read_block,
            run_block,
            merge_fan_in,
            write_block,
        },
    );
    prop_oneof![Just(LimitsShape::ROOMY), tight]
}

fn inputs() -> impl Strategy<Value = Bytes> {
    let word = prop_oneof![8 => "[a-e]{1,3}", 1 => "[a-z]{200,600}", 1 => "[a-zé]{1,8}"];
    let gap = prop_oneof![4 => Just(" "), 1 => Just("\n"), 1 => Just("\r\n"), 1 => Just("  ")];
    let text = vec((word, gap), 0..60)
        .prop_map(|words| words.into_iter().map(|(word, gap)| word + gap).collect::<String>().into_bytes());
    prop_oneof![6 => text, 1 => vec(any::<u8>(), 0..300)].prop_map(Bytes)
}

fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

/// A fault that has yet to be told which worker it hits.
#[derive(Debug, Clone)]
pub(crate) struct Unaimed {
    target: Index,
    when: UnaimedTrigger,
    /// The fault, with [`TARGET`] for the worker's name.
    what: FaultKind,
}

#[derive(Debug, Clone)]
enum UnaimedTrigger {
    At(Duration),
    After(Operation, u64),
}

/// Stands for the worker that a fault hits.
const TARGET: &str = "target";

impl Unaimed {
    fn aimed_at(self, cluster: &ClusterShape) -> Fault {
        let node = ClusterShape::worker_name(self.target.index(cluster.workers.len()));
        let when = match self.when {
            UnaimedTrigger::At(at) => Trigger::At(at),
            UnaimedTrigger::After(operation, nth) => Trigger::After { node: node.clone(), operation, nth },
        };
        Fault { when, what: renamed(&self.what, &node) }
    }
}

/// `what`, with `name` wherever it says [`TARGET`].
fn renamed(what: &FaultKind, name: &str) -> FaultKind {
    let text = toml::to_string(what).expect("a fault can be written down");
    toml::from_str(&text.replace(&format!("\"{TARGET}\""), &format!("\"{name}\""))).expect("and read again")
}

fn faults() -> impl Strategy<Value = Unaimed> {
    let operation = select(vec![
        Operation::Append,
        Operation::Create,
        Operation::HardLink,
        Operation::Read,
        Operation::Receive,
        Operation::RemoveFile,
        Operation::Rename,
        Operation::Send,
        Operation::Sync,
        Operation::SyncDir,
    ]);
    let when = prop_oneof![
        millis(0..400).prop_map(UnaimedTrigger::At),
        (operation, 1_u64..12).prop_map(|(operation, nth)| UnaimedTrigger::After(operation, nth)),
    ];
    (any::<Index>(), when, kinds()).prop_map(|(target, when, what)| Unaimed { target, when, what })
}

fn kinds() -> impl Strategy<Value = FaultKind> {
    prop_oneof![process_faults(), network_faults(), disk_faults(), clock_faults()]
}

fn target() -> String {
    TARGET.to_owned()
}

/// Processes that die come back: how a job fares that loses all its workers is for a scenario to say.
fn process_faults() -> impl Strategy<Value = FaultKind> {
    prop_oneof![
        millis(1..3000).prop_map(|after| FaultKind::Crash { node: target(), restart_after: Some(after) }),
        millis(1..3000).prop_map(|after| FaultKind::PowerLoss { node: target(), restart_after: Some(after) }),
        millis(10..12_000).prop_map(|duration| FaultKind::Pause { node: target(), duration }),
        (1.0..1e5, millis(100..8000)).prop_map(|(factor, duration)| FaultKind::SlowCompute {
            node: target(),
            factor,
            duration
        }),
    ]
}

fn network_faults() -> impl Strategy<Value = FaultKind> {
    let coordinator = || vec!["coordinator".to_owned()];
    let duration = || millis(10..9000);
    prop_oneof![
        (any::<bool>(), duration()).prop_map(move |(both_ways, duration)| FaultKind::Partition {
            from: vec![target()],
            to: coordinator(),
            both_ways,
            duration
        }),
        duration().prop_map(move |duration| FaultKind::Partition {
            from: coordinator(),
            to: vec![target()],
            both_ways: false,
            duration
        }),
        (0.0..0.6, 0.0..0.6, duration()).prop_map(|(requests, replies, duration)| FaultKind::Lossy {
            from: Vec::new(),
            to: Vec::new(),
            requests,
            replies,
            duration
        }),
        (0.0..1.0, duration()).prop_map(|(probability, duration)| FaultKind::Duplicating {
            from: Vec::new(),
            to: Vec::new(),
            probability,
            duration
        }),
        (millis(1..4000), duration()).prop_map(|(extra, duration)| FaultKind::Delaying {
            from: Vec::new(),
            to: Vec::new(),
            extra,
            duration
        }),
    ]
}

fn disk_faults() -> impl Strategy<Value = FaultKind> {
    let error = select(vec![DiskErrorKind::Io, DiskErrorKind::NoSpace]);
    let duration = || millis(10..5000);
    prop_oneof![
        (error, 1_u32..5, duration()).prop_map(|(error, count, duration)| FaultKind::DiskError {
            node: target(),
            operation: None,
            error,
            count: Some(count),
            duration
        }),
        (1_u32..3, duration()).prop_map(|(count, duration)| FaultKind::TornWrite { node: target(), count, duration }),
        (1_u32..3, duration()).prop_map(|(count, duration)| FaultKind::ShortWrite { node: target(), count, duration }),
        (any::<bool>(), duration()).prop_map(|(stored, duration)| FaultKind::BitRot {
            node: target(),
            path_contains: "/map-".into(),
            stored,
            duration
        }),
        (1.0..30.0, duration()).prop_map(|(factor, duration)| FaultKind::SlowDisk { node: target(), factor, duration }),
    ]
}

fn clock_faults() -> impl Strategy<Value = FaultKind> {
    prop_oneof![
        millis(1..8_000).prop_map(|forward| FaultKind::ClockJump { node: target(), forward }),
        (-500_000_i64..500_000, millis(100..8000)).prop_map(|(parts_per_million, duration)| FaultKind::ClockDrift {
            node: target(),
            parts_per_million,
            duration
        }),
    ]
}
