//! From a seed to a run: cluster, workload and fault plan, each drawn from a ChaCha stream of its own, so that another choice
//! in one leaves the others as they were.
//!
//! The plan is a swarm: each seed has only some kinds of faults, so that a thousand runs differ more than one run with everything
//! in it could.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::time::Duration;

use mr_core::ids::{JobId, Reduces};
use mr_core::job::{InputFile, Job};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sim::{DiskErrorKind, Fault, FaultKind, Plan, Trigger};

/// All that a run is made of beside its seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// Who works.
    pub cluster: ClusterShape,
    /// On what.
    pub workload: Workload,
    /// What goes wrong.
    pub plan: Plan,
}

/// Who works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterShape {
    /// Worker nodes, called `w1`, `w2` and so on.
    pub workers: u64,
    /// Attempts at once in a worker.
    pub slots: u64,
    /// The job's task timeout.
    pub task_timeout: Duration,
}

impl ClusterShape {
    /// The names of the worker nodes.
    pub fn names(self) -> impl Iterator<Item = String> {
        (1..=self.workers).map(|number| format!("w{number}"))
    }
}

/// The job and its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The bytes of each input file.
    pub inputs: Vec<Vec<u8>>,
    /// How many partitions.
    pub reduces: u64,
    /// How large a split may be; none leaves files whole.
    pub split_size: Option<NonZeroU64>,
    /// What a map may hold before it spills, in bytes.
    pub map_buffer: u64,
}

impl Workload {
    /// The name of input file `number`.
    #[must_use]
    pub fn input_name(number: usize) -> String {
        format!("in/{number}")
    }

    /// The job, to be run by a cluster of this shape.
    #[must_use]
    pub fn job(&self, cluster: ClusterShape) -> Job {
        let inputs = self
            .inputs
            .iter()
            .enumerate()
            .map(|(number, bytes)| InputFile { path: Self::input_name(number), len: Some(bytes.len() as u64) });
        Job {
            reduces: Reduces::new(u32::try_from(self.reduces).expect("a few")),
            split_size: self.split_size,
            task_timeout: cluster.task_timeout,
            // Faults make attempts fail through no fault of the app's.
            max_failures: 1000,
            ..Job::new(JobId(1), inputs.collect())
        }
    }
}

/// Draws the run of `seed`.
#[must_use]
pub fn draw(seed: u64) -> Drawn {
    let cluster = draw_cluster(&mut Stream::new(seed, 1));
    Drawn {
        cluster,
        workload: draw_workload(&mut Stream::new(seed, 2)),
        plan: draw_plan(&mut Stream::new(seed, 3), cluster),
    }
}

/// One of a seed's independent streams.
struct Stream(ChaCha8Rng);

impl Stream {
    fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.next_u64() % (high - low + 1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }

    fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }
}

fn draw_cluster(stream: &mut Stream) -> ClusterShape {
    ClusterShape { workers: stream.between(1, 4), slots: stream.between(1, 2), task_timeout: stream.millis(500, 5000) }
}

fn draw_workload(stream: &mut Stream) -> Workload {
    let words = stream.between(1, 40);
    let files = stream.between(1, 6);
    let inputs = (0..files).map(|_| {
        let length = if stream.chance(10) { 0 } else { stream.between(1, 120) };
        let mut text = Vec::new();
        for _ in 0..length {
            text.extend_from_slice(format!("{:x}", stream.between(1, words) * 7919).as_bytes());
            text.push(if stream.chance(15) { b'\n' } else { b' ' });
        }
        text
    });
    Workload {
        inputs: inputs.collect(),
        reduces: stream.between(1, 5),
        split_size: if stream.chance(30) { NonZeroU64::new(stream.between(20, 200)) } else { None },
        map_buffer: if stream.chance(30) { stream.between(1, 500) } else { 1 << 20 },
    }
}

/// Makes one fault that hits the node named.
type FaultMaker = fn(&mut Stream, String) -> FaultKind;

