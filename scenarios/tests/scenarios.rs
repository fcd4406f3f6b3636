//! Every scenario as a test of its own, named after its file, so that `cargo test worker_crash` rehearses that one; before them, every
//! plan file of an old bug. Works the same under cargo-nextest.
//!
//! madsim's variables mean what its users expect: `MADSIM_TEST_SEED` is the first seed, alone the only one; `MADSIM_TEST_NUM` how many;
//! `MADSIM_TEST_JOBS` on how many threads each test runs (one: the tests themselves run side by side); with
//! `MADSIM_TEST_CHECK_DETERMINISM` every schedule is run twice, and not one in fifty.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anstream::adapter::strip_str;
use libtest_mimic::{Arguments, Failed, Trial};
use scenarios::{Campaign, Determinism, Failure, Folders, PlanFile, Rehearsed, Scenario, Schedule, Seeds, rehearse};

/// How many schedules are rehearsed in all when nobody asks for others.
const DEFAULT_SCHEDULES: u64 = 10_000;

/// How long a failing schedule may be shrunk.
const SHRINK_FOR: Duration = Duration::from_secs(20);

/// How many failing seeds of one scenario are told.
const TOLD: usize = 5;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match trials() {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn trials() -> Result<Vec<Trial>, String> {
    let wanted = Wanted::from_environment()?;
    let regressions = PlanFile::read_all(&folder("regressions")).map_err(|problem| problem.to_string())?;
    let scenarios = Scenario::read_all(&folder("cases")).map_err(|problem| problem.to_string())?;
    let seeds = DEFAULT_SCHEDULES.div_ceil(scenarios.len().max(1) as u64);
    let regressions = regressions.into_iter().map(|regression| {
        let name = format!("regression::{}", regression.0);
        Trial::test(name, move || judge(&[regression], &[], Seeds::range(0, 0), wanted))
    });
    let scenarios = scenarios.into_iter().map(|scenario| {
        let seeds = wanted.seeds.unwrap_or(Seeds::range(0, seeds));
        Trial::test(scenario.name.clone(), move || judge(&[], &[scenario], seeds, wanted))
    });
    Ok(regressions.chain(scenarios).collect())
}

/// What the environment asks for.
#[derive(Clone, Copy)]
struct Wanted {
    seeds: Option<Seeds>,
    jobs: usize,
    determinism: Determinism,
}

impl Wanted {
    fn from_environment() -> Result<Self, String> {
        let number = |name: &str| {
            let Some(text) = std::env::var_os(name) else { return Ok(None) };
            let number = text.to_str().and_then(|text| text.parse::<u64>().ok());
            number.map(Some).ok_or_else(|| format!("{name} must be a whole number, not {text:?}"))
        };
        let (first, count, jobs) =
            (number("MADSIM_TEST_SEED")?, number("MADSIM_TEST_NUM")?, number("MADSIM_TEST_JOBS")?);
        let seeds = match (first, count) {
            (None, None) => None,
            (first, count) => {
                let first = first.unwrap_or(0);
                Some(Seeds::range(first, first.saturating_add(count.unwrap_or(1))))
            }
        };
        let determinism = match std::env::var_os("MADSIM_TEST_CHECK_DETERMINISM") {
            Some(_) => Determinism::Always,
            None => Determinism::Sampled,
        };
        Ok(Self { seeds, jobs: jobs.map_or(1, |jobs| usize::try_from(jobs).unwrap_or(usize::MAX)), determinism })
    }
}

fn judge(
    regressions: &[(String, PlanFile)],
    scenarios: &[Scenario],
    seeds: Seeds,
    wanted: Wanted,
) -> Result<(), Failed> {
    let campaign = Campaign {
        regressions,
        scenarios,
        seeds,
        schedules: u64::MAX,
        time_box: None,
        interrupted: None,
        jobs: wanted.jobs,
        determinism: wanted.determinism,
    };
    let (mut first, mut failures, mut schedules) = (None, Vec::new(), 0_u64);
    campaign.run(&rehearse, |rehearsed| {
        schedules += 1;
        if !rehearsed.passed() {
            failures.push((rehearsed.seed, rehearsed.outcome.promise().unwrap_or_default()));
            first = first.take().or(Some(rehearsed));
        }
        ControlFlow::Continue(())
    });
    let Some(first) = first else { return Ok(()) };
    let schedule = match regressions.first() {
        Some((_, plan)) => plan.schedule.clone(),
        None => scenarios[0].draw(first.seed),
    };
    Err(report(&first, &schedule, &failures, schedules).into())
}

/// What a person reads: the seed first, then the command that repeats it, the promise, and what happened right before.
fn report(first: &Rehearsed, schedule: &Schedule, failures: &[(u64, &str)], schedules: u64) -> String {
    let (name, seed) = (&first.name, first.seed);
    let mut text = format!("seed {seed} of {name}\n\nto repeat it:\n");
    if !first.regression {
        let _ = writeln!(text, "  MADSIM_TEST_SEED={seed} cargo test --package scenarios {name}");
    }
    let _ = writeln!(text, "  {}\n", first.repeat_command(&Folders::default()));
    let failure = Failure::investigate(first, schedule, &Folders::default(), SHRINK_FOR, |_| ControlFlow::Continue(()));
    let kept = failure.keep(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let _ = writeln!(text, "{}", strip_str(&failure.report(kept.as_deref().ok()).to_string()));
    if let Err(error) = kept {
        let _ = writeln!(text, "the rest could not be written: {error}");
    }
    let others: Vec<String> =
        failures.iter().skip(1).take(TOLD).map(|(seed, promise)| format!("{seed} ({promise})")).collect();
    let _ = write!(text, "{} of {schedules} schedules failed", failures.len());
    if !others.is_empty() {
        let _ = write!(text, "; other seeds: {}", others.join(", "));
    }
    text
}
