//! Whom a fault of a scenario hits: a node by name, any worker, every worker, the coordinator.

use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, de::Error};
use sim::Chance;

use crate::file::nearest;
use crate::rehearsal::COORDINATOR;
use crate::schedule::ClusterShape;

/// A word for one node or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// One worker, drawn for each fault.
    AnyWorker,
    /// Each worker: of a fault that hits one node, there is one for each.
    EveryWorker,
    /// The coordinator.
    Coordinator,
    /// All nodes.
    Everybody,
    /// Worker number so much, from 1.
    Worker(usize),
}

const WORDS: [&str; 4] = ["any worker", "every worker", COORDINATOR, "everybody"];

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let number = word.strip_prefix('w').and_then(|number| number.parse().ok()).filter(|&number| number > 0);
        Ok(match (word.as_str(), number) {
            ("any worker", _) => Self::AnyWorker,
            ("every worker", _) => Self::EveryWorker,
            ("everybody", _) => Self::Everybody,
            (COORDINATOR, _) => Self::Coordinator,
            (_, Some(number)) => Self::Worker(number),
            _ => {
                let meant = nearest(&word, WORDS).map_or(String::new(), |meant| format!("; did you mean \"{meant}\"?"));
                let words = WORDS.map(|word| format!("\"{word}\"")).join(", ");
                return Err(D::Error::custom(format!("\"{word}\" is no node: say {words} or \"w1\"{meant}")));
            }
        })
    }
}

impl Target {
    /// Why this target is not there in every cluster that has this many workers at least.
    pub(super) fn problem(&self, workers: &RangeInclusive<usize>) -> Option<String> {
        match self {
            Self::Worker(number) if number > workers.start() => {
                Some(format!("some clusters of this scenario have no \"w{number}\", only {} workers", workers.start()))
            }
            _ => None,
        }
    }

    /// The nodes that are meant, with `any` for any worker. Everybody is nobody in particular: an empty list, in a plan.
    pub(super) fn nodes(&self, cluster: &ClusterShape, any: &str) -> Vec<String> {
        match self {
            Self::AnyWorker => vec![any.to_owned()],
            Self::EveryWorker => cluster.worker_names().collect(),
            Self::Coordinator => vec![COORDINATOR.to_owned()],
            Self::Everybody => Vec::new(),
            Self::Worker(number) => vec![ClusterShape::worker_name(number - 1)],
        }
    }
}

/// Any worker of a cluster.
pub(super) fn any_worker(cluster: &ClusterShape, stream: &mut Chance) -> String {
    ClusterShape::worker_name(stream.between(0..=cluster.workers.len() as u64 - 1) as usize)
}
