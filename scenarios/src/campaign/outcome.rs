//! What came of one schedule of a campaign.

use std::any::Any;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::coverage::Grid;
use crate::invariants::{AGREEMENT, Agreement, Broken, Judgement};
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
        let name = || format!("{}, seed {}", self.name, self.seed);
        if let Err(what) = agreement.add(self.workload, outputs, name) {
            let broken = Broken { promise: AGREEMENT, judgement: Judgement::Safety, what };
            self.outcome = Outcome::Broken(broken);
        }
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }

    /// The command that repeats it.
    #[must_use]
    pub fn repeat_command(&self) -> String {
        match self.regression {
            true => format!("cargo mrsim replay --plan scenarios/regressions/{}.toml", self.name),
            false => format!("cargo mrsim replay {} {}", self.name, self.seed),
        }
    }
}

/// The words of a panic.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked without words").to_owned()
}
