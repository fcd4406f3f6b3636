//! Bands: what was wrong with a node for a while. Pauses, the time that it was down, and faults that last.

use std::time::Duration;

use serde::Serialize;
use sim::{Event, FaultKind, History};

use super::moment::Lane;
use crate::schedule::Schedule;

/// What kind of trouble a band shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The node is down.
    Down,
    /// The node stands still.
    Paused,
    /// Something is wrong with messages.
    Network,
    /// Something is wrong with the disk.
    Disk,
    /// The clock runs wrong, or the node computes slowly.
    Slow,
}

/// Something wrong for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// Whose lane.
    pub lane: Lane,
    /// From when.
    pub from: Duration,
    /// Until when; the end of the run, if it was not over by then.
    pub to: Duration,
    /// Of which kind.
    pub trouble: Trouble,
    /// What it is.
    pub words: String,
}

/// The bands of a run that ended at `end`.
pub(super) fn bands(history: &History, schedule: &Schedule, nodes: &[String], end: Duration) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let mut open: Vec<(Cause, usize)> = Vec::new();
    for (at, event) in history {
        let mut begin = |cause: Cause, lanes: &[Lane], trouble, words: String| {
            for &lane in lanes {
                open.push((cause, bands.len()));
                bands.push(Band { lane, from: *at, to: end, trouble, words: words.clone() });
            }
        };
        let over = match event {
            Event::NodeCrashed { node } => {
                begin(Cause::Down(node.index()), &[node.index()], Trouble::Down, "down".into());
                None
            }
            Event::NodePaused { node } => {
                begin(Cause::Pause(node.index()), &[node.index()], Trouble::Paused, "stands still".into());
                None
            }
            Event::FaultStruck { fault, .. } => {
                if let Some(planned) = schedule.faults.get(*fault)
                    && let Some(trouble) = trouble(&planned.what)
                {
                    begin(Cause::Fault(*fault), &lanes(&planned.what, nodes), trouble, planned.what.to_string());
                }
                None
            }
            Event::NodeStarted { node, .. } => Some(Cause::Down(node.index())),
            Event::NodeResumed { node } => Some(Cause::Pause(node.index())),
            Event::FaultHealed { fault, .. } => Some(Cause::Fault(*fault)),
            _ => None,
        };
        if let Some(over) = over {
            open.retain(|&(cause, band)| {
                if cause == over {
                    bands[band].to = *at;
                }
                cause != over
            });
        }
    }
    bands
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Down(usize),
    Pause(usize),
    Fault(usize),
}

/// Which kind of trouble a fault makes that lasts. Crashes and pauses are seen in what the node does.
pub(super) fn trouble(fault: &FaultKind) -> Option<Trouble> {
    match fault {
        FaultKind::Crash { .. }
        | FaultKind::PowerLoss { .. }
        | FaultKind::Pause { .. }
        | FaultKind::ClockJump { .. } => None,
        FaultKind::Partition { .. }
        | FaultKind::Lossy { .. }
        | FaultKind::Duplicating { .. }
        | FaultKind::Delaying { .. } => Some(Trouble::Network),
        FaultKind::DiskError { .. }
        | FaultKind::SlowDisk { .. }
        | FaultKind::ShortWrite { .. }
        | FaultKind::TornWrite { .. }
        | FaultKind::BitRot { .. } => Some(Trouble::Disk),
        FaultKind::ClockDrift { .. } | FaultKind::SlowCompute { .. } => Some(Trouble::Slow),
    }
}

/// The lanes to show a fault on. One of the network that hits a few nodes' messages with everybody is those nodes' trouble.
pub(super) fn lanes(fault: &FaultKind, nodes: &[String]) -> Vec<Lane> {
    let (from, to) = match fault {
        FaultKind::Partition { from, to, .. }
        | FaultKind::Lossy { from, to, .. }
        | FaultKind::Duplicating { from, to, .. }
        | FaultKind::Delaying { from, to, .. } => (from.as_slice(), to.as_slice()),
        _ => (&[][..], &[][..]),
    };
    let hit = |name: &String| match fault.node() {
        Some(node) => node == name,
        None if from.is_empty() && to.is_empty() => true,
        None => from.contains(name) || to.contains(name),
    };
    (0..nodes.len()).filter(|&lane| hit(&nodes[lane])).collect()
}
