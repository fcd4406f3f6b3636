//! The plan of a run: which faults strike, and when. Explicit, so that it can be read, kept, edited and shrunk.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use world::FileOperation;

use crate::duration_text;

/// Everything that goes wrong in a run, in no particular order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The faults.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it strikes. It strikes once at most.
    pub when: Trigger,
    /// What happens then.
    pub what: FaultKind,
}

/// When a fault strikes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// At this virtual time after the start.
    At(#[serde(with = "duration_text")] Duration),
    /// Right after an operation of a node, before the node can do anything more. (A pause begins at the end of the turn.)
    After {
        /// Whose operation.
        node: String,
        /// Which kind; only those that succeed count.
        operation: Operation,
        /// The how-manieth of this node and kind since the start of the run; 1 is the first.
        nth: u64,
    },
}

/// What a node does that a fault can wait for, or hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "they are the file operations of `world` and the two of a network")]
pub enum Operation {
    Open,
    Create,
    Read,
    Append,
    Sync,
    Metadata,
    Rename,
    HardLink,
    RemoveFile,
    CreateDir,
    RemoveDir,
    ReadDir,
    SyncDir,
    /// A message leaves the node: a request, or a reply to one.
    Send,
    /// A message reaches the node: a request, or a reply to one.
    Receive,
}

impl Operation {
    /// How many there are.
    pub const COUNT: usize = Operation::Receive as usize + 1;
}

impl From<FileOperation> for Operation {
    fn from(operation: FileOperation) -> Self {
        match operation {
            FileOperation::Open => Self::Open,
            FileOperation::Create => Self::Create,
            FileOperation::Read => Self::Read,
            FileOperation::Append => Self::Append,
            FileOperation::Sync => Self::Sync,
            FileOperation::Metadata => Self::Metadata,
            FileOperation::Rename => Self::Rename,
            FileOperation::HardLink => Self::HardLink,
            FileOperation::RemoveFile => Self::RemoveFile,
            FileOperation::CreateDir => Self::CreateDir,
            FileOperation::RemoveDir => Self::RemoveDir,
            FileOperation::ReadDir => Self::ReadDir,
            FileOperation::SyncDir => Self::SyncDir,
        }
    }
}

/// The words in which a file operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskErrorKind {
    /// The device does not answer (`EIO`).
    Io,
    /// The device is full (`ENOSPC`).
    NoSpace,
}

