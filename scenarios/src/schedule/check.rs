//! Whether a schedule makes sense: a drawn one always does, one that a person has edited may not.

use sim::{Fault, Trigger};

use super::{ClusterShape, Models, Workload};
use crate::rehearsal::COORDINATOR;
use crate::scenario::nearest;

/// The largest number of tasks or slots that makes sense in a rehearsal: more is a slip of the pen.
const MANY: u32 = 10_000;

/// Holds, or a sentence without its full stop that says what is wrong.
pub(crate) type Sense = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Sense {
    if holds { Ok(()) } else { Err(what()) }
}

impl ClusterShape {
    /// Whether there is somebody to work.
    pub(crate) fn check(&self) -> Sense {
        ensure(!self.workers.is_empty(), || "a cluster has at least one worker".into())?;
        ensure(self.workers.iter().all(|worker| (1..=MANY).contains(&worker.slots)), || {
            format!("a worker has 1 to {MANY} slots")
        })?;
        ensure(!self.task_timeout.is_zero(), || "the task timeout is longer than nothing".into())?;
        let times = self.workers.iter().map(|worker| worker.start_after).chain([self.task_timeout]);
        ensure(times.max() <= Some(sim::MAX_DURATION), || "no time is longer than a hundred years".into())?;
        ensure(self.max_failures > 0, || "max_failures is at least 1".into())
    }
}

impl Workload {
    /// Whether there is something that can be done.
    pub(crate) fn check(&self) -> Sense {
        ensure((1..=MANY).contains(&self.reduces), || format!("a job has 1 to {MANY} reduces, not {}", self.reduces))?;
        let limits = self.limits;
        let buffers = [limits.map_buffer, limits.read_block, limits.run_block, limits.write_block];
        ensure(buffers.iter().all(|&bytes| bytes > 0), || "a buffer or block has at least 1 byte".into())?;
        ensure(limits.merge_fan_in >= 2, || "merge_fan_in is at least 2: fewer would merge for ever".into())?;
        let trouble = self.trouble.as_ref();
        ensure(trouble.is_none_or(|trouble| !trouble.word.is_empty()), || "the word of `trouble` is not empty".into())
    }
}

impl Models {
    /// Whether there can be such a world.
    pub(crate) fn check(&self) -> Sense {
        let of = |model: &str, sense: Sense| sense.map_err(|what| format!("{model}: {what}"));
        of("network", self.network.check())?;
        of("disk", self.disk.check())?;
        of("compute", self.compute.check())
    }
}

/// Whether `fault` can strike a cluster of this shape.
pub(crate) fn check_fault(fault: &Fault, cluster: &ClusterShape) -> Sense {
    let trigger = match &fault.when {
        Trigger::At(_) => None,
        Trigger::After { node, .. } => Some(node.as_str()),
    };
    let names: Vec<String> = cluster.worker_names().chain([COORDINATOR.to_owned()]).collect();
    for node in fault.what.nodes().chain(trigger) {
        ensure(names.iter().any(|name| name == node), || {
            let meant = nearest(node, names.iter().map(String::as_str));
            let meant = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
            format!("this cluster has no node `{node}`, only {}{meant}", names.join(", "))
        })?;
    }
    fault.check()
}
