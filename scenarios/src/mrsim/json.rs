//! The results of a campaign for programs: one JSON object a line, read again by `mrsim merge`.
//!
//! Every object has `version` (6) and `kind`:
//!
//! * `failure`, as they come: `scenario`, `regression` (whether it is a plan file of an old bug), `seed`, `promise` (the name of its file in
//!   `scenarios/src/invariants`, or `no_panic`, `determinism`, `harness`, which have none), `judgement` (`safety`, `liveness`, `panic`, `nondeterminism`, `crash`), `what`, `repeat` (a
//!   command), and `schedules`: how many had been rehearsed by then, this one included;
//! * `report`, at the end for each failure that was looked into: `scenario`, `seed`, `commit`, `promise`, `in_words`, `what` (with workers called by their nodes), `repeat`, `lineage` (text, or
//!   null), `shrunk` (how far shrinking came, or null), `plan` (the smallest schedule as a plan file), `timeline` (its most telling rows), `kept`
//!   (the folder with everything, or null if it could not be written);
//! * `scenario`, one for each: `scenario`, `schedules` (how many; they are those of its first seeds), `failed`, `nobody_left` (of how many the plan left
//!   nobody to finish them), `events`, `virtual_nanos`, `faults`
//!   (by kind), `slowest` (`seed` and `virtual_nanos`), `coverage` (a list of `step`, `fault`, `times`), `marks` (by name);
//! * `total`, once, behind the scenarios: `schedules`, `failed`; of what it is a shard: `scenarios` (names), `first_seed` and `end_seed` (of all
//!   shards, the end not included; null when nobody said where to end), `time_box` (whether it had one); `shard` (`K/N`, or null);
//!   `ended_early` (fewer schedules were rehearsed than there are in the shard: the time was up, it stopped at the first failure, or it was
//!   interrupted); `interrupted` (a signal ended it early); and `wall_seconds`, the only thing that depends on the machine. A file without
//!   it is that of a campaign that was killed, or it could not be written in full.
//!
//! Each line is in the file before anything else happens.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anstream::adapter::strip_str;
use serde::{Deserialize, Serialize};

use super::output::{Output, named};
use super::tally::Tally;
use super::whole::Whole;
use crate::campaign::Rehearsed;
use crate::coverage::Step;
use crate::failure::{DIGEST, Failure, Recorded};
use crate::invariants::in_words;

pub(super) const VERSION: u32 = 6;

#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) version: u32,
    #[serde(flatten)]
    pub(super) content: Content,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Content {
    Failure(FailureLine),
    Report(Box<ReportLine>),
    Scenario(ScenarioLine),
    Total(TotalLine),
}

