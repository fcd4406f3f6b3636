//! Whether a schedule makes sense. One that a person has written down may not; one that is drawn always does, because the ends of the ranges
//! that it is drawn from are held against the same bounds.

use std::time::Duration;

use sim::{Fault, FaultKind, Trigger};

use super::{ClusterShape, Models, WorkerShape, Workload};
use crate::file::did_you_mean;
use crate::rehearsal::COORDINATOR;

/// The largest number of workers, slots, files, partitions or faults that makes sense in a rehearsal: more is a slip of the pen.
const MANY: u32 = 10_000;

/// The most bytes of input that make sense in a rehearsal, which has all of them in memory several times over.
const MUCH: u64 = 100_000_000;

/// Holds, or a sentence without its full stop that says what is wrong.
pub(crate) type Sense = Result<(), String>;

pub(crate) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Sense {
    if holds { Ok(()) } else { Err(what()) }
}

/// Whether so many may work.
pub(crate) fn workers(count: usize) -> Sense {
    ensure((1..=MANY as usize).contains(&count), || format!("a cluster has 1 to {MANY} workers, not {count}"))
}

/// Whether a worker may run so many attempts at once.
pub(crate) fn slots(slots: u32) -> Sense {
    ensure((1..=MANY).contains(&slots), || format!("a worker has 1 to {MANY} slots, not {slots}"))
}

/// Whether an attempt may go so long without a sign of progress.
pub(crate) fn task_timeout(timeout: Duration) -> Sense {
    ensure(!timeout.is_zero(), || "the task timeout is longer than nothing".into())?;
    time(timeout)
}

/// Whether a job may have so many partitions.
pub(crate) fn reduces(reduces: u32) -> Sense {
    ensure((1..=MANY).contains(&reduces), || format!("a job has 1 to {MANY} reduces, not {reduces}"))
}

/// Whether a job may have so many input files.
pub(crate) fn files(files: u64) -> Sense {
    ensure(files <= MANY.into(), || format!("a job has at most {MANY} files, not {files}"))
}

/// Whether they may be so long, all together.
pub(crate) fn input_bytes(bytes: u64) -> Sense {
    ensure(bytes <= MUCH, || format!("the files of a job have at most {MUCH} bytes in all, not {bytes}"))
}

/// Whether so much may go wrong.
pub(crate) fn faults(count: u64) -> Sense {
    ensure(count <= MANY.into(), || format!("a plan has at most {MANY} faults, not {count}"))
}

fn time(time: Duration) -> Sense {
    ensure(time <= sim::MAX_DURATION, || "no time is longer than a hundred years".into())
}

impl ClusterShape {
    /// Whether there is somebody to work.
    pub(crate) fn check(&self) -> Sense {
        workers(self.workers.len())?;
        self.workers.iter().try_for_each(|worker| {
            slots(worker.slots)?;
            time(worker.start_after)?;
            time(worker.stop_after.unwrap_or_default())
        })?;
        let stays = |worker: &WorkerShape| worker.stop_after.is_none();
        ensure(self.workers.iter().any(stays), || {
            "one worker at least has no `stop_after`: somebody has to finish the job".into()
        })?;
        task_timeout(self.task_timeout)?;
        ensure(self.max_failures > 0, || "max_failures is at least 1".into())
    }

    /// Whether there is a node called `name`.
    fn check_node(&self, name: &str) -> Sense {
        let names: Vec<String> = self.worker_names().chain([COORDINATOR.to_owned()]).collect();
        ensure(names.iter().any(|known| known == name), || {
            let meant = did_you_mean(name, names.iter().map(String::as_str));
            format!("this cluster has no node `{name}`, only {}{meant}", names.join(", "))
        })
    }
}

impl Workload {
    /// Whether there is something that can be done.
    pub(crate) fn check(&self) -> Sense {
        reduces(self.reduces)?;
        files(self.inputs.len() as u64)?;
        input_bytes(self.inputs.iter().map(|input| input.0.len() as u64).sum())?;
        let limits = self.limits;
        let buffers = [limits.map_buffer, limits.read_block, limits.run_block, limits.write_block];
        ensure(buffers.iter().all(|&bytes| bytes > 0), || "a buffer or block has at least 1 byte".into())?;
        ensure(limits.merge_fan_in >= 2, || "merge_fan_in is at least 2: fewer would merge for ever".into())?;
        let trouble = self.trouble.as_ref();
        ensure(trouble.is_none_or(|trouble| !trouble.word.is_empty()), || "the word of `trouble` is not empty".into())
    }
}

impl Models {
    /// Whether there can be such a world around a cluster of this shape.
    pub(crate) fn check(&self, cluster: &ClusterShape) -> Sense {
        let of = |model: &str, sense: Sense| sense.map_err(|what| format!("{model}: {what}"));
        of("network", self.network.check())?;
        of("disk", self.disk.check())?;
        of("compute", self.compute.check())?;
        of("slowness", self.compute.slowness.keys().try_for_each(|node| cluster.check_node(node)))
    }
}

/// Whether `fault` can strike a cluster of this shape.
pub(crate) fn fault(fault: &Fault, cluster: &ClusterShape) -> Sense {
    let trigger = match &fault.when {
        Trigger::At(_) => None,
        Trigger::After { node, .. } => Some(node.as_str()),
    };
    fault.what.nodes().chain(trigger).try_for_each(|node| cluster.check_node(node))?;
    let comes_back = matches!(
        &fault.what,
        FaultKind::Crash { node, restart_after: Some(_) } | FaultKind::PowerLoss { node, restart_after: Some(_) }
            if node == COORDINATOR
    );
    ensure(!comes_back, || COORDINATOR_COMES_BACK.into())?;
    fault.check()
}

/// Why a plan has no coordinator that comes back.
pub(crate) const COORDINATOR_COMES_BACK: &str =
    "a coordinator that has died does not come back: it keeps its job in memory only, so leave `restart_after` out";
