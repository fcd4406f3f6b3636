//! Chance, addressed: every decision of a run is a hash of the seed and of what the decision is about.
//!
//! Nothing is drawn from a shared stream, so what befalls the fifth message from `a` to `b` does not depend on how many other
//! things were decided before it: a fault taken out of a plan moves nothing that it did not touch. The hash is written out
//! here, and no dependency's, because a seed that once found a bug must still find it after an upgrade.

use std::hash::Hasher;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The number from which all chance of a run is derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

/// What a decision is about: the first word of its address.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Matter {
    Latency = 1,
    DuplicateLatency,
    LostRequest,
    LostReply,
    Duplicate,
    ExtraDelay,
    FileLatency,
    ShortRead,
    ShortReadLength,
    InFlight,
    SectorSurvives,
    LengthSurvives,
    NameSurvives,
    TornAt,
    RottenBit,
    Turn,
    ClockOrigin,
    Entropy,
    InFlightCut,
}

/// All decisions of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decisions(Seed);

impl Decisions {
    pub(crate) fn new(seed: Seed) -> Self {
        Self(seed)
    }

    /// Sixty-four bits of chance for the decision of this address.
    pub(crate) fn draw(self, matter: Matter, address: [u64; 3]) -> u64 {
        address.iter().fold(mix(self.0.0 ^ mix(matter as u64)), |hash, &word| mix(hash ^ mix(word)))
    }

    /// A number from 0 up to, not including, 1.
    pub(crate) fn fraction(self, matter: Matter, address: [u64; 3]) -> f64 {
        (self.draw(matter, address) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True for a share of all addresses that is `probability`.
    pub(crate) fn chance(self, matter: Matter, address: [u64; 3], probability: f64) -> bool {
        probability > 0.0 && self.fraction(matter, address) < probability
    }

    /// A number from 0 up to, not including, `bound`; 0 when the bound is.
    pub(crate) fn below(self, matter: Matter, address: [u64; 3], bound: u64) -> u64 {
        ((u128::from(self.draw(matter, address)) * u128::from(bound)) >> 64) as u64
    }
}

/// The finaliser of SplitMix64: every bit of the input sways every bit of the output.
pub(crate) fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A spread of durations, most of them near `typical`, a few far out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// No duration is shorter.
    #[serde(with = "crate::duration_text")]
    pub min: Duration,
    /// Half of all durations are shorter.
    #[serde(with = "crate::duration_text")]
    pub typical: Duration,
    /// No duration is longer.
    #[serde(with = "crate::duration_text")]
    pub max: Duration,
}

impl Spread {
    /// Always `duration`.
    #[must_use]
    pub const fn exactly(duration: Duration) -> Self {
        Self { min: duration, typical: duration, max: duration }
    }

    /// The duration at `fraction` of the spread: evenly between `min` and `typical` for the lower half, and for the upper
    /// half up to `max` with the eighth power, so that far is rare. (Products only: a logarithm would be another one on
    /// another machine.)
    pub(crate) fn at(&self, fraction: f64) -> Duration {
        if fraction < 0.5 {
            return self.min + self.typical.saturating_sub(self.min).mul_f64(fraction * 2.0);
        }
        let far = fraction * 2.0 - 1.0;
        let squared = far * far;
        let fourth = squared * squared;
        self.typical + self.max.saturating_sub(self.typical).mul_f64(fourth * fourth)
    }
}

/// A running hash of whatever is written to it, the same on every machine of one word size.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest(u64);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.write_u64(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * u128::from(0x9e37_79b9_7f4a_7c15_u64);
        self.0 = (product as u64).rotate_left(23) ^ (product >> 64) as u64 ^ number.rotate_left(32);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        mix(self.0)
    }
}

/// The digest of `bytes`.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    let mut digest = Digest::default();
    digest.write(bytes);
    digest.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_depends_on_the_seed_the_matter_and_every_word_of_its_address() {
        let draw = |seed, matter, address| Decisions::new(Seed(seed)).draw(matter, address);
        let one = draw(1, Matter::Latency, [1, 2, 3]);
        assert_eq!(one, draw(1, Matter::Latency, [1, 2, 3]));
        assert_ne!(one, draw(2, Matter::Latency, [1, 2, 3]));
        assert_ne!(one, draw(1, Matter::Duplicate, [1, 2, 3]));
        for other in [[0, 2, 3], [1, 0, 3], [1, 2, 0], [2, 1, 3], [1, 3, 2]] {
            assert_ne!(one, draw(1, Matter::Latency, other));
        }
    }

    #[test]
    fn a_chance_of_a_tenth_comes_up_a_tenth_of_the_time() {
        let decisions = Decisions::new(Seed(7));
        let hits = (0..10_000).filter(|&nth| decisions.chance(Matter::LostReply, [1, 2, nth], 0.1)).count();
        assert!((900..1100).contains(&hits), "{hits} of 10,000");
        assert!(!decisions.chance(Matter::LostReply, [1, 2, 3], 0.0));
        assert!(decisions.chance(Matter::LostReply, [1, 2, 3], 1.0));
    }

    #[test]
    fn a_spread_keeps_its_bounds_and_its_median() {
        let ms = Duration::from_millis;
        let spread = Spread { min: ms(1), typical: ms(10), max: ms(1000) };
        assert_eq!(spread.at(0.0), ms(1));
        assert_eq!(spread.at(0.5), ms(10));
        assert!(spread.at(0.75) < ms(20), "far is rare");
        assert!(spread.at(0.999_999) > ms(990) && spread.at(0.999_999) <= ms(1000));
    }

    #[test]
    fn a_digest_tells_lengths_and_order_apart() {
        let digests = [&b""[..], b"\0", b"\0\0", b"ab", b"ba", b"12345678", b"12345678\0"].map(digest);
        for (index, one) in digests.iter().enumerate() {
            assert!(!digests[index + 1..].contains(one));
        }
    }
}
