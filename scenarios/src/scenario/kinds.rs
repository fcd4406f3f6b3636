//! The kinds of faults with ranges for their numbers, under the names that the simulator's plans have for them.

use std::time::Duration;

use serde::Deserialize;
use sim::{Chance, DiskErrorKind, FaultKind, Operation};
use toml::Spanned;

use super::between::{Between, Count, Drift, Factor, Odds, Share};
use super::targets::Target;

/// What goes wrong. See [`FaultKind`] for what each means.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum KindRanges {
    Crash {
        node: Spanned<Target>,
        restart_after: Option<Between<Duration>>,
    },
    PowerLoss {
        node: Spanned<Target>,
        restart_after: Option<Between<Duration>>,
    },
    Pause {
        node: Spanned<Target>,
        duration: Between<Duration>,
    },
    Partition {
        from: Vec<Spanned<Target>>,
        to: Vec<Spanned<Target>>,
        both_ways: Odds,
        duration: Between<Duration>,
    },
    Lossy {
        from: Vec<Spanned<Target>>,
        to: Vec<Spanned<Target>>,
        requests: Between<Share>,
        replies: Between<Share>,
        duration: Between<Duration>,
    },
    Duplicating {
        from: Vec<Spanned<Target>>,
        to: Vec<Spanned<Target>>,
        probability: Between<Share>,
        duration: Between<Duration>,
    },
    Delaying {
        from: Vec<Spanned<Target>>,
        to: Vec<Spanned<Target>>,
        extra: Between<Duration>,
        duration: Between<Duration>,
    },
    DiskError {
        node: Spanned<Target>,
        /// One of these; any operation, when absent.
        operations: Option<Vec<Operation>>,
        error: DiskErrorKind,
        count: Option<Between<Count>>,
        duration: Between<Duration>,
    },
    SlowDisk {
        node: Spanned<Target>,
        factor: Between<Factor>,
        duration: Between<Duration>,
    },
    ShortWrite {
        node: Spanned<Target>,
        count: Between<Count>,
        duration: Between<Duration>,
    },
    TornWrite {
        node: Spanned<Target>,
        count: Between<Count>,
        duration: Between<Duration>,
    },
    BitRot {
        node: Spanned<Target>,
        path_contains: String,
        stored: Odds,
        duration: Between<Duration>,
    },
    ClockJump {
        node: Spanned<Target>,
        forward: Between<Duration>,
    },
    ClockDrift {
        node: Spanned<Target>,
        parts_per_million: Between<Drift>,
        duration: Between<Duration>,
    },
    SlowCompute {
        node: Spanned<Target>,
        factor: Between<Factor>,
        duration: Between<Duration>,
    },
}

/// From words to the nodes they mean.
pub(super) type Resolve<'a> = &'a dyn Fn(&Target) -> Vec<String>;

impl KindRanges {
    /// The one word for whom it hits, for the kinds that hit one node.
    pub(super) fn node(&self) -> Option<&Spanned<Target>> {
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

    /// All words for nodes in it.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Spanned<Target>> {
        let (from, to): (&[Spanned<Target>], &[Spanned<Target>]) = match self {
            Self::Partition { from, to, .. }
            | Self::Lossy { from, to, .. }
            | Self::Duplicating { from, to, .. }
            | Self::Delaying { from, to, .. } => (from, to),
            _ => (&[], &[]),
        };
        self.node().into_iter().chain(from).chain(to)
    }

    /// Draws one, that hits `node` if it is of a kind that hits one node.
    pub(super) fn draw(&self, node: &str, resolve: Resolve<'_>, stream: &mut Chance) -> FaultKind {
        match self {
            Self::Partition { .. } | Self::Lossy { .. } | Self::Duplicating { .. } | Self::Delaying { .. } => {
                self.draw_of_network(resolve, stream)
            }
            Self::DiskError { .. }
            | Self::SlowDisk { .. }
            | Self::ShortWrite { .. }
            | Self::TornWrite { .. }
            | Self::BitRot { .. } => self.draw_of_disk(node.to_owned(), stream),
            Self::Crash { restart_after, .. } => {
                FaultKind::Crash { node: node.to_owned(), restart_after: restart_after.map(|after| after.draw(stream)) }
            }
            Self::PowerLoss { restart_after, .. } => FaultKind::PowerLoss {
                node: node.to_owned(),
                restart_after: restart_after.map(|after| after.draw(stream)),
            },
            Self::Pause { duration, .. } => FaultKind::Pause { node: node.to_owned(), duration: duration.draw(stream) },
            Self::ClockJump { forward, .. } => {
                FaultKind::ClockJump { node: node.to_owned(), forward: forward.draw(stream) }
            }
            Self::ClockDrift { parts_per_million, duration, .. } => FaultKind::ClockDrift {
                node: node.to_owned(),
                parts_per_million: parts_per_million.draw(stream).0,
                duration: duration.draw(stream),
            },
            Self::SlowCompute { factor, duration, .. } => FaultKind::SlowCompute {
                node: node.to_owned(),
                factor: factor.draw(stream).0,
                duration: duration.draw(stream),
            },
        }
    }

    fn draw_of_network(&self, resolve: Resolve<'_>, stream: &mut Chance) -> FaultKind {
        let nodes = |targets: &[Spanned<Target>]| targets.iter().flat_map(|target| resolve(target.get_ref())).collect();
        match self {
            Self::Partition { from, to, both_ways, duration } => FaultKind::Partition {
                from: nodes(from),
                to: nodes(to),
                both_ways: both_ways.draw(stream),
                duration: duration.draw(stream),
            },
            Self::Lossy { from, to, requests, replies, duration } => FaultKind::Lossy {
                from: nodes(from),
                to: nodes(to),
                requests: requests.draw(stream).0,
                replies: replies.draw(stream).0,
                duration: duration.draw(stream),
            },
            Self::Duplicating { from, to, probability, duration } => FaultKind::Duplicating {
                from: nodes(from),
                to: nodes(to),
                probability: probability.draw(stream).0,
                duration: duration.draw(stream),
            },
            Self::Delaying { from, to, extra, duration } => FaultKind::Delaying {
                from: nodes(from),
                to: nodes(to),
                extra: extra.draw(stream),
                duration: duration.draw(stream),
            },
            _ => unreachable!("only faults of the network come here"),
        }
    }

    fn draw_of_disk(&self, node: String, stream: &mut Chance) -> FaultKind {
        match self {
            Self::DiskError { operations, error, count, duration, .. } => FaultKind::DiskError {
                node,
                operation: operations.as_ref().map(|operations| *stream.one_of(operations)),
                error: *error,
                count: count.map(|count| count.draw(stream).0),
                duration: duration.draw(stream),
            },
            Self::SlowDisk { factor, duration, .. } => {
                FaultKind::SlowDisk { node, factor: factor.draw(stream).0, duration: duration.draw(stream) }
            }
            Self::ShortWrite { count, duration, .. } => {
                FaultKind::ShortWrite { node, count: count.draw(stream).0, duration: duration.draw(stream) }
            }
            Self::TornWrite { count, duration, .. } => {
                FaultKind::TornWrite { node, count: count.draw(stream).0, duration: duration.draw(stream) }
            }
            Self::BitRot { path_contains, stored, duration, .. } => FaultKind::BitRot {
                node,
                path_contains: path_contains.clone(),
                stored: stored.draw(stream),
                duration: duration.draw(stream),
            },
            _ => unreachable!("only faults of the disk come here"),
        }
    }
}
