//! A failure is a document: what a person needs to understand, in five minutes and without having written the code, why a seed failed.
//!
//! [`Failure::investigate`] runs the schedule again with everything recorded and looks for the smallest schedule that breaks the same
//! promise. Shown, a failure is a report of at most forty lines; [`Failure::keep`] writes the report and all that it leaves out to a folder.

mod artefacts;
mod report;

use std::ops::ControlFlow;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use sim::{LogLevel, Recording};

pub(crate) use self::report::DIGEST;
pub use self::report::Report;
use crate::campaign::{Folders, Outcome, Rehearsed};
use crate::invariants::{AGREEMENT, Bounds};
use crate::plan_file::PlanFile;
use crate::rehearsal::{Rehearsal, looked_at_again, rehearse};
use crate::schedule::{Schedule, counted};
use crate::shrink::{Shrinking, Shrunk, shrink};
use crate::story::{Lineage, Story};

/// A schedule, run once more with everything recorded.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The schedule.
    pub schedule: Schedule,
    /// What came of it.
    pub rehearsal: Rehearsal,
    /// What happened, for people.
    pub story: Story,
    /// Where the first wrong record came from, if one is visible.
    pub lineage: Option<Lineage>,
}

impl Recorded {
    /// Runs `schedule` with everything recorded, the log down to `level` included; nothing, when the harness itself panics.
    #[must_use]
    pub fn run(schedule: &Schedule, level: Option<LogLevel>) -> Option<Self> {
        Self::run_by(schedule, level, rehearse)
    }

    /// The same, rehearsed by `rehearse`.
    fn run_by(
        schedule: &Schedule,
        level: Option<LogLevel>,
        rehearse: fn(&Schedule, Recording) -> Rehearsal,
    ) -> Option<Self> {
        let recording = level.map_or(Recording::History, Recording::HistoryAndLog);
        let rehearsal = thread::scope(|scope| scope.spawn(|| rehearse(schedule, recording)).join()).ok()?;
        Some(Self::of(schedule, rehearsal))
    }

    /// From a recorded run.
    #[must_use]
    pub fn of(schedule: &Schedule, rehearsal: Rehearsal) -> Self {
        let story = Story::of(schedule, &rehearsal);
        let history = rehearsal.report.history.as_ref();
        let lineage = history.and_then(|history| Lineage::of(schedule, history, &rehearsal.evidence));
        Self { schedule: schedule.clone(), rehearsal, story, lineage }
    }
}

/// A schedule that fails, for who looks for a smaller one.
#[derive(Debug, Clone, Copy)]
pub struct Failing<'a> {
    /// It.
    pub schedule: &'a Schedule,
    /// To how many events it came.
    pub events: u64,
    /// What it is called.
    pub title: &'a str,
    /// The promise that it breaks.
    pub promise: &'a str,
}

/// The smallest schedule found that breaks the same promise.
#[derive(Debug, Clone)]
pub struct Smallest {
    /// It, as a plan file.
    pub plan: PlanFile,
    /// How far shrinking came, in a sentence.
    pub told: String,
    /// What happens in it.
    pub recorded: Option<Recorded>,
}

/// A schedule that failed, with all that is known of it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The scenario or plan file, for a person: `zombie`.
    pub name: String,
    /// The seed.
    pub seed: u64,
    /// The version of the code that failed.
    pub commit: String,
    /// The command that repeats it.
    pub repeat: String,
    /// What failed.
    pub outcome: Outcome,
    /// The schedule.
    pub schedule: Schedule,
    /// What happens in it; nothing when the harness itself crashes.
    pub recorded: Option<Recorded>,
    /// The smallest that fails the same way, if it was looked for.
    pub smallest: Option<Smallest>,
}

impl Failure {
    /// Looks into what `rehearsed` came to, and for at most `time` for the smallest schedule that fails the same way. Of one that ran
    /// in two ways, broke an agreement of several, or crashed the harness, there is no smaller one to look for. `folders` are those of the
    /// campaign.
    pub fn investigate(
        rehearsed: &Rehearsed,
        schedule: &Schedule,
        folders: &Folders,
        time: Duration,
        watching: impl FnMut(Shrinking) -> ControlFlow<()>,
    ) -> Self {
        let smallest = match &rehearsed.outcome {
            Outcome::Broken(broken) if broken.promise != AGREEMENT && !time.is_zero() => {
                let title = format!("{}, seed {}", rehearsed.name, rehearsed.seed);
                let failing = Failing { schedule, events: rehearsed.events, title: &title, promise: broken.promise };
                Some(Smallest::of(&failing, time, watching))
            }
            _ => None,
        };
        Self {
            name: rehearsed.name.clone(),
            seed: rehearsed.seed,
            commit: commit(),
            repeat: rehearsed.repeat_command(folders),
            outcome: rehearsed.outcome.clone(),
            schedule: schedule.clone(),
            recorded: Recorded::run_by(schedule, Some(LogLevel::DEBUG), looked_at_again(schedule, rehearsed.events)),
            smallest,
        }
    }
}

