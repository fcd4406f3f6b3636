//! How a campaign or replay ends, as an exit code that tells the kinds of failure apart.

use crate::campaign::Outcome;
use crate::invariants::Judgement;

/// How it ended; later ones are graver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Every promise was kept.
    #[default]
    Passed,
    /// Every promise was kept, but not everything was tried that had to be.
    NotCovered,
    /// Every promise was kept in what was rehearsed, but that is not all: it was interrupted, or results are missing.
    Incomplete,
    /// Every promise was kept, but not everything could be printed or written.
    NotWritten,
    /// Something did not finish although every fault had healed.
    NoLiveness,
    /// A promise was broken, or the program under test panicked.
    PromiseBroken,
    /// One schedule ran in two ways.
    Nondeterminism,
    /// The harness itself panicked.
    HarnessCrashed,
}

impl Ending {
    /// The exit code for words that make no sense; it is clap's own.
    pub const WRONG_USAGE: u8 = 2;

    /// What `--help` says of exit codes.
    pub(super) const HELP: &str = "\
Exit codes:
  0  every promise was kept
  1  a promise was broken, or the program under test panicked
  2  wrong usage, or a file that makes no sense: nothing was rehearsed;
     or every promise was kept, but results could not be written
  3  no liveness: something did not finish although every fault had healed
  4  nondeterminism: one schedule ran in two ways
  5  the harness itself crashed
  6  every promise was kept, but --require-coverage found something that was never tried
  130  interrupted, or merged with --partial although results are missing; in what is there every promise was kept
Of several kinds the gravest counts: 5, 4, 1, 3, 2, 130, 6. A second signal to end ends with 130 at once.";

    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::PromiseBroken => 1,
            Self::NotWritten => 2,
            Self::NoLiveness => 3,
            Self::Nondeterminism => 4,
            Self::HarnessCrashed => 5,
            Self::NotCovered => 6,
            Self::Incomplete => 130,
        }
    }

    /// How a campaign ends in which this was the gravest outcome.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Passed => Self::Passed,
            Outcome::Broken(broken) if broken.judgement == Judgement::Liveness => Self::NoLiveness,
            Outcome::Broken(_) => Self::PromiseBroken,
            Outcome::Nondeterministic(_) => Self::Nondeterminism,
            Outcome::HarnessCrashed(_) => Self::HarnessCrashed,
        }
    }

    /// The same from the word for a kind of failure (see [`Outcome::judgement`]); a word that nobody knows is the gravest.
    #[must_use]
    pub fn of_judgement(word: &str) -> Self {
        match word {
            "passed" => Self::Passed,
            "liveness" => Self::NoLiveness,
            "safety" | "panic" => Self::PromiseBroken,
            "nondeterminism" => Self::Nondeterminism,
            _ => Self::HarnessCrashed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::Broken;

    fn broken(judgement: Judgement) -> Outcome {
        Outcome::Broken(Broken { promise: "p", judgement, what: String::new() })
    }

    #[test]
    fn each_kind_of_failure_has_its_code_and_the_gravest_counts() {
        let outcomes = [
            Outcome::Passed,
            broken(Judgement::Liveness),
            broken(Judgement::Safety),
            Outcome::Nondeterministic(String::new()),
            Outcome::HarnessCrashed(String::new()),
        ];
        let endings: Vec<Ending> = outcomes.iter().map(Ending::of).collect();
        assert!(endings.is_sorted());
        let words = outcomes.iter().map(|outcome| Ending::of_judgement(outcome.judgement()));
        assert!(words.eq(endings.iter().copied()));
        assert_eq!(endings.iter().map(|ending| ending.code()).collect::<Vec<_>>(), [0, 3, 1, 4, 5]);
        assert_eq!(Ending::of(&broken(Judgement::Panic)), Ending::PromiseBroken);
        let without_a_failure =
            [Ending::Passed, Ending::NotCovered, Ending::Incomplete, Ending::NotWritten, Ending::NoLiveness];
        assert!(without_a_failure.is_sorted(), "what hides a failure would be graver than it");
    }
}
