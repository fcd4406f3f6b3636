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
}
