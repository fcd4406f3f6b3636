//! A schedule: everything that one rehearsal depends on, written out. A seed of a scenario draws one; a plan file holds one.
//!
//! Nothing in it is a range or a chance any more. What is left to chance, such as how long each message takes, is a function of
//! [`Schedule::seed`] and of what the message is, so that taking one fault out moves nothing else.

mod bytes;
pub(crate) mod check;
mod describe;
mod workload;

use std::ops::Not;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sim::{ComputeModel, DiskModel, Fault, NetworkModel, Plan, duration_text};

pub use bytes::Bytes;
pub(crate) use describe::counted;
pub use workload::{AppChoice, LimitsShape, Phase, Trouble, Workload};

/// Everything that one rehearsal depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Where all chance comes from that the rest leaves open; at most 2⁶³ - 1, because TOML has no larger numbers.
    pub seed: u64,
    /// Who works.
    pub cluster: ClusterShape,
    /// On what.
    pub workload: Workload,
    /// How fast the world is when nothing goes wrong.
    #[serde(default)]
    pub models: Models,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

impl Schedule {
    /// The faults, as the simulator takes them.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan { faults: self.faults.clone() }
    }
}

/// Who works, beside the one node called `coordinator`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterShape {
    /// The workers; the nodes are called `w1`, `w2` and so on.
    pub workers: Vec<WorkerShape>,
    /// How long an attempt may go without a sign of progress.
    #[serde(with = "duration_text")]
    pub task_timeout: Duration,
    /// How many attempts of one task may fail before the job does.
    pub max_failures: u32,
    /// Whether stragglers get backups.
    #[serde(default)]
    pub backup_tasks: bool,
    /// Whether intermediate files lie in a directory of their own, called `apart`, and not beside the outputs.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub apart: bool,
}

impl ClusterShape {
    /// The name of worker number `index`, counted from 0.
    #[must_use]
    pub fn worker_name(index: usize) -> String {
        format!("w{}", index + 1)
    }

    /// The names of all workers.
    pub fn worker_names(&self) -> impl Iterator<Item = String> + use<> {
        (0..self.workers.len()).map(Self::worker_name)
    }
}

/// One worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerShape {
    /// How many attempts it runs at once.
    pub slots: u32,
    /// How long after the start of the run it comes.
    #[serde(default, with = "duration_text")]
    pub start_after: Duration,
    /// How long after a start it is told to stop; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "duration_text::optional")]
    pub stop_after: Option<Duration>,
}

impl WorkerShape {
    /// One with so many slots that is there from the start and stays to the end.
    #[must_use]
    pub fn steady(slots: u32) -> Self {
        Self { slots, start_after: Duration::ZERO, stop_after: None }
    }
}

/// How fast the world is when nothing goes wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// How messages travel.
    pub network: NetworkModel,
    /// How fast files are.
    pub disk: DiskModel,
    /// How fast nodes compute.
    pub compute: ComputeModel,
}
