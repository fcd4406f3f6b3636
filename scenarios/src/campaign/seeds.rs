//! Which seeds a campaign takes, and which share of them one of several machines takes.

use std::fmt;
use std::str::FromStr;

/// The largest seed: TOML, in which plans are written, has no larger numbers.
const MAX_SEED: u64 = i64::MAX as u64;

/// A range of seeds, or one shard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeds {
    first: u64,
    /// The first that is not taken any more.
    end: u64,
    step: u64,
}

impl Seeds {
    /// The seeds from `first` up to, but without, `end`.
    #[must_use]
    pub fn range(first: u64, end: u64) -> Self {
        Self { first, end: end.min(MAX_SEED), step: 1 }
    }

    /// All seeds from `first`.
    #[must_use]
    pub fn starting_at(first: u64) -> Self {
        Self::range(first, MAX_SEED)
    }

    /// Those of these seeds that leave `shard.number - 1` over when divided by `shard.count`.
    #[must_use]
    pub fn shard(self, shard: Shard) -> Self {
        let (rest, wanted) = (self.first % shard.count, shard.number - 1);
        let ahead = if wanted >= rest { wanted - rest } else { wanted + (shard.count - rest) };
        Self { first: self.first.saturating_add(ahead), end: self.end, step: shard.count }
    }

    /// The first seed behind these; none, when they have no end but that of all numbers.
    #[must_use]
    pub fn end(self) -> Option<u64> {
        (self.end < MAX_SEED).then_some(self.end)
    }

    /// How many there are.
    #[must_use]
    pub fn len(self) -> u64 {
        self.end.saturating_sub(self.first).div_ceil(self.step)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Seed number `index`, from 0.
    #[must_use]
    pub fn nth(self, index: u64) -> u64 {
        self.first + index * self.step
    }

    /// The first `count` of these, or all, if there are fewer.
    pub(crate) fn take(self, count: u64) -> Self {
        let end = self.first.saturating_add(count.saturating_mul(self.step));
        Self { end: self.end.min(end), ..self }
    }

    /// Whether `seed` is one of these.
    fn contains(self, seed: u64) -> bool {
        seed < self.end && seed.checked_sub(self.first).is_some_and(|offset| offset.is_multiple_of(self.step))
    }

    /// The least seed that is one of these and one of `other`.
    pub(crate) fn common(self, other: Self) -> Option<u64> {
        let begin = other.first.saturating_sub(self.first).div_ceil(self.step);
        // What these leave over when they are divided by the other's step comes again after as many as that.
        let places = begin..self.len().min(begin.saturating_add(other.step));
        let mut seeds = places.map(|index| self.nth(index)).take_while(|&seed| seed < other.end);
        seeds.find(|&seed| other.contains(seed))
    }
}

/// `A..B`, without B, or `A..=B`, or `A..` without end, or one seed.
impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let seed: Option<u64> = text.trim().parse().ok().filter(|&seed| seed < MAX_SEED);
            seed.ok_or_else(|| format!("`{text}` is no seed: a seed is a whole number below {MAX_SEED}"))
        };
        let seeds = match (text.split_once("..="), text.split_once("..")) {
            (Some((first, last)), _) => Self::range(number(first)?, number(last)? + 1),
            (None, Some((first, ""))) => Self::starting_at(number(first)?),
            (None, Some((first, end))) => Self::range(number(first)?, number(end)?),
            (None, None) => Self::range(number(text)?, number(text)? + 1),
        };
        if seeds.is_empty() { Err(format!("there is no seed in `{text}`")) } else { Ok(seeds) }
    }
}

/// One of several equal parts of a campaign, for one of several machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    count: u64,
}

