//! What one file of results has of a campaign: which seeds of which scenarios. Seeds are taken in order, so how many schedules were
//! rehearsed tells which, also of a campaign that ran out of time or stopped at a failure.

use std::collections::BTreeMap;

use crate::campaign::{Seeds, Shard};

/// The schedules that one shard has rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// The first seed of the shard, and from each of its seeds to the next.
    first: u64,
    step: u64,
    /// How many seeds of each scenario it came to: of a time box that ends in the middle of a round some have one more.
    seeds: BTreeMap<String, u64>,
}

impl Share {
    /// Of a campaign from `first_seed`, of which this is a shard.
    pub(super) fn new(first_seed: u64, shard: Shard, seeds: BTreeMap<String, u64>) -> Self {
        Self { first: Seeds::starting_at(first_seed).shard(shard).nth(0), step: shard.count(), seeds }
    }

    /// A schedule that is in both, by its scenario and seed: it would count twice.
    pub(super) fn common<'a>(&'a self, other: &Self) -> Option<(&'a str, u64)> {
        self.seeds.iter().find_map(|(scenario, &count)| {
            let seed = self.stretch(count).common(other.stretch(*other.seeds.get(scenario)?))?;
            Some((scenario.as_str(), seed))
        })
    }

    fn stretch(&self, count: u64) -> Stretch {
        Stretch { first: self.first, step: self.step, count }
    }
}

/// Numbers that are equally far apart.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    first: u64,
    step: u64,
    count: u64,
}

impl Stretch {
    /// The number at place `index`, if it is there and is one.
    fn nth(self, index: u64) -> Option<u64> {
        let offset = self.step.checked_mul(index).filter(|_| index < self.count)?;
        self.first.checked_add(offset)
    }

    fn contains(self, number: u64) -> bool {
        let offset = number.checked_sub(self.first);
        offset.is_some_and(|offset| offset.is_multiple_of(self.step) && offset / self.step < self.count)
    }

    /// The least number of both.
    fn common(self, other: Self) -> Option<u64> {
        let last = other.nth(other.count.checked_sub(1)?)?;
        let begin = other.first.saturating_sub(self.first).div_ceil(self.step);
        // What these leave over when they are divided by the other's step comes again after as many as that.
        let places = begin..self.count.min(begin.saturating_add(other.step));
        places
            .map_while(|index| self.nth(index))
            .take_while(|&number| number <= last)
            .find(|&number| other.contains(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(first_seed: u64, shard: &str, seeds: &[(&str, u64)]) -> Share {
        let seeds = seeds.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
        Share::new(first_seed, shard.parse().unwrap(), seeds)
    }

    fn assert_common(one: &Share, other: &Share, common: Option<(&str, u64)>) {
        assert_eq!(one.common(other), common, "{one:?} and {other:?}");
        assert_eq!(other.common(one), common, "{other:?} and {one:?}");
    }

    #[test]
    fn what_shares_a_scenario_and_a_seed_has_something_in_common() {
        let one = share(0, "1/1", &[("a", 100), ("b", 100)]);
        assert_common(&one, &share(99, "1/1", &[("b", 5)]), Some(("b", 99)));
        assert_common(&one, &share(5, "1/1", &[("a", 1), ("c", 1)]), Some(("a", 5)));
        for other in [share(100, "1/1", &[("b", 5)]), share(0, "1/1", &[("c", 100)]), share(7, "1/1", &[("a", 0)])] {
            assert_common(&one, &other, None);
        }
    }

    #[test]
    fn a_round_of_scenarios_that_was_not_finished_has_seeds_of_the_first_only() {
        let night = share(0, "1/1", &[("a", 8), ("b", 7)]);
        assert_common(&night, &share(7, "1/1", &[("b", 9)]), None);
        assert_common(&night, &share(7, "1/1", &[("a", 9), ("b", 9)]), Some(("a", 7)));
    }

    #[test]
    fn a_shard_has_the_seeds_between_which_the_others_have_theirs() {
        let even = share(0, "1/2", &[("a", 10)]);
        assert_common(&even, &share(0, "2/2", &[("a", 10)]), None);
        assert_common(&even, &share(18, "1/1", &[("a", 10)]), Some(("a", 18)));
        assert_common(&even, &share(19, "1/1", &[("a", 10)]), None);
        assert_common(&even, &share(5, "1/3", &[("a", 10)]), Some(("a", 6)));
        assert_common(&share(0, "1/4", &[("a", 10)]), &share(0, "4/6", &[("a", 10)]), None);
    }

    #[test]
    fn a_shard_of_beyond_reason_many_overflows_nowhere() {
        let many = u64::MAX / 2;
        let one = share(3, &format!("{many}/{many}"), &[("a", many)]);
        assert_common(&one, &share(3, &format!("5/{many}"), &[("a", many)]), None);
        assert_common(&one, &share(0, "1/1", &[("a", 100)]), None);
    }
}
