//! A campaign: many schedules of many scenarios on all cores, regressions first, one in fifty run twice.
//!
//! Schedules are counted through: number `i` is seed `i / n` of scenario `i % n`, so that a campaign that ends early has seen
//! all scenarios. Results come in that order whatever the number of jobs, and each is dropped once it was looked at: memory does
//! not grow with the number of schedules.

mod folders;
mod outcome;
mod repeat;
mod seeds;

use std::cell::Cell;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sim::Recording;

pub use self::folders::Folders;
pub(crate) use self::folders::shell_word;
pub use self::outcome::{Outcome, Rehearsed};
pub use self::repeat::check_determinism;
pub use self::seeds::{Seeds, Shard};
use crate::invariants::Agreement;
use crate::plan_file::PlanFile;
use crate::rehearsal::Rehearsal;
use crate::scenario::Scenario;
use crate::schedule::Schedule;

/// One seed in so many of each scenario is run twice, to see that it runs the same way.
const CHECKED: u64 = 50;

/// Which schedules are run twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Determinism {
    /// One in fifty.
    Sampled,
    /// Every one.
    Always,
}

/// How a schedule is rehearsed: [`rehearse`](crate::rehearse), but for tests of the campaign itself. The second argument says
/// what is kept of the run.
pub type Rehearse<'a> = &'a (dyn Fn(&Schedule, Recording) -> Rehearsal + Sync);

/// What is to be rehearsed.
#[derive(Debug, Clone)]
pub struct Campaign<'a> {
    /// Plan files of old bugs with their names: they run first.
    pub regressions: &'a [(String, PlanFile)],
    /// The scenarios.
    pub scenarios: &'a [Scenario],
    /// The seeds of each.
    pub seeds: Seeds,
    /// How many schedules at most, regressions not counted.
    pub schedules: u64,
    /// For how long; what has begun by then is finished.
    pub time_box: Option<Duration>,
    /// Once this is set nothing more is begun, and what has begun is finished.
    pub interrupted: Option<&'a AtomicBool>,
    /// On how many threads.
    pub jobs: usize,
    /// Which are run twice.
    pub determinism: Determinism,
}

impl Campaign<'_> {
    /// How many schedules there are, without a time box; regressions not counted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.seeds.len().saturating_mul(self.scenarios.len() as u64).min(self.schedules)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rehearses everything and hands each result to `each`, in order, until that breaks.
    pub fn run(&self, rehearse: Rehearse<'_>, mut each: impl FnMut(Rehearsed) -> ControlFlow<()>) {
        let stopped = Cell::new(false);
        let mut agreement = Agreement::default();
        let mut hand_on = |_, mut rehearsed: Rehearsed| {
            rehearsed.must_agree(&mut agreement);
            let flow = each(rehearsed);
            stopped.set(flow.is_break());
            flow
        };
        let regression = |index: u64| {
            let (name, file) = &self.regressions[index as usize];
            self.one(name, true, &file.schedule, Determinism::Always, rehearse)
        };
        let goes_on = |_: &u64| !self.interrupted.is_some_and(|interrupted| interrupted.load(Ordering::Relaxed));
        let regressions = (0..self.regressions.len() as u64).take_while(goes_on);
        sim::campaign(regressions, self.jobs, regression, &mut hand_on);
        if stopped.get() || self.scenarios.is_empty() {
            return;
        }
        let begun = Instant::now();
        let in_time = |_: &u64| self.time_box.is_none_or(|time_box| begun.elapsed() < time_box);
        let drawn = |index: u64| {
            let scenarios = self.scenarios.len() as u64;
            let scenario = &self.scenarios[(index % scenarios) as usize];
            let schedule = scenario.draw(self.seeds.nth(index / scenarios));
            let twice = match self.determinism {
                // Another seed of each scenario, so that a short campaign checks some of each kind.
                Determinism::Sampled if (index / scenarios + index % scenarios).is_multiple_of(CHECKED) => {
                    Determinism::Always
                }
                determinism => determinism,
            };
            self.one(&scenario.name, false, &schedule, twice, rehearse)
        };
        sim::campaign((0..self.len()).take_while(goes_on).take_while(in_time), self.jobs, drawn, &mut hand_on);
    }

    fn one(
        &self,
        name: &str,
        regression: bool,
        schedule: &Schedule,
        determinism: Determinism,
        rehearse: Rehearse<'_>,
    ) -> Rehearsed {
        let twice = determinism == Determinism::Always;
        let result = catch_unwind(AssertUnwindSafe(|| {
            let rehearsal = rehearse(schedule, Recording::Nothing);
            let difference = if twice { check_determinism(schedule, &rehearsal, rehearse) } else { None };
            (rehearsal, difference)
        }));
        Rehearsed::new(name, regression, schedule, result)
    }
}

#[cfg(test)]
mod tests;
