//! `mrsim run`: a campaign, its progress, and the table at its end.

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::HumanCount;

use super::exit::Ending;
use super::interrupt;
use super::json::{Lines, TotalLine};
use super::options::RunOptions;
use super::output::{Output, can_write_into};
use super::progress::{Progress, ShrinkProgress};
use super::tally::{Sums, Told};
use super::tell::{tell_coverage, tell_sums};
use super::whole::Whole;
use super::{DEFAULT_SCHEDULES, Trouble, choose};
use crate::campaign::{Campaign, Determinism, Folders, Rehearsed, Seeds, Shard};
use crate::failure::Failure;
use crate::plan_file::PlanFile;
use crate::rehearsal::rehearse;
use crate::scenario::Scenario;
use crate::schedule::Schedule;

/// What is tried in a campaign, and the folders that it comes from.
pub(super) struct Tried {
    folders: Folders,
    scenarios: Vec<Scenario>,
    regressions: Vec<(String, PlanFile)>,
}

impl Tried {
    /// The scenarios of these names, all if there are none, and the plan files of old bugs.
    pub(super) fn read(folders: Folders, names: &[String]) -> Result<Self, Trouble> {
        let scenarios = choose(Scenario::read_all(&folders.cases)?, names)?;
        if scenarios.is_empty() {
            return Err(Trouble::Usage(format!("there are no scenarios in {}", folders.cases.display())));
        }
        let none = folders.regressions.as_os_str() == "none";
        let regressions = if none { Vec::new() } else { PlanFile::read_all(&folders.regressions)? };
        Ok(Self { folders, scenarios, regressions })
    }

    /// The schedule that failed.
    fn schedule_of(&self, rehearsed: &Rehearsed) -> Option<Schedule> {
        if rehearsed.regression {
            let found = self.regressions.iter().find(|(name, _)| *name == rehearsed.name);
            return found.map(|(_, plan)| plan.schedule.clone());
        }
        let scenario = self.scenarios.iter().find(|scenario| scenario.name == rehearsed.name);
        scenario.map(|scenario| scenario.draw(rehearsed.seed))
    }
}

/// For how long the failure that is told of is shrunk when somebody has interrupted the campaign: that somebody waits.
const SHRINK_IN_A_HURRY: Duration = Duration::from_secs(3);