#[derive(Serialize, Deserialize)]
pub(super) struct FailureLine {
    pub(super) scenario: String,
    pub(super) regression: bool,
    pub(super) seed: u64,
    pub(super) promise: String,
    pub(super) judgement: String,
    what: String,
    pub(super) repeat: String,
    schedules: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ReportLine {
    scenario: String,
    seed: u64,
    commit: String,
    promise: String,
    in_words: String,
    what: String,
    repeat: String,
    lineage: Option<String>,
    shrunk: Option<String>,
    plan: String,
    timeline: Option<String>,
    kept: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ScenarioLine {
    pub(super) scenario: String,
    pub(super) schedules: u64,
    pub(super) failed: u64,
    pub(super) nobody_left: u64,
    pub(super) events: u64,
    pub(super) virtual_nanos: u64,
    pub(super) faults: BTreeMap<String, u64>,
    pub(super) slowest: Option<SlowestLine>,
    pub(super) coverage: Vec<CellLine>,
    pub(super) marks: BTreeMap<String, u64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SlowestLine {
    pub(super) seed: u64,
    pub(super) virtual_nanos: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CellLine {
    pub(super) step: Step,
    pub(super) fault: String,
    pub(super) times: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct TotalLine {
    pub(super) schedules: u64,
    pub(super) failed: u64,
    #[serde(flatten)]
    pub(super) whole: Whole,
    pub(super) shard: Option<String>,
    pub(super) ended_early: bool,
    pub(super) interrupted: bool,
    pub(super) wall_seconds: f64,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl ScenarioLine {
    fn of(scenario: &str, tally: &Tally) -> Self {
        let owned = |sums: &BTreeMap<&'static str, u64>| {
            sums.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        let cells = tally.coverage.cells();
        Self {
            scenario: scenario.to_owned(),
            schedules: tally.schedules,
            failed: tally.failed,
            nobody_left: tally.nobody_left,
            events: tally.events,
            virtual_nanos: nanos(tally.virtual_time),
            faults: owned(&tally.faults),
            slowest: tally.slowest.map(|(time, seed)| SlowestLine { seed, virtual_nanos: nanos(time) }),
            coverage: cells.map(|(step, fault, times)| CellLine { step, fault: fault.to_owned(), times }).collect(),
            marks: owned(&tally.marks),
        }
    }
}

/// The file that results are written to.
pub(super) struct Lines {
    file: BufWriter<File>,
    path: PathBuf,
    /// Whether a line could not be written. Nothing more is then: a file that lacks a line must not have a total.
    broken: bool,
}

impl Lines {
    /// Begins the file anew.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path).map_err(|error| named(path, &error))?;
        Ok(Self { file: BufWriter::new(file), path: path.to_owned(), broken: false })
    }

    /// Writes a line, which is in the file before anything else happens.
    fn write(&mut self, out: &mut Output, content: Content) {
        if self.broken {
            return;
        }
        let line = Line { version: VERSION, content };
        let result = serde_json::to_writer(&mut self.file, &line).map_err(io::Error::from);
        let result = result.and_then(|()| writeln!(self.file)).and_then(|()| self.file.flush());
        self.broken = out.written(result.map_err(|error| named(&self.path, &error))).is_none();
    }

    /// A failure, the command that repeats it, and after how many schedules it came.
    pub(super) fn failure(&mut self, out: &mut Output, rehearsed: &Rehearsed, repeat: &str, schedules: u64) {
        let failure = Content::Failure(FailureLine {
            scenario: rehearsed.name.clone(),
            regression: rehearsed.regression,
            seed: rehearsed.seed,
            promise: rehearsed.outcome.promise().unwrap_or_default().to_owned(),
            judgement: rehearsed.outcome.judgement().to_owned(),
            what: rehearsed.outcome.what().to_owned(),
            repeat: repeat.to_owned(),
            schedules,
        });
        self.write(out, failure);
    }

    /// What is known of a failure that was looked into.
    pub(super) fn report(&mut self, out: &mut Output, failure: &Failure, kept: Option<&Path>) {
        let promise = failure.outcome.promise().unwrap_or_default();
        let lineage = failure.recorded.as_ref().and_then(|recorded| recorded.lineage.as_ref());
        let timeline = |recorded: &Recorded| strip_str(&recorded.digest(DIGEST)).to_string();
        let report = Content::Report(Box::new(ReportLine {
            scenario: failure.name.clone(),
            seed: failure.seed,
            commit: failure.commit.clone(),
            promise: promise.to_owned(),
            in_words: in_words(promise).to_owned(),
            what: failure.what(),
            repeat: failure.repeat.clone(),
            lineage: lineage.map(ToString::to_string),
            shrunk: failure.smallest.as_ref().map(|smallest| smallest.told.clone()),
            plan: failure.plan().to_toml(),
            timeline: failure.shown().map(timeline),
            kept: kept.map(Path::to_owned),
        }));
        self.write(out, report);
    }

    /// What one scenario adds up to.
    pub(super) fn scenario(&mut self, out: &mut Output, scenario: &str, tally: &Tally) {
        self.write(out, Content::Scenario(ScenarioLine::of(scenario, tally)));
    }

    /// What all adds up to: nothing of the campaign is missing.
    pub(super) fn total(&mut self, out: &mut Output, total: TotalLine) {
        self.write(out, Content::Total(total));
    }
}
