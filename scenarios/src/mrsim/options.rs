//! What can be said on the command line.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args, Parser, Subcommand};

use mr_core::ids::{MapIndex, Partition, TaskId};
use sim::LogLevel;

use super::exit::Ending;
use crate::campaign::{Seeds, Shard};
use crate::story::Part;

/// The colours of `--help`; clap leaves them out where `NO_COLOR` is set or nobody looks.
const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  mrsim                                  all scenarios, 10,000 schedules
  mrsim run zombie --seeds 0..100000     one scenario, thoroughly
  mrsim run --for 60s --shard 2/8        the second of eight machines, for a minute
  mrsim replay zombie 4711               whether one schedule keeps its promises
  mrsim replay zombie 4711 --timeline    what happens in it; --html FILE to look at it
  mrsim plan zombie 4711 > plan.toml     write it down, edit it, and then
  mrsim replay --plan plan.toml          see what happens now
  mrsim shrink zombie 4711 -o plan.toml  the smallest schedule that fails the same way

";

/// Rehearses MapReduce: its very coordinator and workers on a simulated cluster, thousands of seeded schedules of crashes, delays,
/// partitions and disk faults, every output held against a sequential oracle.
///
/// Without a command: all scenarios, 10,000 schedules.
#[derive(Debug, Parser)]
#[command(name = "mrsim", version, styles = STYLES, after_help = format!("{EXAMPLES}{}", Ending::HELP))]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// The folder of scenario files.
    #[arg(long, global = true, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/cases"), hide_default_value = true)]
    pub(super) cases: PathBuf,
    /// The folder of plan files of old bugs, which always run first; `none` for none.
    #[arg(long, global = true, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions"), hide_default_value = true)]
    pub(super) regressions: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Tells which scenarios there are.
    List,
    /// Rehearses scenarios over many seeds.
    #[command(after_help = Ending::HELP)]
    Run {
        /// Which scenarios; all, when none is named.
        #[arg(value_name = "SCENARIO")]
        scenarios: Vec<String>,
        #[command(flatten)]
        options: RunOptions,
    },
    /// Rehearses one schedule and tells what happens.
    #[command(after_help = Ending::HELP)]
    Replay {
        /// The scenario.
        #[arg(requires = "seed", conflicts_with = "plan")]
        scenario: Option<String>,
        /// The seed.
        #[arg(value_parser = clap::value_parser!(u64).range(..i64::MAX as u64))]
        seed: Option<u64>,
        /// A plan file instead.
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
        #[command(flatten)]
        options: ReplayOptions,
    },
    /// Finds the smallest schedule that breaks the same promise as a seed or plan file does, and prints it as a plan file.
    #[command(after_help = Ending::HELP)]
    Shrink {
        /// The scenario.
        #[arg(requires = "seed", conflicts_with = "plan")]
        scenario: Option<String>,
        /// The seed.
        #[arg(value_parser = clap::value_parser!(u64).range(..i64::MAX as u64))]
        seed: Option<u64>,
        /// A plan file instead.
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
        /// Write the plan file there instead.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Give up looking for a smaller one after this long.
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration, default_value = "20s")]
        time: Duration,
        /// Print a Rust test instead.
        #[arg(long)]
        emit_test: bool,
    },
    /// Adds up the results of several shards, as `run --json` has written them.
    #[command(after_help = Ending::HELP)]
    Merge {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Add up what is there, though campaigns were interrupted or cut off, or shards are missing.
        #[arg(long)]
        partial: bool,
        #[command(flatten)]
        coverage: CoverageOptions,
    },
    /// Prints the cluster, workload and fault plan that a seed draws, as a plan file.
    Plan {
        /// The scenario.
        scenario: String,
        /// The seed.
        #[arg(value_parser = clap::value_parser!(u64).range(..i64::MAX as u64))]
        seed: u64,
    },
}

/// What is told of a replayed schedule.
#[derive(Debug, Clone, Args)]
pub(super) struct ReplayOptions {
    /// Run it twice and compare, event for event.
    #[arg(long)]
    pub(super) check_determinism: bool,
    /// Show what happens, with a column for each node.
    #[arg(long)]
    pub(super) timeline: bool,
    /// Only from this virtual time on (`1.5s`, `20ms`).
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = TIMELINE)]
    pub(super) from: Option<Duration>,
    /// Only up to this virtual time.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = TIMELINE)]
    pub(super) to: Option<Duration>,
    /// Only what happens on this node, or between it and others; may be given several times.
    #[arg(long, value_name = "NODE", help_heading = TIMELINE)]
    pub(super) node: Vec<String>,
    /// Only what is about this task: `map-3`, `reduce-0`.
    #[arg(long, value_name = "TASK", value_parser = parse_task, help_heading = TIMELINE)]
    pub(super) task: Option<TaskId>,
    /// Only the end, where the promise is broken.
    #[arg(long, help_heading = TIMELINE)]
    pub(super) around_failure: bool,
    /// Only what happened before this file was what it is, and had a part in it: `mr-out-3`.
    #[arg(long, value_name = "FILE", help_heading = TIMELINE)]
    pub(super) causal_of: Option<String>,
    /// Heartbeats and every single step on files as well.
    #[arg(long, help_heading = TIMELINE)]
    pub(super) everything: bool,
    /// What coordinator and workers log, of this level and graver; with --task or --causal-of, beside the events that these leave.
    #[arg(long, value_name = "LEVEL", help_heading = TIMELINE)]
    pub(super) log: Option<LogLevel>,
    /// Write a page to look at: one file, for any browser.
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Write a trace for <https://ui.perfetto.dev>.
    #[arg(long, value_name = "FILE")]
    pub(super) perfetto: Option<PathBuf>,
}

