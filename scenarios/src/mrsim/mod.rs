//! `mrsim`: the rehearsals from the command line.

mod exit;
mod interrupt;
mod json;
mod merge;
mod options;
mod output;
mod progress;
mod replay;
mod result_file;
mod run;
mod shrink;
mod table;
mod taken;
mod tally;
mod tell;
mod whole;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

pub use self::exit::Ending;
use self::options::{Arguments, Command, RunOptions};
use self::output::{Output, say};
use self::replay::Subject;
use self::run::Tried;
use self::shrink::ShrinkOrders;
use crate::campaign::Folders;
use crate::file::{FileProblem, did_you_mean};
use crate::plan_file::PlanFile;
use crate::scenario::Scenario;

/// How many schedules are rehearsed when nobody says how many.
const DEFAULT_SCHEDULES: u64 = 10_000;

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let mut out = Output::new();
    match dispatch(Arguments::parse(), &mut out) {
        Ok(ending) => ExitCode::from(out.close(ending).code()),
        Err(trouble) => {
            say(format_args!("mrsim: {trouble}"));
            ExitCode::from(Ending::WRONG_USAGE)
        }
    }
}

/// Why nothing could be rehearsed.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// A scenario or plan file.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// The person's words.
    #[error("{0}")]
    Usage(String),
    /// The file that results were to be written to.
    #[error("cannot write the results: {0}")]
    Output(io::Error),
    /// The system.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
}

fn dispatch(arguments: Arguments, out: &mut Output) -> Result<Ending, Trouble> {
    let Arguments { command, cases, regressions } = arguments;
    let folders = Folders { cases, regressions };
    let cases = &folders.cases;
    match command {
        None => run::run(&Tried::read(folders, &[])?, &RunOptions::default(), out),
        Some(Command::Run { scenarios: names, options }) => run::run(&Tried::read(folders, &names)?, &options, out),
        Some(Command::Merge { files, partial, coverage }) => merge::merge(&files, partial, &coverage, out),
        Some(Command::List) => list(cases, out),
        Some(Command::Plan { scenario, seed }) => {
            let scenario = find(cases, &scenario)?;
            let about = format!("Seed {seed} of {}: {}", scenario.name, scenario.about);
            let plan = PlanFile { about, breaks: None, schedule: scenario.draw(seed) };
            write!(out, "{}", plan.to_toml());
            Ok(Ending::Passed)
        }
        Some(Command::Replay { scenario, seed, plan, options }) => {
            replay::replay(&subject(cases, scenario, seed, plan)?, &options, out)
        }
        Some(Command::Shrink { scenario, seed, plan, output, time, emit_test }) => {
            let subject = subject(cases, scenario, seed, plan)?;
            shrink::shrink_subject(&subject, &ShrinkOrders { time, output, emit_test }, out)
        }
    }
}

/// What is to be replayed or shrunk: a seed of a scenario, or a plan file.
fn subject(
    cases: &Path,
    scenario: Option<String>,
    seed: Option<u64>,
    plan: Option<PathBuf>,
) -> Result<Subject, Trouble> {
    match (scenario, seed, plan) {
        (Some(scenario), Some(seed), None) => Ok(Subject::drawn(&find(cases, &scenario)?, seed)),
        (None, None, Some(path)) => Ok(Subject::planned(&path, PlanFile::read(&path)?)),
        _ => Err(Trouble::Usage("say which: SCENARIO SEED, or --plan FILE".into())),
    }
}

fn list(cases: &Path, out: &mut Output) -> Result<Ending, Trouble> {
    let scenarios = Scenario::read_all(cases)?;
    let width = scenarios.iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    for Scenario { name, about, .. } in scenarios {
        writeln!(out, "{name:width$}  {about}");
    }
    Ok(Ending::Passed)
}

/// Those of `all` that `names` names, in the order of `all`; all, when it names none.
fn choose(all: Vec<Scenario>, names: &[String]) -> Result<Vec<Scenario>, Trouble> {
    let known: Vec<&str> = all.iter().map(|scenario| scenario.name.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let meant = did_you_mean(unknown, known);
        let end = if meant.is_empty() { ";" } else { &meant };
        return Err(Trouble::Usage(format!(
            "there is no scenario `{unknown}`{end} `cargo mrsim list` tells which there are"
        )));
    }
    let wanted = |scenario: &Scenario| names.is_empty() || names.contains(&scenario.name);
    Ok(all.into_iter().filter(wanted).collect())
}

fn find(cases: &Path, name: &str) -> Result<Scenario, Trouble> {
    let mut found = choose(Scenario::read_all(cases)?, &[name.to_owned()])?;
    Ok(found.remove(0))
}
