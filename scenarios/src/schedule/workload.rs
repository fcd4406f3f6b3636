//! The job of a rehearsal and its input.

use std::num::NonZeroU64;

use mr_core::ids::{JobId, Reduces};
use mr_core::job::{InputFile, Job};
use mr_core::tasks::Limits;
use serde::{Deserialize, Serialize};

use super::{Bytes, ClusterShape};
use crate::apps;

/// The job and its input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Which app.
    pub app: AppChoice,
    /// Whether the app's combiner is used, if it has one.
    pub combine: bool,
    /// How many partitions; at least one.
    pub reduces: u32,
    /// How large a split may be, in bytes; files stay whole when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_size: Option<NonZeroU64>,
    /// How many bytes of neighbouring files may share a map; each has one of its own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_size: Option<NonZeroU64>,
    /// How much memory the data path may use.
    pub limits: LimitsShape,
    /// What is the matter with the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// The contents of the input files, which are called `in/0`, `in/1` and so on.
    pub inputs: Vec<Bytes>,
}

/// The apps that are rehearsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppChoice {
    /// Word count: stretches of lines, and a combiner.
    Wc,
    /// Inverted index: whole files.
    Indexer,
    /// Sort: a partition of its own, and every byte of the input in the output.
    Sort,
    /// Where each word stands, in the order in which reduce is told: an output that shows any record lost, doubled or moved.
    Trail,
    /// Word count whose every line is signed by the worker that wrote it. No two workers write the same bytes, so that an output that
    /// is replaced, or put together from two, shows.
    Signed,
}

/// How much memory the data path may use, in bytes and open runs; see [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsShape {
    /// What a map may hold before it spills.
    pub map_buffer: u32,
    /// How much of an input is read at a time.
    pub read_block: u32,
    /// How large a block of an intermediate file is.
    pub run_block: u32,
    /// How many runs are merged at a time; at least two.
    pub merge_fan_in: u32,
    /// What a reduce holds of finished output.
    pub write_block: u32,
}

impl LimitsShape {
    /// Memory enough for everything in a rehearsal.
    pub const ROOMY: Self =
        Self { map_buffer: 1 << 20, read_block: 1 << 16, run_block: 1 << 16, merge_fan_in: 128, write_block: 1 << 16 };

    /// As `mr-core` takes them.
    #[must_use]
    pub fn limits(self) -> Limits {
        Limits {
            map_buffer: self.map_buffer as usize,
            read_block: self.read_block as usize,
            run_block: self.run_block as usize,
            merge_fan_in: self.merge_fan_in as usize,
            write_block: self.write_block as usize,
        }
    }
}

/// What is the matter with an app: it stumbles over one word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// Where.
    pub phase: Phase,
    /// Over which word: of a map, one that its input contains; of a reduce, its key.
    pub word: String,
    /// Whether it panics instead of returning an error.
    pub panics: bool,
    /// How many times, counted over the whole cluster; always, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// A half of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Maps.
    Map,
    /// Reduces.
    Reduce,
}

impl Workload {
    /// The name of input file `number`.
    #[must_use]
    pub fn input_name(number: usize) -> String {
        format!("in/{number}")
    }

    /// The names of all inputs.
    pub fn input_names(&self) -> impl Iterator<Item = String> + use<> {
        (0..self.inputs.len()).map(Self::input_name)
    }

    /// The job, to be run by a cluster of this shape.
    ///
    /// # Panics
    ///
    /// When there are no partitions.
    #[must_use]
    pub fn job(&self, cluster: &ClusterShape) -> Job {
        let inputs = self.input_names().zip(&self.inputs);
        let inputs = inputs.map(|(path, bytes)| InputFile { path, len: Some(bytes.0.len() as u64) });
        Job {
            reduces: Reduces::new(self.reduces),
            split_size: self.split_size,
            join_size: self.join_size,
            combine: self.combine,
            task_timeout: cluster.task_timeout,
            max_failures: cluster.max_failures,
            backup_tasks: cluster.backup_tasks,
            ..Job::new(JobId(1), inputs.collect())
        }
    }

    /// How many map tasks the job has.
    #[must_use]
    pub fn maps(&self, cluster: &ClusterShape) -> usize {
        self.maps_of(&self.job(cluster))
    }

    /// The same, where `job`, which is this workload's, is at hand.
    pub(crate) fn maps_of(&self, job: &Job) -> usize {
        job.map_inputs(apps::healthy(self.app).input()).len()
    }
}