impl Failure {
    /// The run to look at: of the smallest schedule, or else of the one that failed.
    #[must_use]
    pub fn shown(&self) -> Option<&Recorded> {
        self.smallest.as_ref().and_then(|smallest| smallest.recorded.as_ref()).or(self.recorded.as_ref())
    }

    /// The smallest schedule as a plan file, or else the one that failed.
    #[must_use]
    pub fn plan(&self) -> PlanFile {
        let smallest = self.smallest.as_ref().map(|smallest| smallest.plan.clone());
        smallest.unwrap_or_else(|| self.original())
    }

    /// How the promise is broken, with workers called by their nodes.
    #[must_use]
    pub fn what(&self) -> String {
        let what = self.outcome.what();
        self.recorded.as_ref().map_or_else(|| what.to_owned(), |recorded| recorded.story.with_names(what))
    }

    /// How the smallest schedule breaks the promise, where the words are not those of the one that failed.
    fn smallest_what(&self) -> Option<&str> {
        let recorded = self.smallest.as_ref()?.recorded.as_ref()?;
        let what = recorded.story.broken.as_ref()?.what.as_str();
        (what != self.what()).then_some(what)
    }

    /// The schedule that failed as a plan file.
    fn original(&self) -> PlanFile {
        let promise = self.outcome.promise().unwrap_or_default();
        let about = format!("{}, seed {}, which broke {promise}.", self.name, self.seed);
        PlanFile { about, breaks: Some(promise.to_owned()), schedule: self.schedule.clone() }
    }
}

impl Smallest {
    /// Shrinks what `failing` is about for at most `time`.
    pub fn of(failing: &Failing<'_>, time: Duration, mut watching: impl FnMut(Shrinking) -> ControlFlow<()>) -> Self {
        let &Failing { schedule, events, title, promise } = failing;
        let begun = Instant::now();
        let again = looked_at_again(schedule, events);
        let mut shrunk = shrink(schedule, promise, time, &again, &mut watching);
        // What seems to go in circles may come to an end after all.
        if events >= Bounds::of(schedule).events && !breaks(&shrunk.schedule, promise) {
            shrunk = shrink(schedule, promise, time.saturating_sub(begun.elapsed()), &rehearse, watching);
        }
        let Shrunk { schedule: smallest, shrinking, complete } = shrunk;
        let told = format!(
            "shrunk from {}, {} and {} to {}, {} and {}, in {} tries{}",
            counted(schedule.faults.len(), "fault"),
            counted(schedule.cluster.workers.len(), "worker"),
            counted(schedule.workload.inputs.len(), "input"),
            smallest.faults.len(),
            smallest.cluster.workers.len(),
            smallest.workload.inputs.len(),
            shrinking.tried,
            if complete { "" } else { "; the time was up" }
        );
        let about = format!("Shrunk from {title}, which broke {promise}.");
        let recorded = Recorded::run_by(&smallest, Some(LogLevel::DEBUG), again);
        let plan = PlanFile { about, breaks: Some(promise.to_owned()), schedule: smallest };
        Self { plan, told, recorded }
    }
}

/// Whether `schedule` breaks `promise` when it is replayed.
fn breaks(schedule: &Schedule, promise: &str) -> bool {
    let rehearsal = thread::scope(|scope| scope.spawn(|| rehearse(schedule, Recording::Nothing)).join());
    rehearsal.is_ok_and(|rehearsal| rehearsal.broken.is_some_and(|broken| broken.promise == promise))
}

/// The version of the code that this was built from, as git describes it.
fn commit() -> String {
    let mut git = Command::new("git");
    git.args(["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty=, changed since", "--exclude=*"]);
    let described = git.output().ok().filter(|output| output.status.success());
    let described = described.and_then(|output| String::from_utf8(output.stdout).ok());
    described.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}
