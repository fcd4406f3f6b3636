//! What came of one schedule of a campaign.

use std::any::Any;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::folders::{Folders, shell_word};
use crate::coverage::Grid;
use crate::invariants::{AGREEMENT, Agreement, Broken, Judgement, Run};
use crate::rehearsal::Rehearsal;
use crate::schedule::Schedule;

/// How one schedule ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every promise was kept.
    Passed,
    /// A promise was broken.
    Broken(Broken),
    /// The same schedule ran another way the second time; the text shows where the two part.
    Nondeterministic(String),
    /// The harness itself panicked, with these words.
    HarnessCrashed(String),
}

impl Outcome {
    /// From the difference between two runs, if there was one, and the promise broken, if one was.
    #[must_use]
    pub fn of(difference: Option<String>, broken: Option<Broken>) -> Self {
        match (difference, broken) {
            (Some(difference), _) => Self::Nondeterministic(difference),
            (None, Some(broken)) => Self::Broken(broken),
            (None, None) => Self::Passed,
        }
    }

    /// The promise broken, by name; for what is no broken promise of the system, what it is.
    #[must_use]
    pub fn promise(&self) -> Option<&'static str> {
        match self {
            Self::Passed => None,
            Self::Broken(broken) => Some(broken.promise),
            Self::Nondeterministic(_) => Some("determinism"),
            Self::HarnessCrashed(_) => Some("harness"),
        }
    }

    /// Which kind of failure it is, in a word: `safety`, `liveness`, `panic`, `nondeterminism`, `crash`; or `passed`.
    #[must_use]
    pub fn judgement(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Broken(Broken { judgement: Judgement::Safety, .. }) => "safety",
            Self::Broken(Broken { judgement: Judgement::Liveness, .. }) => "liveness",
            Self::Broken(Broken { judgement: Judgement::Panic, .. }) => "panic",
            Self::Nondeterministic(_) => "nondeterminism",
            Self::HarnessCrashed(_) => "crash",
        }
    }

    /// What happened, for a person; nothing when all is well.
    #[must_use]
    pub fn what(&self) -> &str {
        match self {
            Self::Passed => "",
            Self::Broken(broken) => &broken.what,
            Self::Nondeterministic(what) | Self::HarnessCrashed(what) => what,
        }
    }
}

/// One schedule of a campaign, rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsed {
    /// The scenario's name, or that of the regression.
    pub name: String,
    /// Whether it is a regression.
    pub regression: bool,
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it came to no end because the plan left nobody to finish it.
    pub nobody_left: bool,
    /// The run of the same workload with other outputs, if that is what is wrong with it.
    pub disagrees_with: Option<Run>,
    /// A hash of the workload.
    pub workload: u64,
    /// A hash of the outputs, if the job succeeded.
    pub outputs: Option<u64>,
    /// A hash of the whole history.
    pub history_hash: u64,
    /// How many events there were.
    pub events: u64,
    /// How much virtual time passed.
    pub virtual_time: Duration,
    /// How many faults of each kind struck.
    pub faults: BTreeMap<&'static str, u64>,
    /// Which of them struck at which step.
    pub coverage: Grid,
    /// How often each mark was hit.
    pub marks: BTreeMap<&'static str, u64>,
}

impl Rehearsed {
    /// From what a rehearsal yielded, and the difference between two runs of it if there was one; or from its panic.
    pub(super) fn new(
        name: &str,
        regression: bool,
        schedule: &Schedule,
        result: Result<(Rehearsal, Option<String>), Box<dyn Any + Send>>,
    ) -> Self {
        let mut hasher = DefaultHasher::new();
        schedule.workload.hash(&mut hasher);
        let mut rehearsed = Self {
            name: name.to_owned(),
            regression,
            seed: schedule.seed,
            outcome: Outcome::Passed,
            nobody_left: false,
            disagrees_with: None,
            workload: hasher.finish(),
            outputs: None,
            history_hash: 0,
            events: 0,
            virtual_time: Duration::ZERO,
            faults: BTreeMap::new(),
            coverage: Grid::default(),
            marks: BTreeMap::new(),
        };
        match result {
            Err(panic) => rehearsed.outcome = Outcome::HarnessCrashed(words_of(&*panic)),
            Ok((rehearsal, difference)) => {
                rehearsed.outcome = Outcome::of(difference, rehearsal.broken);
                rehearsed.nobody_left = rehearsal.nobody_left.is_some();
                rehearsed.outputs = rehearsal.outputs;
                rehearsed.history_hash = rehearsal.report.history_hash;
                rehearsed.events = rehearsal.report.events;
                rehearsed.virtual_time = rehearsal.report.virtual_time;
                rehearsed.faults = rehearsal.report.faults_by_kind;
                rehearsed.coverage = rehearsal.coverage;
                rehearsed.marks = rehearsal.report.marks;
            }
        }
        rehearsed
    }

    /// What passed so far has broken a promise if its outputs are not those of other runs of its workload.
    pub(super) fn must_agree(&mut self, agreement: &mut Agreement) {
        let Some(outputs) = self.outputs.filter(|_| self.passed()) else { return };
        let this = || Run { name: self.name.clone(), regression: self.regression, seed: self.seed };
        if let Err(other) = agreement.add(self.workload, outputs, this) {
            let what = format!(
                "its outputs are not those of {}, seed {}, which has the same workload",
                other.name, other.seed
            );
            self.outcome = Outcome::Broken(Broken { promise: AGREEMENT, judgement: Judgement::Safety, what });
            self.disagrees_with = Some(other);
        }
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }

    /// The command that repeats it, where scenarios and old bugs lie in `folders`.
    #[must_use]
    pub fn repeat_command(&self, folders: &Folders) -> String {
        let options = folders.options();
        if let Some(other) = &self.disagrees_with {
            let runs = [(other.regression, &other.name, other.seed), (self.regression, &self.name, self.seed)];
            return format!("cargo mrsim run {}{options}", both(runs));
        }
        let twice = if matches!(self.outcome, Outcome::Nondeterministic(_)) { " --check-determinism" } else { "" };
        if self.regression {
            let path = folders.regression(&self.name);
            return format!("cargo mrsim replay --plan {}{twice}", shell_word(&path.to_string_lossy()));
        }
        format!("cargo mrsim replay {} {}{twice}{options}", shell_word(&self.name), self.seed)
    }
}

/// The arguments of a campaign in which both runs are: plan files of old bugs are in each.
fn both(runs: [(bool, &String, u64); 2]) -> String {
    let drawn: Vec<_> = runs.iter().filter(|(regression, ..)| !regression).collect();
    let mut names: Vec<_> = drawn.iter().map(|(_, name, _)| shell_word(name)).collect();
    names.dedup();
    let seeds = drawn.iter().map(|(.., seed)| *seed);
    match (seeds.clone().min(), seeds.max()) {
        (Some(first), Some(last)) => format!("{} --seeds {first}..={last}", names.join(" ")),
        _ => "--seeds 0".to_owned(),
    }
}

/// The words of a panic.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked without words").to_owned()
}