/// Runs a campaign.
pub(super) fn run(tried: &Tried, options: &RunOptions, out: &mut Output) -> Result<Ending, Trouble> {
    let interrupted = interrupt::listen().map_err(Trouble::Signals)?;
    let campaign = campaign(tried, options, &interrupted);
    if options.reports > 0 {
        can_write_into(&options.failures).map_err(Trouble::Output)?;
    }
    let mut results = Results::new(tried, options, &interrupted).map_err(Trouble::Output)?;
    announce(&campaign, options, out);
    let begun = Instant::now();
    let total = (options.time_box.is_none()).then(|| campaign.len() + tried.regressions.len() as u64);
    let mut progress = Progress::new(total);
    campaign.run(&rehearse, |rehearsed| {
        progress.add(rehearsed.faults.values().sum(), !rehearsed.passed());
        let failed = !rehearsed.passed();
        results.add(rehearsed, out);
        if failed && options.fail_fast { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.finish();
    let wall = begun.elapsed();
    results.tell(&campaign, wall, out);
    Ok(results.close(&campaign, options, wall, out))
}

fn campaign<'a>(tried: &'a Tried, options: &RunOptions, interrupted: &'a AtomicBool) -> Campaign<'a> {
    let seeds = all_seeds(options);
    let mut campaign = Campaign {
        regressions: &tried.regressions,
        scenarios: &tried.scenarios,
        seeds: options.shard.map_or(seeds, |shard| seeds.shard(shard)),
        schedules: if is_usual(options) { DEFAULT_SCHEDULES } else { u64::MAX },
        time_box: options.time_box,
        interrupted: Some(interrupted),
        jobs: options.jobs,
        determinism: if options.check_determinism { Determinism::Always } else { Determinism::Sampled },
    };
    // A thread without a schedule has nothing to do.
    let most = usize::try_from(campaign.len()).unwrap_or(usize::MAX).max(tried.regressions.len());
    campaign.jobs = campaign.jobs.min(most.max(1));
    campaign
}

/// Whether nobody said how long it is to be.
fn is_usual(options: &RunOptions) -> bool {
    options.seeds.is_none() && options.time_box.is_none()
}

/// The seeds of all shards together.
fn all_seeds(options: &RunOptions) -> Seeds {
    options.seeds.unwrap_or(Seeds::starting_at(0))
}

/// What this is a shard of.
fn whole(tried: &Tried, options: &RunOptions) -> Whole {
    let seeds = all_seeds(options);
    let shards = options.shard.map_or(1, Shard::count);
    let usual_end = || DEFAULT_SCHEDULES.saturating_mul(shards).div_ceil(tried.scenarios.len() as u64);
    Whole {
        scenarios: tried.scenarios.iter().map(|scenario| scenario.name.clone()).collect(),
        first_seed: seeds.nth(0),
        end_seed: seeds.end().or_else(|| is_usual(options).then(usual_end)),
        time_box: options.time_box.is_some(),
    }
}

/// One line before it starts, so that a campaign that is cut off can be begun again.
fn announce(campaign: &Campaign<'_>, options: &RunOptions, out: &mut Output) {
    let scenarios = match campaign.scenarios {
        [one] => one.name.clone(),
        all => format!("{} scenarios", all.len()),
    };
    let schedules = match options.time_box {
        Some(time_box) => format!("for {}", humantime::format_duration(time_box)),
        None => format!("{} schedules", HumanCount(campaign.len())),
    };
    let (first, jobs) = (campaign.seeds.nth(0), campaign.jobs);
    writeln!(out, "{scenarios}, {schedules}, seeds from {first}, {jobs} jobs");
}

/// What is kept of a campaign: sums, and the failures to look into.
struct Results<'a> {
    tried: &'a Tried,
    interrupted: &'a AtomicBool,
    sums: Sums,
    schedules: u64,
    /// The first of each scenario and promise.
    failures: Vec<Rehearsed>,
    json: Option<Lines>,
}

impl<'a> Results<'a> {
    fn new(tried: &'a Tried, options: &RunOptions, interrupted: &'a AtomicBool) -> io::Result<Self> {
        let json = options.json.as_deref().map(Lines::create).transpose()?;
        Ok(Self { tried, interrupted, sums: Sums::default(), schedules: 0, failures: Vec::new(), json })
    }

    fn add(&mut self, rehearsed: Rehearsed, out: &mut Output) {
        self.schedules += 1;
        self.sums.add(&rehearsed);
        if rehearsed.passed() {
            return;
        }
        let repeat = rehearsed.repeat_command(&self.tried.folders);
        if let Some(json) = &mut self.json {
            json.failure(out, &rehearsed, &repeat, self.schedules);
        }
        let told = Told {
            name: rehearsed.name.clone(),
            seed: rehearsed.seed,
            promise: rehearsed.outcome.promise().unwrap_or_default().to_owned(),
            repeat,
        };
        if self.sums.fail(Ending::of(&rehearsed.outcome), told) {
            self.failures.push(rehearsed);
        }
    }

    /// Whether a signal has come.
    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Whether there are schedules of `campaign` that were not rehearsed.
    fn ended_early(&self, campaign: &Campaign<'_>) -> bool {
        self.schedules < campaign.len().saturating_add(campaign.regressions.len() as u64)
    }

    fn tell(&self, campaign: &Campaign<'_>, wall: Duration, out: &mut Output) {
        if self.interrupted() && self.ended_early(campaign) {
            writeln!(out, "interrupted: this is what it had come to");
        }
        tell_sums(out, &self.sums);
        let rate = self.schedules as f64 / wall.as_secs_f64().max(1e-9);
        writeln!(out, "{:.1} s, {} schedules/s", wall.as_secs_f64(), HumanCount(rate as u64));
    }

    /// The sums are in the file before the first failure is looked into: whoever cuts that short has lost no result.
    fn close(mut self, campaign: &Campaign<'_>, options: &RunOptions, wall: Duration, out: &mut Output) -> Ending {
        let ended_early = self.ended_early(campaign);
        let interrupted = self.interrupted() && ended_early;
        if let Some(json) = &mut self.json {
            for (name, tally) in &self.sums.tallies {
                json.scenario(out, name, tally);
            }
            let total = self.sums.total(true);
            let total = TotalLine {
                schedules: total.schedules,
                failed: total.failed,
                whole: whole(self.tried, options),
                shard: options.shard.map(|shard| shard.to_string()),
                ended_early,
                interrupted,
                wall_seconds: wall.as_secs_f64(),
            };
            json.total(out, total);
        }
        self.report_failures(options, out);
        let covered = tell_coverage(out, &self.sums, &options.coverage);
        let whole = if interrupted { Ending::Incomplete } else { Ending::Passed };
        self.sums.ending.max(covered).max(whole)
    }

    /// Looks into the first failures, each of another scenario or promise, as far as there is time.
    fn report_failures(&mut self, options: &RunOptions, out: &mut Output) {
        let begun = Instant::now();
        let failures = std::mem::take(&mut self.failures);
        for (index, rehearsed) in failures.iter().take(options.reports).enumerate() {
            let left = options.reports_for.saturating_sub(begun.elapsed());
            let untold = failures.len().min(options.reports) - index;
            if index > 0 && self.interrupted() {
                writeln!(out, "\ninterrupted: no reports of {untold} more");
                break;
            }
            if index > 0 && left.is_zero() {
                writeln!(out, "\nno time for reports of {untold} more; --reports-for TIME gives more");
                break;
            }
            let Some(schedule) = self.tried.schedule_of(rehearsed) else { continue };
            let failure = self.investigate(rehearsed, &schedule, options.shrink_for.min(left));
            self.report(&failure, options, out);
        }
    }

    /// What is known of a failure, after it was shrunk for at most `time`.
    fn investigate(&self, rehearsed: &Rehearsed, schedule: &Schedule, time: Duration) -> Failure {
        let begun = Instant::now();
        let mut progress = ShrinkProgress::new();
        let watching = |shrinking| {
            progress.set(shrinking);
            let enough = self.interrupted() && begun.elapsed() >= SHRINK_IN_A_HURRY;
            if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let failure = Failure::investigate(rehearsed, schedule, &self.tried.folders, time, watching);
        progress.finish();
        failure
    }

    /// Prints the report of a failure and keeps what it leaves out.
    fn report(&mut self, failure: &Failure, options: &RunOptions, out: &mut Output) {
        let kept = out.written(failure.keep(&options.failures));
        write!(out, "\n{}", failure.report(kept.as_deref()));
        if let Some(json) = &mut self.json {
            json.report(out, failure, kept.as_deref());
        }
    }
}
