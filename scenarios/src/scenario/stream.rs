//! The streams of chance of one seed. Cluster, workload, models and plan have one each, so that another choice in one leaves the
//! others as they were.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One of a seed's independent streams.
pub(super) struct Stream(ChaCha8Rng);

impl Stream {
    /// Stream number `stream` of `seed`.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        match (high - low).checked_add(1) {
            Some(count) => low + self.0.next_u64() % count,
            None => self.0.next_u64(),
        }
    }

    /// Whether something happens that happens with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        // 53 bits: each a different number below one.
        ((self.0.next_u64() >> 11) as f64) < probability * (1_u64 << 53) as f64
    }

    /// One of `choices`.
    ///
    /// # Panics
    ///
    /// When there are none.
    pub(super) fn choose<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.between(0, choices.len() as u64 - 1) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_range_are_drawn_and_nothing_beyond() {
        let mut stream = Stream::new(1, 1);
        let drawn: Vec<u64> = (0..200).map(|_| stream.between(3, 6)).collect();
        assert!((3..=6).all(|number| drawn.contains(&number)) && drawn.iter().all(|number| (3..=6).contains(number)));
        assert!((0..100).any(|_| stream.between(0, u64::MAX) > u64::MAX / 2));
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |seed, stream| Stream::new(seed, stream).between(0, u64::MAX);
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
    }

    #[test]
    fn what_is_certain_happens_and_what_is_impossible_does_not() {
        let mut stream = Stream::new(1, 1);
        assert!((0..1000).all(|_| stream.chance(1.0) && !stream.chance(0.0)));
        let heads = (0..1000).filter(|_| stream.chance(0.5)).count();
        assert!((400..600).contains(&heads), "{heads}");
    }
}
