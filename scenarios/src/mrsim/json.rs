//! The results of a campaign for programs: one JSON object a line.
//!
//! Every object has `version` (1) and `kind`:
//!
//! * `failure`, as they come: `scenario`, `regression` (whether it is a plan file of an old bug), `seed`, `promise` (the name of its file in
//!   `scenarios/src/invariants`, or `determinism`, `harness`), `judgement` (`safety`, `liveness`, `panic`, `nondeterminism`, `crash`), `what`, `repeat` (a
//!   command), and `schedules`: how many had been rehearsed by then, this one included;
//! * `report`, for each failure that was looked into: `scenario`, `seed`, `commit`, `promise`, `in_words`, `what`,
//!   `repeat`, `lineage` (text, or null), `shrunk` (how far shrinking came, or null), `plan` (the smallest schedule as a plan file),
//!   `timeline` (its last rows), `kept` (the folder with everything);
//! * `scenario`, one for each: `scenario`, `schedules`, `failed`, `events`, `virtual_seconds`, `faults` (by kind);
//! * `total`, the last line: the same without a name, and `wall_seconds`, the only thing that depends on the machine.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anstream::adapter::strip_str;
use serde::Serialize;

use super::table::Tally;
use crate::campaign::Rehearsed;
use crate::failure::{Failure, Recorded};
use crate::invariants::in_words;
use crate::story::{Part, Timeline};

const VERSION: u32 = 1;

/// The file that results are written to.
pub(super) struct Lines(BufWriter<File>);

#[derive(Serialize)]
struct Line<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Content<'a> {
    Failure {
        scenario: &'a str,
        regression: bool,
        seed: u64,
        promise: &'a str,
        judgement: &'a str,
        what: &'a str,
        repeat: String,
        schedules: u64,
    },
    Scenario {
        scenario: &'a str,
        #[serde(flatten)]
        sum: Sum<'a>,
    },
    Total {
        #[serde(flatten)]
        sum: Sum<'a>,
        wall_seconds: f64,
    },
    Report {
        scenario: &'a str,
        seed: u64,
        commit: &'a str,
        promise: &'a str,
        in_words: &'a str,
        what: &'a str,
        repeat: &'a str,
        lineage: Option<String>,
        shrunk: Option<&'a str>,
        plan: Option<String>,
        timeline: Option<String>,
        kept: &'a Path,
    },
}

#[derive(Serialize)]
struct Sum<'a> {
    schedules: u64,
    failed: u64,
    events: u64,
    virtual_seconds: f64,
    faults: &'a BTreeMap<&'static str, u64>,
}

impl<'a> Sum<'a> {
    fn of(tally: &'a Tally) -> Self {
        Self {
            schedules: tally.schedules,
            failed: tally.failed,
            events: tally.events,
            virtual_seconds: tally.virtual_time.as_secs_f64(),
            faults: &tally.faults,
        }
    }
}

impl Lines {
    /// Begins the file anew.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        Ok(Self(BufWriter::new(File::create(path).map_err(named)?)))
    }

    fn write(&mut self, content: Content<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, &Line { version: VERSION, content })?;
        writeln!(self.0)
    }

    /// A failure, after so many schedules. It is in the file before anything else happens.
    pub(super) fn failure(&mut self, rehearsed: &Rehearsed, schedules: u64) -> io::Result<()> {
        self.write(Content::Failure {
            scenario: &rehearsed.name,
            regression: rehearsed.regression,
            seed: rehearsed.seed,
            promise: rehearsed.outcome.promise().unwrap_or_default(),
            judgement: rehearsed.outcome.judgement(),
            what: rehearsed.outcome.what(),
            repeat: rehearsed.repeat_command(),
            schedules,
        })?;
        self.0.flush()
    }

    /// What one scenario adds up to.
    pub(super) fn scenario(&mut self, scenario: &str, tally: &Tally) -> io::Result<()> {
        self.write(Content::Scenario { scenario, sum: Sum::of(tally) })
    }

    /// What is known of a failure that was looked into.
    pub(super) fn report(&mut self, failure: &Failure, kept: &Path) -> io::Result<()> {
        let promise = failure.outcome.promise().unwrap_or_default();
        let lineage = failure.recorded.as_ref().and_then(|recorded| recorded.lineage.as_ref());
        let timeline = |recorded: &Recorded| {
            let part = Part { around_failure: true, ..Part::default() };
            strip_str(&Timeline::new(&recorded.story, &part).to_string()).to_string()
        };
        self.write(Content::Report {
            scenario: &failure.name,
            seed: failure.seed,
            commit: &failure.commit,
            promise,
            in_words: in_words(promise),
            what: failure.outcome.what(),
            repeat: &failure.repeat,
            lineage: lineage.map(ToString::to_string),
            shrunk: failure.smallest.as_ref().map(|smallest| smallest.told.as_str()),
            plan: failure.plan().map(|plan| plan.to_toml()),
            timeline: failure.shown().map(timeline),
            kept,
        })
    }

    /// What all adds up to, and the end.
    pub(super) fn total(&mut self, tally: &Tally, wall: Duration) -> io::Result<()> {
        self.write(Content::Total { sum: Sum::of(tally), wall_seconds: wall.as_secs_f64() })?;
        self.0.flush()
    }
}
