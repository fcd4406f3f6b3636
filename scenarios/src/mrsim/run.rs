//! `mrsim run`: a campaign, its progress, and the table at its end.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::HumanCount;

use super::exit::Ending;
use super::json::{Lines, TotalLine};
use super::options::RunOptions;
use super::progress::{Progress, ShrinkProgress};
use super::tally::{Sums, Told};
use super::tell::{tell_coverage, tell_sums};
use super::{DEFAULT_SCHEDULES, Trouble};
use crate::campaign::{Campaign, Determinism, Rehearsed, Seeds};
use crate::failure::Failure;
use crate::plan_file::PlanFile;
use crate::rehearsal::rehearse;
use crate::scenario::Scenario;
use crate::schedule::Schedule;

/// Runs a campaign.
pub(super) fn run(
    scenarios: &[Scenario],
    regressions: &[(String, PlanFile)],
    options: &RunOptions,
) -> Result<Ending, Trouble> {
    if scenarios.is_empty() {
        return Err(Trouble::Usage("there are no scenarios: the folder of cases is empty".into()));
    }
    let campaign = campaign(scenarios, regressions, options);
    let mut results = Results::new(options)?;
    announce(&campaign, options)?;
    let begun = Instant::now();
    let total = (options.time_box.is_none()).then(|| campaign.len() + regressions.len() as u64);
    let mut progress = Progress::new(total);
    let mut written = Ok(());
    campaign.run(&rehearse, |rehearsed| {
        progress.add(rehearsed.faults.values().sum(), !rehearsed.passed());
        let failed = !rehearsed.passed();
        written = results.add(rehearsed);
        if written.is_err() || failed && options.fail_fast { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.finish();
    written?;
    let wall = begun.elapsed();
    results.tell(wall)?;
    report_failures(&mut results, scenarios, regressions, options)?;
    results.close(&campaign, options, wall)
}

/// Looks into the first failures, each of another scenario or promise; prints their reports and keeps what they leave out.
fn report_failures(
    results: &mut Results,
    scenarios: &[Scenario],
    regressions: &[(String, PlanFile)],
    options: &RunOptions,
) -> Result<(), Trouble> {
    let failures = std::mem::take(&mut results.failures);
    for rehearsed in failures.iter().take(options.reports) {
        let Some(schedule) = schedule_of(rehearsed, scenarios, regressions) else { continue };
        let mut progress = ShrinkProgress::new();
        let failure =
            Failure::investigate(rehearsed, &schedule, options.shrink_for, |shrinking| progress.set(shrinking));
        progress.finish();
        let kept = failure.keep(&options.failures)?;
        write!(anstream::stdout().lock(), "\n{}", failure.report(Some(&kept)))?;
        if let Some(json) = &mut results.json {
            json.report(&failure, &kept)?;
        }
    }
    Ok(())
}

fn schedule_of(rehearsed: &Rehearsed, scenarios: &[Scenario], regressions: &[(String, PlanFile)]) -> Option<Schedule> {
    if rehearsed.regression {
        return regressions.iter().find(|(name, _)| *name == rehearsed.name).map(|(_, plan)| plan.schedule.clone());
    }
    let scenario = scenarios.iter().find(|scenario| scenario.name == rehearsed.name);
    scenario.map(|scenario| scenario.draw(rehearsed.seed))
}

fn campaign<'a>(
    scenarios: &'a [Scenario],
    regressions: &'a [(String, PlanFile)],
    options: &RunOptions,
) -> Campaign<'a> {
    let bounded = options.seeds.is_some() || options.time_box.is_some();
    let seeds = options.seeds.unwrap_or(Seeds::starting_at(0));
    Campaign {
        regressions,
        scenarios,
        seeds: options.shard.map_or(seeds, |shard| seeds.shard(shard)),
        schedules: if bounded { u64::MAX } else { DEFAULT_SCHEDULES },
        time_box: options.time_box,
        jobs: options.jobs,
        determinism: if options.check_determinism { Determinism::Always } else { Determinism::Sampled },
    }
}

/// One line before it starts, so that a campaign that is cut off can be begun again.
fn announce(campaign: &Campaign<'_>, options: &RunOptions) -> io::Result<()> {
    let scenarios = match campaign.scenarios {
        [one] => one.name.clone(),
        all => format!("{} scenarios", all.len()),
    };
    let schedules = match options.time_box {
        Some(time_box) => format!("for {}", humantime::format_duration(time_box)),
        None => format!("{} schedules", HumanCount(campaign.len())),
    };
    let (first, jobs) = (campaign.seeds.nth(0), campaign.jobs);
    writeln!(io::stdout(), "{scenarios}, {schedules}, seeds from {first}, {jobs} jobs")
}

/// What is kept of a campaign: sums, and the failures to look into.
struct Results {
    sums: Sums,
    schedules: u64,
    /// The first of each scenario and promise.
    failures: Vec<Rehearsed>,
    json: Option<Lines>,
}

impl Results {
    fn new(options: &RunOptions) -> io::Result<Self> {
        let json = options.json.as_deref().map(Lines::create).transpose()?;
        Ok(Self { sums: Sums::default(), schedules: 0, failures: Vec::new(), json })
    }

    fn add(&mut self, rehearsed: Rehearsed) -> io::Result<()> {
        self.schedules += 1;
        self.sums.add(&rehearsed);
        if rehearsed.passed() {
            return Ok(());
        }
        if let Some(json) = &mut self.json {
            json.failure(&rehearsed, self.schedules)?;
        }
        let told = Told {
            name: rehearsed.name.clone(),
            seed: rehearsed.seed,
            promise: rehearsed.outcome.promise().unwrap_or_default().to_owned(),
            repeat: rehearsed.repeat_command(),
        };
        if self.sums.fail(Ending::of(&rehearsed.outcome), told) {
            self.failures.push(rehearsed);
        }
        Ok(())
    }

    fn tell(&self, wall: Duration) -> io::Result<()> {
        let mut out = io::stdout().lock();
        tell_sums(&mut out, &self.sums)?;
        let rate = self.schedules as f64 / wall.as_secs_f64().max(1e-9);
        writeln!(out, "{:.1} s, {} schedules/s", wall.as_secs_f64(), HumanCount(rate as u64))
    }

    /// The sums go behind the reports: the last line of a complete file is the total.
    fn close(mut self, campaign: &Campaign<'_>, options: &RunOptions, wall: Duration) -> Result<Ending, Trouble> {
        let complete = tell_coverage(&mut io::stdout().lock(), &self.sums, &options.coverage)?;
        let total = self.sums.total(true);
        if let Some(json) = &mut self.json {
            for (name, tally) in &self.sums.tallies {
                json.scenario(name, tally)?;
            }
            json.total(TotalLine {
                schedules: total.schedules,
                failed: total.failed,
                first_seed: campaign.seeds.nth(0),
                shard: options.shard.map(|shard| shard.to_string()),
                wall_seconds: wall.as_secs_f64(),
            })?;
        }
        Ok(self.sums.ending.max(complete))
    }
}