/// The kinds of faults, each as a way to draw one that hits `node`.
const KINDS: [FaultMaker; 14] = [
    |s, node| FaultKind::Crash { node, restart_after: Some(s.millis(1, 3000)) },
    |s, node| FaultKind::PowerLoss { node, restart_after: Some(s.millis(1, 3000)) },
    |s, node| FaultKind::Pause { node, duration: s.millis(10, 12_000) },
    |s, node| FaultKind::Partition {
        from: vec![node],
        to: vec!["coordinator".into()],
        both_ways: s.chance(50),
        duration: s.millis(10, 9000),
    },
    |s, node| FaultKind::Partition {
        from: vec!["coordinator".into()],
        to: vec![node],
        both_ways: false,
        duration: s.millis(10, 9000),
    },
    |s, _| FaultKind::Lossy {
        from: Vec::new(),
        to: Vec::new(),
        requests: s.between(0, 50) as f64 / 100.0,
        replies: s.between(0, 50) as f64 / 100.0,
        duration: s.millis(100, 8000),
    },
    |s, _| FaultKind::Duplicating { from: Vec::new(), to: Vec::new(), probability: 0.5, duration: s.millis(100, 8000) },
    |s, _| FaultKind::Delaying {
        from: Vec::new(),
        to: Vec::new(),
        extra: s.millis(1, 2000),
        duration: s.millis(100, 8000),
    },
    |s, node| FaultKind::DiskError {
        node,
        operation: None,
        error: if s.chance(50) { DiskErrorKind::Io } else { DiskErrorKind::NoSpace },
        count: Some(s.between(1, 5) as u32),
        duration: s.millis(10, 3000),
    },
    |s, node| FaultKind::TornWrite { node, count: s.between(1, 3) as u32, duration: s.millis(10, 3000) },
    |s, node| FaultKind::BitRot {
        node,
        path_contains: "/map-".into(),
        stored: s.chance(70),
        duration: s.millis(10, 5000),
    },
    |s, node| FaultKind::SlowDisk { node, factor: s.between(2, 30) as f64, duration: s.millis(100, 8000) },
    |s, node| FaultKind::SlowCompute { node, factor: s.between(2, 30_000) as f64, duration: s.millis(100, 8000) },
    |s, node| FaultKind::ClockJump { node, forward: s.millis(1, 20_000) },
];

fn draw_plan(stream: &mut Stream, cluster: ClusterShape) -> Plan {
    let chosen: Vec<FaultMaker> = KINDS.into_iter().filter(|_| stream.chance(25)).collect();
    if chosen.is_empty() {
        return Plan::default();
    }
    let faults = (0..stream.between(1, 6)).map(|_| {
        let make = chosen[stream.between(0, chosen.len() as u64 - 1) as usize];
        let node = format!("w{}", stream.between(1, cluster.workers));
        let when = draw_trigger(stream, &node);
        Fault { when, what: make(stream, node) }
    });
    let mut faults: Vec<Fault> = faults.collect();
    keep_one_slowness_per_node(&mut faults);
    Plan { faults }
}

/// Several factors on one node multiply: an operation that starts then would end long after everything has healed.
fn keep_one_slowness_per_node(faults: &mut Vec<Fault>) {
    let mut slowed = BTreeSet::new();
    faults.retain(|fault| match &fault.what {
        FaultKind::SlowDisk { node, .. } | FaultKind::SlowCompute { node, .. } => {
            slowed.insert((fault.what.name(), node.clone()))
        }
        _ => true,
    });
}

/// Half of the faults strike at a time, half right after an operation that matters to a commit.
fn draw_trigger(stream: &mut Stream, node: &str) -> Trigger {
    use sim::Operation::{Append, Create, HardLink, Rename, Send, Sync, SyncDir};

    if stream.chance(50) {
        return Trigger::At(stream.millis(0, 400));
    }
    let operations = [Append, Create, HardLink, Rename, Send, Sync, SyncDir];
    let operation = operations[stream.between(0, operations.len() as u64 - 1) as usize];
    Trigger::After { node: node.to_owned(), operation, nth: stream.between(1, 12) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_run_twice_and_another_seed_another() {
        assert_eq!(draw(4711), draw(4711));
        assert_ne!(draw(4711), draw(4712));
    }

    #[test]
    fn every_kind_of_fault_is_drawn_by_some_seed() {
        let drawn: BTreeSet<_> =
            (0..500).flat_map(|seed| draw(seed).plan.faults).map(|fault| fault.what.name()).collect();
        assert_eq!(drawn.len(), KINDS.len() - 1, "two makers make partitions: {drawn:?}");
    }
}