/// What goes wrong. Of a pair `from`, `to`, an empty list means all nodes; what a node sends to itself is never hit. One that lasts for no time
/// strikes and is counted, and does next to nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The process dies. What it handed to the operating system stays; callers waiting for it get no answer.
    Crash {
        /// Which node.
        node: String,
        /// When it starts anew, with an empty memory; never, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "duration_text::optional")]
        restart_after: Option<Duration>,
    },
    /// A crash that also loses an arbitrary part of what the node did to files and did not sync. Who calls meanwhile, or waits for an
    /// answer, is not refused before the node is back. It hits a machine whose process has returned or crashed as well: such a
    /// process starts only if it would have without, and not before the power is back.
    PowerLoss {
        /// Which node.
        node: String,
        /// When the power comes back, and the process that ran starts anew, with an empty memory; never, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "duration_text::optional")]
        restart_after: Option<Duration>,
    },
    /// Nothing of the node runs while time goes on. Messages queue, file operations under way complete.
    Pause {
        /// Which node.
        node: String,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// Messages between two groups vanish: calls hang and are not refused.
    Partition {
        /// Senders of what vanishes.
        from: Vec<String>,
        /// Receivers of what vanishes.
        to: Vec<String>,
        /// Whether messages from `to` to `from` vanish too.
        both_ways: bool,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// Messages vanish by chance.
    Lossy {
        /// Callers.
        from: Vec<String>,
        /// Called ones.
        to: Vec<String>,
        /// The share of requests that vanish.
        requests: f64,
        /// The share of replies that vanish, after the request was carried out.
        replies: f64,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// Requests arrive twice by chance.
    Duplicating {
        /// Callers.
        from: Vec<String>,
        /// Called ones.
        to: Vec<String>,
        /// The share of requests that arrive twice.
        probability: f64,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// Messages take longer, each by another time: late ones overtake early ones.
    Delaying {
        /// Senders.
        from: Vec<String>,
        /// Receivers.
        to: Vec<String>,
        /// The most that a message is held up; evenly spread from nothing.
        #[serde(with = "duration_text")]
        extra: Duration,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// File operations fail and change nothing.
    DiskError {
        /// Whose operations.
        node: String,
        /// Which; all, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<Operation>,
        /// In which words.
        error: DiskErrorKind,
        /// How many at most; without bound, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// File operations take longer.
    SlowDisk {
        /// Whose operations.
        node: String,
        /// How many times as long; where several such faults overlap, the worst counts.
        factor: f64,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// Appends fail for want of space, having written some of their bytes.
    ShortWrite {
        /// Whose appends.
        node: String,
        /// How many at most.
        count: u32,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// Appends fail with an I/O error, having written whole sectors of 512 bytes of the file and not the rest.
    TornWrite {
        /// Whose appends.
        node: String,
        /// How many at most.
        count: u32,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// One bit of the next bytes that a node reads of some file is wrong.
    BitRot {
        /// Whose read brings it to light.
        node: String,
        /// The file's path contains this text.
        path_contains: String,
        /// Whether the stored bytes have gone bad (for every reader, for ever), or only this one read is wrong.
        stored: bool,
        /// How long to wait for such a read.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// A node's clock leaps.
    ClockJump {
        /// Whose clock.
        node: String,
        /// How far.
        #[serde(with = "duration_text")]
        forward: Duration,
    },
    /// A node's clock runs fast, or slow when negative.
    ClockDrift {
        /// Whose clock.
        node: String,
        /// By how much; at least -900,000.
        parts_per_million: i64,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
    /// A node's computing takes longer.
    SlowCompute {
        /// Which node.
        node: String,
        /// How many times as long; where several such faults overlap, the worst counts.
        factor: f64,
        /// For how long.
        #[serde(with = "duration_text")]
        duration: Duration,
    },
}

impl FaultKind {
    /// The names of all kinds.
    pub const NAMES: [&'static str; 15] = [
        "crash",
        "power_loss",
        "pause",
        "partition",
        "lossy",
        "duplicating",
        "delaying",
        "disk_error",
        "slow_disk",
        "short_write",
        "torn_write",
        "bit_rot",
        "clock_jump",
        "clock_drift",
        "slow_compute",
    ];

    /// The kind's name, as it is written in a plan.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Crash { .. } => "crash",
            Self::PowerLoss { .. } => "power_loss",
            Self::Pause { .. } => "pause",
            Self::Partition { .. } => "partition",
            Self::Lossy { .. } => "lossy",
            Self::Duplicating { .. } => "duplicating",
            Self::Delaying { .. } => "delaying",
            Self::DiskError { .. } => "disk_error",
            Self::SlowDisk { .. } => "slow_disk",
            Self::ShortWrite { .. } => "short_write",
            Self::TornWrite { .. } => "torn_write",
            Self::BitRot { .. } => "bit_rot",
            Self::ClockJump { .. } => "clock_jump",
            Self::ClockDrift { .. } => "clock_drift",
            Self::SlowCompute { .. } => "slow_compute",
        }
    }

    /// The time from the strike until the world is healthy again; zero for what is over at once or never made good.
    #[must_use]
    pub fn extent(&self) -> Duration {
        match *self {
            Self::Crash { restart_after, .. } | Self::PowerLoss { restart_after, .. } => {
                restart_after.unwrap_or_default()
            }
            Self::ClockJump { .. } => Duration::ZERO,
            Self::Pause { duration, .. }
            | Self::Partition { duration, .. }
            | Self::Lossy { duration, .. }
            | Self::Duplicating { duration, .. }
            | Self::Delaying { duration, .. }
            | Self::DiskError { duration, .. }
            | Self::SlowDisk { duration, .. }
            | Self::ShortWrite { duration, .. }
            | Self::TornWrite { duration, .. }
            | Self::BitRot { duration, .. }
            | Self::ClockDrift { duration, .. }
            | Self::SlowCompute { duration, .. } => duration,
        }
    }
}

impl FaultKind {
    /// The node that it hits, for the kinds that hit one.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::Partition { .. } | Self::Lossy { .. } | Self::Duplicating { .. } | Self::Delaying { .. } => None,
            Self::Crash { node, .. }
            | Self::PowerLoss { node, .. }
            | Self::Pause { node, .. }
            | Self::DiskError { node, .. }
            | Self::SlowDisk { node, .. }
            | Self::ShortWrite { node, .. }
            | Self::TornWrite { node, .. }
            | Self::BitRot { node, .. }
            | Self::ClockJump { node, .. }
            | Self::ClockDrift { node, .. }
            | Self::SlowCompute { node, .. } => Some(node),
        }
    }

    /// All nodes that it names.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        let (from, to): (&[String], &[String]) = match self {
            Self::Partition { from, to, .. }
            | Self::Lossy { from, to, .. }
            | Self::Duplicating { from, to, .. }
            | Self::Delaying { from, to, .. } => (from, to),
            _ => (&[], &[]),
        };
        self.node().into_iter().chain(from.iter().chain(to).map(String::as_str))
    }
}
