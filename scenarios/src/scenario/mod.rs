//! A scenario: a situation in words, and the ranges from which a seed draws a schedule of it.
//!
//! A scenario file says what it is `about` and which `promise` is at stake; what it leaves out of `[cluster]`, `[workload]` and
//! `[models]` is drawn from the widest range that makes sense. Every number is one value or `[low, high]`, both included.

mod between;
mod cluster;
mod faults;
mod kinds;
mod problem;
mod targets;
#[cfg(test)]
mod tests;
mod workload;

use std::path::Path;

use serde::Deserialize;
use sim::Chance;

use self::cluster::{ClusterRanges, ModelRanges};
use self::faults::FaultGroup;
use self::problem::{Problem, first_problem};
use self::workload::WorkloadRanges;
use crate::file::{FileProblem, read_text, stem, toml_files};
use crate::schedule::{Schedule, check};

/// One situation that is rehearsed, read from a file in `scenarios/cases`.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The name of its file, without `.toml`.
    pub name: String,
    /// The situation, in a sentence.
    pub about: String,
    /// The promise at stake, in a sentence.
    pub promise: String,
    cluster: ClusterRanges,
    workload: WorkloadRanges,
    models: ModelRanges,
    faults: Vec<FaultGroup>,
}

/// A scenario file, word for word.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    about: String,
    promise: String,
    #[serde(default)]
    cluster: ClusterRanges,
    #[serde(default)]
    workload: WorkloadRanges,
    #[serde(default)]
    models: ModelRanges,
    #[serde(default)]
    faults: Vec<FaultGroup>,
}

impl Written {
    /// What makes no sense, or could not stand in a plan: where in the file, and what.
    fn problem(&self) -> Option<Problem> {
        let workers = self.cluster.workers.get_ref();
        let workers = workers.low.0 as usize..=workers.high.0 as usize;
        let mut most = 0_u64;
        let all_faults = self.faults.iter().map(|group| {
            let (span, count) = group.most(self.cluster.most_workers());
            most = most.saturating_add(count);
            (span, check::faults(most))
        });
        let ranges = self.cluster.problem().or_else(|| self.workload.problem());
        let ranges = ranges.or_else(|| self.faults.iter().find_map(|group| group.problem(&workers)));
        ranges.or_else(|| first_problem(all_faults))
    }
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or makes no sense.
    pub fn read(path: &Path) -> Result<Self, FileProblem> {
        Self::parse(path, &read_text(path)?)
    }

    /// Reads `text`, the contents of the scenario file at `path`.
    ///
    /// # Errors
    ///
    /// When it makes no sense: an unknown key or word, a number out of bounds, a node that is not there.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FileProblem> {
        let written: Written = toml::from_str(text).map_err(|error| FileProblem::of_toml(path, text, &error))?;
        if let Some((span, what)) = written.problem() {
            return Err(FileProblem::at(path, text, &span, what));
        }
        Ok(Self {
            name: stem(path),
            about: written.about,
            promise: written.promise,
            cluster: written.cluster,
            workload: written.workload,
            models: written.models,
            faults: written.faults,
        })
    }

    /// Reads all scenario files (`*.toml`) of a directory, in the order of their names.
    ///
    /// # Errors
    ///
    /// When the directory or one of the files cannot be read, or a file makes no sense.
    pub fn read_all(directory: &Path) -> Result<Vec<Self>, FileProblem> {
        toml_files(directory)?.iter().map(|path| Self::read(path)).collect()
    }

    /// The schedule that `seed` draws.
    #[must_use]
    pub fn draw(&self, seed: u64) -> Schedule {
        let cluster = self.cluster.draw(&mut Chance::stream(seed, 1));
        let mut faults = Vec::new();
        for (number, group) in (0..).zip(&self.faults) {
            // A stream for each group: another one added at the end leaves the others as they were.
            group.draw(&cluster, &mut Chance::stream(seed, 4 + number), &mut faults);
        }
        Schedule {
            seed,
            cluster,
            workload: self.workload.draw(&mut Chance::stream(seed, 2)),
            models: self.models.draw(&mut Chance::stream(seed, 3)),
            faults,
        }
    }
}