impl Shard {
    /// Which part it is, from 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.number
    }

    /// Of how many.
    #[must_use]
    pub fn count(self) -> u64 {
        self.count
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

/// `K/N`: part K, from 1, of N.
impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((number, count)) if number >= 1 && number <= count => Ok(Self { number, count }),
            _ => Err(format!("`{text}` is no shard: say K/N with K from 1 to N, such as 2/3")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(seeds: Seeds) -> Vec<u64> {
        (0..seeds.len()).map(|index| seeds.nth(index)).collect()
    }

    #[test]
    fn ranges_are_written_as_in_rust() {
        assert_eq!(all("3..6".parse().unwrap()), [3, 4, 5]);
        assert_eq!(all("3..=6".parse().unwrap()), [3, 4, 5, 6]);
        assert_eq!(all("4711".parse().unwrap()), [4711]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "a..b", "6..3", "3..3", "-1..3", "1...2", "99999999999999999999"] {
            assert!(text.parse::<Seeds>().is_err(), "{text}");
        }
        for text in ["0/3", "4/3", "1", "1/0", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn of_more_shards_than_seeds_most_are_empty() {
        let seeds = Seeds::range(7, 9);
        let shard = |number| all(seeds.shard(Shard { number, count: u64::MAX }));
        assert_eq!([shard(1), shard(8), shard(9), shard(u64::MAX)], [vec![], vec![7], vec![8], vec![]]);
    }

    #[test]
    fn the_shards_of_a_range_make_up_the_range() {
        for (first, end, count) in [(0, 10, 3), (5, 6, 4), (7, 30, 1), (2, 4, 7)] {
            let seeds = Seeds::range(first, end);
            let shards = (1..=count).map(|number| seeds.shard(Shard { number, count }));
            let mut together: Vec<u64> = shards.flat_map(all).collect();
            together.sort_unstable();
            assert_eq!(together, all(seeds));
        }
    }

    #[test]
    fn the_first_few_of_a_shard_are_taken_and_no_more_than_there_are() {
        let even: Shard = "1/2".parse().unwrap();
        assert_eq!(all(Seeds::starting_at(5).shard(even).take(3)), [6, 8, 10]);
        assert_eq!(all(Seeds::range(5, 9).shard(even).take(3)), [6, 8]);
        assert!(Seeds::range(5, 9).take(0).is_empty());
    }

    /// The first `count` seeds of a shard of a campaign from `first`.
    fn taken(first: u64, shard: &str, count: u64) -> Seeds {
        Seeds::starting_at(first).shard(shard.parse().unwrap()).take(count)
    }

    fn assert_common(one: Seeds, other: Seeds, common: Option<u64>) {
        assert_eq!(one.common(other), common, "{one:?} and {other:?}");
        assert_eq!(other.common(one), common, "{other:?} and {one:?}");
    }

    #[test]
    fn a_shard_has_the_seeds_between_which_the_others_have_theirs() {
        let even = taken(0, "1/2", 10);
        assert_common(even, taken(0, "2/2", 10), None);
        assert_common(even, taken(18, "1/1", 10), Some(18));
        assert_common(even, taken(19, "1/1", 10), None);
        assert_common(even, taken(5, "1/3", 10), Some(6));
        assert_common(even, taken(4, "1/1", 0), None);
        assert_common(taken(0, "1/4", 10), taken(0, "4/6", 10), None);
    }

    #[test]
    fn the_least_common_seed_is_that_of_looking_at_all() {
        let some = || (0..9).flat_map(|first| (1..5).map(move |count| (first, count)));
        for (first, count) in some() {
            let one = taken(first, "2/3", count);
            for (first, count) in some() {
                let other = taken(first, "1/2", count);
                let least = all(one).into_iter().find(|seed| all(other).contains(seed));
                assert_common(one, other, least);
            }
        }
    }

    #[test]
    fn a_shard_of_beyond_reason_many_overflows_nowhere() {
        let many = u64::MAX / 2;
        let one = taken(3, &format!("{many}/{many}"), many);
        assert_common(one, taken(3, &format!("5/{many}"), many), None);
        assert_common(one, taken(0, "1/1", 100), None);
    }
}
