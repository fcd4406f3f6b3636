//! What the shards of a campaign are shards of: some scenarios over some seeds. Results are added up only where it is known that
//! all shards of the same whole are there, and nothing twice.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A campaign with all its shards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Whole {
    /// The names of its scenarios.
    pub(super) scenarios: Vec<String>,
    /// Its first seed.
    pub(super) first_seed: u64,
    /// The first seed behind its last; none, when nobody said where it ends.
    pub(super) end_seed: Option<u64>,
    /// Whether it may have ended before: it had a time box, or was to stop at the first failure.
    pub(super) may_end_early: bool,
}

impl Whole {
    /// Whether some schedules are for certain in both: they would count twice.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let same_scenario = self.scenarios.iter().any(|name| other.scenarios.contains(name));
        same_scenario && self.first_seed.max(other.first_seed) < self.certain_end().min(other.certain_end())
    }

    /// Behind the last seed that it has for certain: of one without an end nobody knows how far it came.
    fn certain_end(&self) -> u64 {
        let end = self.end_seed.filter(|_| !self.may_end_early);
        end.unwrap_or(self.first_seed.saturating_add(1))
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scenarios.as_slice() {
            [one] => f.write_str(one)?,
            all => write!(f, "{} scenarios", all.len())?,
        }
        match self.end_seed {
            Some(end) => write!(f, ", seeds {}..{end}", self.first_seed)?,
            None => write!(f, ", seeds from {}", self.first_seed)?,
        }
        f.write_str(if self.may_end_early { ", as far as it came" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(scenarios: &[&str], first_seed: u64, end_seed: Option<u64>) -> Whole {
        let scenarios = scenarios.iter().map(|&name| name.to_owned()).collect();
        Whole { scenarios, first_seed, end_seed, may_end_early: false }
    }

    #[test]
    fn what_shares_a_scenario_and_a_seed_overlaps() {
        let one = whole(&["a", "b"], 0, Some(100));
        for other in [whole(&["b"], 99, Some(200)), whole(&["a", "c"], 5, Some(6)), whole(&["a"], 7, None)] {
            assert!(one.overlaps(&other) && other.overlaps(&one), "{other}");
        }
        for other in [whole(&["b"], 100, Some(200)), whole(&["c"], 0, Some(100)), whole(&["a"], 100, None)] {
            assert!(!one.overlaps(&other) && !other.overlaps(&one), "{other}");
        }
    }

    #[test]
    fn of_nights_with_a_time_box_only_the_first_seeds_are_certain() {
        let night = |first_seed| Whole { may_end_early: true, ..whole(&["a"], first_seed, None) };
        assert!(!night(0).overlaps(&night(1_000_000_000)));
        assert!(night(5).overlaps(&night(5)));
    }
}