const TIMELINE: &str = "Timeline (each of these asks for it)";

impl ReplayOptions {
    /// Whether a timeline is wanted.
    pub(super) fn wants_timeline(&self) -> bool {
        let Self { from, to, node, task, causal_of, log, .. } = self;
        let part = from.is_some() || to.is_some() || !node.is_empty() || task.is_some() || causal_of.is_some();
        self.timeline || part || log.is_some() || self.everything || self.around_failure
    }

    /// Which part of it.
    pub(super) fn part(&self) -> Part {
        Part {
            from: self.from,
            to: self.to,
            nodes: self.node.clone(),
            task: self.task,
            causal_of: self.causal_of.clone(),
            around_failure: self.around_failure,
            lines: None,
            everything: self.everything,
            log: self.log,
        }
    }
}

/// A task as a person names it: `map-3`, `map 3`, `reduce-0`.
fn parse_task(text: &str) -> Result<TaskId, String> {
    let parts = text.split_once(['-', ' ']).and_then(|(kind, number)| Some((kind, number.parse().ok()?)));
    match parts {
        Some(("map", number)) => Ok(TaskId::Map(MapIndex(number))),
        Some(("reduce", number)) => Ok(TaskId::Reduce(Partition(number))),
        _ => Err("a task is called map-3 or reduce-0".into()),
    }
}

/// How a campaign is to be run.
#[derive(Debug, Clone, Args)]
pub(super) struct RunOptions {
    /// The seeds of each scenario: `A..B` without B, `A..=B`, `A..` without end, or one; by default as many as make 10,000 schedules in all.
    #[arg(long, value_name = "A..B")]
    pub(super) seeds: Option<Seeds>,
    /// Go on for this long, from the first seed upwards.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) time_box: Option<Duration>,
    /// On how many threads; on all cores by default. The results do not depend on it.
    #[arg(long, value_name = "N", value_parser = parse_jobs, default_value_t = cores(), hide_default_value = true)]
    pub(super) jobs: usize,
    /// Take only part K of N of the seeds, for one of N machines.
    #[arg(long, value_name = "K/N")]
    pub(super) shard: Option<Shard>,
    /// Write results there, one JSON object a line: each failure, each scenario, the total, then reports on failures.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Stop at the first failure.
    #[arg(long)]
    pub(super) fail_fast: bool,
    /// How long each of these may be shrunk; 0s does not.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "20s")]
    pub(super) shrink_for: Duration,
    /// Where the folders of failures are written: report, smallest plan, timeline, page.
    #[arg(long, value_name = "DIR", default_value = "mrsim-failures")]
    pub(super) failures: PathBuf,
    /// How many failures are reported on; each of another scenario or promise.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) reports: usize,
    /// How long all these reports may take together; the first is always written.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "5m")]
    pub(super) reports_for: Duration,
    /// Run every schedule twice, not one in fifty.
    #[arg(long)]
    pub(super) check_determinism: bool,
    #[command(flatten)]
    pub(super) coverage: CoverageOptions,
}

/// What is told of what was tried.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct CoverageOptions {
    /// Show which faults struck at which step of the protocol, that is, did something there, and which marks were hit.
    #[arg(long)]
    pub(super) coverage: bool,
    /// Fail if any fault never struck at some step, or some mark was never hit.
    #[arg(long)]
    pub(super) require_coverage: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            seeds: None,
            time_box: None,
            jobs: cores(),
            shard: None,
            json: None,
            fail_fast: false,
            shrink_for: Duration::from_secs(20),
            failures: "mrsim-failures".into(),
            reports: 1,
            reports_for: Duration::from_mins(5),
            check_determinism: false,
            coverage: CoverageOptions::default(),
        }
    }
}

/// The most threads that anybody has a use for.
const MOST_JOBS: usize = 1024;

fn parse_jobs(text: &str) -> Result<usize, String> {
    let jobs = text.parse().ok().filter(|jobs| (1..=MOST_JOBS).contains(jobs));
    jobs.ok_or_else(|| format!("a number from 1 to {MOST_JOBS}; all cores of this machine are {}", cores()))
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
