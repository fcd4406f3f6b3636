//! Chance for whoever draws plans: a stream of numbers that a seed repeats for ever.
//!
//! It has nothing to do with what chance decides within a run (see `decisions`): a plan is drawn before it, and from then on is what it is.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A seeded stream of chance: to draw a plan, a workload or a shape of a cluster of a seed.
#[derive(Debug, Clone)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The first stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::stream(seed, 0)
    }

    /// Stream number `stream` of `seed`. Who draws different things from streams of their own can change one and leave the others as they were.
    #[must_use]
    pub fn stream(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// A number in `range`, each about as likely as any other.
    ///
    /// # Panics
    ///
    /// When the range is empty.
    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        assert!(low <= high, "there is no number from {low} to {high}");
        match (high - low).checked_add(1) {
            Some(count) => low + self.0.next_u64() % count,
            None => self.0.next_u64(),
        }
    }

    /// A time from `low` to `high`, in whole microseconds from `low` on, so that it can be read.
    ///
    /// # Panics
    ///
    /// When `high` is less than `low`.
    pub fn time(&mut self, low: Duration, high: Duration) -> Duration {
        assert!(low <= high, "there is no time from {low:?} to {high:?}");
        let micros = u64::try_from((high - low).as_micros()).unwrap_or(u64::MAX);
        low + Duration::from_micros(self.between(0..=micros))
    }

    /// Whether something happens that happens with this probability.
    pub fn happens(&mut self, probability: f64) -> bool {
        // 53 bits: each a different number below one.
        ((self.0.next_u64() >> 11) as f64) < probability * (1_u64 << 53) as f64
    }

    /// One of `choices`.
    ///
    /// # Panics
    ///
    /// When there are none.
    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        assert!(!choices.is_empty(), "there is nothing to choose from");
        &choices[self.between(0..=choices.len() as u64 - 1) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_range_are_drawn_and_nothing_beyond() {
        let mut chance = Chance::new(1);
        let drawn: Vec<u64> = (0..200).map(|_| chance.between(3..=6)).collect();
        assert!((3..=6).all(|number| drawn.contains(&number)) && drawn.iter().all(|number| (3..=6).contains(number)));
        assert!((0..100).any(|_| chance.between(0..=u64::MAX) > u64::MAX / 2));
        let (low, high) = (Duration::from_micros(1), Duration::from_micros(2));
        assert!((0..100).all(|_| [low, high].contains(&chance.time(low, high))));
        assert!((0..100).any(|_| *chance.one_of(&["a", "b"]) == "b"));
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |seed, stream| Chance::stream(seed, stream).between(0..=u64::MAX);
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
    }

    #[test]
    fn what_is_certain_happens_and_what_is_impossible_does_not() {
        let mut chance = Chance::new(1);
        assert!((0..1000).all(|_| chance.happens(1.0) && !chance.happens(0.0)));
        let heads = (0..1000).filter(|_| chance.happens(0.5)).count();
        assert!((400..600).contains(&heads), "{heads}");
    }
}
