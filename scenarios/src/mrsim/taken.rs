//! What one file of results has of a campaign: which seeds of which scenarios. Seeds are taken in order, so how many schedules were
//! rehearsed tells which, also of a campaign that ran out of time or stopped at a failure.

use std::collections::BTreeMap;

use crate::campaign::{Seeds, Shard};

/// The schedules that one shard has rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    /// All seeds of the shard.
    seeds: Seeds,
    /// How many of them it came to with each scenario: of a time box that ends in the middle of a round some have one more.
    counts: BTreeMap<String, u64>,
}

impl Taken {
    /// So many seeds of each scenario by a campaign from `first_seed`, of which this is a shard.
    pub(super) fn new(first_seed: u64, shard: Shard, counts: BTreeMap<String, u64>) -> Self {
        Self { seeds: Seeds::starting_at(first_seed).shard(shard), counts }
    }

    /// A schedule that is in both, by its scenario and seed: it would count twice.
    pub(super) fn common<'a>(&'a self, other: &Self) -> Option<(&'a str, u64)> {
        self.counts.iter().find_map(|(scenario, &count)| {
            let others = other.seeds.take(*other.counts.get(scenario)?);
            Some((scenario.as_str(), self.seeds.take(count).common(others)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(first_seed: u64, shard: &str, counts: &[(&str, u64)]) -> Taken {
        let counts = counts.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
        Taken::new(first_seed, shard.parse().unwrap(), counts)
    }

    fn assert_common(one: &Taken, other: &Taken, common: Option<(&str, u64)>) {
        assert_eq!(one.common(other), common, "{one:?} and {other:?}");
        assert_eq!(other.common(one), common, "{other:?} and {one:?}");
    }

    #[test]
    fn what_shares_a_scenario_and_a_seed_has_something_in_common() {
        let one = taken(0, "1/1", &[("a", 100), ("b", 100)]);
        assert_common(&one, &taken(99, "1/1", &[("b", 5)]), Some(("b", 99)));
        assert_common(&one, &taken(5, "1/1", &[("a", 1), ("c", 1)]), Some(("a", 5)));
        for other in [taken(100, "1/1", &[("b", 5)]), taken(0, "1/1", &[("c", 100)]), taken(7, "1/1", &[("a", 0)])] {
            assert_common(&one, &other, None);
        }
    }

    #[test]
    fn a_round_of_scenarios_that_was_not_finished_has_seeds_of_the_first_only() {
        let night = taken(0, "1/1", &[("a", 8), ("b", 7)]);
        assert_common(&night, &taken(7, "1/1", &[("b", 9)]), None);
        assert_common(&night, &taken(7, "1/1", &[("a", 9), ("b", 9)]), Some(("a", 7)));
    }
}
