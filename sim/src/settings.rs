//! What the world is like when nothing goes wrong: how far, how fast, and how long a run may take.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::decisions::{Seed, Spread};

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// All that a run depends on beside its plan and the system under test.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where all chance comes from.
    pub seed: Seed,
    /// How messages travel.
    pub network: NetworkModel,
    /// How fast files are.
    pub disk: DiskModel,
    /// How fast nodes compute.
    pub compute: ComputeModel,
    /// The virtual time that nodes have to finish *after the last fault has healed* (after the start, without faults). Counted
    /// from there because a fault that waits for an operation can strike at any time.
    pub limit: Duration,
    /// How many events a run may have: one that goes in circles ends here, long before its virtual time is up. One that goes in circles
    /// without events ends in [`Spinning`](crate::Finished::Spinning), after a number of turns that grows with this.
    pub event_limit: u64,
}

impl Settings {
    /// A fast, healthy world with this seed: a minute and a million events to finish, and the models' defaults.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            seed,
            network: NetworkModel::default(),
            disk: DiskModel::default(),
            compute: ComputeModel::default(),
            limit: Duration::from_secs(60),
            event_limit: 1_000_000,
        }
    }
}

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkModel {
    /// The time of one message in one direction, drawn for every message on its own.
    pub latency: Spread,
}

impl Default for NetworkModel {
    /// 50 µs to 20 ms, half of it under 300 µs.
    fn default() -> Self {
        Self { latency: Spread { min: micros(50), typical: micros(300), max: micros(20_000) } }
    }
}

/// How fast files are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskModel {
    /// The time of one operation, drawn for every operation on its own.
    pub latency: Spread,
    /// What reads and appends add to that.
    pub bytes_per_second: u64,
    /// The share of reads that yield fewer bytes than are there, as they may.
    pub short_reads: f64,
}

impl Default for DiskModel {
    /// 10 µs to 5 ms, half of it under 60 µs; 200 MB/s; one read in twenty cut short.
    fn default() -> Self {
        let latency = Spread { min: micros(10), typical: micros(60), max: micros(5_000) };
        Self { latency, bytes_per_second: 200_000_000, short_reads: 0.05 }
    }
}

/// How fast nodes compute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComputeModel {
    /// Nanoseconds for a byte of work.
    pub nanos_per_byte: f64,
    /// Nanoseconds for a record of work.
    pub nanos_per_record: f64,
    /// How many times as long the same work takes on a node, by the node's name; 1 for those not named. A name of no node is refused.
    #[serde(default)]
    pub slowness: BTreeMap<String, f64>,
}

impl Default for ComputeModel {
    /// 10 ns a byte, 1 µs a record, all nodes alike.
    fn default() -> Self {
        Self { nanos_per_byte: 10.0, nanos_per_record: 1000.0, slowness: BTreeMap::new() }
    }
}
