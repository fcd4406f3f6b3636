//! Ranges in a scenario file: one value, or `[low, high]` with both ends included, of numbers, shares, factors or durations.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sim::Chance;

use crate::schedule::check::Sense;

/// Something that can be drawn between two ends.
pub(super) trait Value: Copy + PartialOrd + fmt::Debug {
    /// What it is, for whoever wrote something else.
    const WHAT: &'static str;

    /// From a whole number in the file.
    fn from_integer(integer: i64) -> Option<Self>;

    /// From any other number in the file.
    fn from_float(float: f64) -> Option<Self> {
        let _ = float;
        None
    }

    /// From text in the file.
    fn from_text(text: &str) -> Option<Self> {
        let _ = text;
        None
    }

    /// Draws one.
    fn between(low: Self, high: Self, stream: &mut Chance) -> Self;
}

/// From how much to how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Between<T> {
    pub(super) low: T,
    pub(super) high: T,
}

impl<T: Value> Between<T> {
    /// Always `value`.
    pub(super) const fn exactly(value: T) -> Self {
        Self { low: value, high: value }
    }

    /// Whether `check` holds at both ends, and so between them.
    pub(super) fn check(self, check: impl Fn(T) -> Sense) -> Sense {
        check(self.low).and_then(|()| check(self.high))
    }

    /// Draws one, both ends included.
    pub(super) fn draw(self, stream: &mut Chance) -> T {
        T::between(self.low, self.high, stream)
    }
}

/// A whole number, from zero.
impl Value for u64 {
    const WHAT: &'static str = "a whole number, such as 3";

    fn from_integer(integer: i64) -> Option<Self> {
        Self::try_from(integer).ok()
    }

    fn between(low: Self, high: Self, stream: &mut Chance) -> Self {
        stream.between(low..=high)
    }
}

/// A whole number, from one, that fits 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) struct Count(pub(super) u32);

impl Value for Count {
    const WHAT: &'static str = "a whole number from 1, such as 3";

    fn from_integer(integer: i64) -> Option<Self> {
        u32::try_from(integer).ok().filter(|&count| count > 0).map(Self)
    }

    fn between(low: Self, high: Self, stream: &mut Chance) -> Self {
        Self(stream.between(low.0.into()..=high.0.into()) as u32)
    }
}

/// A probability.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Share(pub(super) f64);

impl Value for Share {
    const WHAT: &'static str = "a share from 0 to 1, such as 0.25";

    fn from_integer(integer: i64) -> Option<Self> {
        Self::from_float(integer as f64)
    }

    fn from_float(float: f64) -> Option<Self> {
        (0.0..=1.0).contains(&float).then_some(Self(float))
    }

    fn between(low: Self, high: Self, stream: &mut Chance) -> Self {
        Self(thousandth(low.0, high.0, stream))
    }
}

/// How many times as long something takes.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Factor(pub(super) f64);

impl Value for Factor {
    const WHAT: &'static str = "a factor from 1 to a thousand million, such as 2.5";

    fn from_integer(integer: i64) -> Option<Self> {
        Self::from_float(integer as f64)
    }

    fn from_float(float: f64) -> Option<Self> {
        (1.0..=sim::MAX_FACTOR).contains(&float).then_some(Self(float))
    }

    fn between(low: Self, high: Self, stream: &mut Chance) -> Self {
        Self(thousandth(low.0, high.0, stream))
    }
}

/// How fast a clock runs, in millionths more than it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) struct Drift(pub(super) i64);

impl Drift {
    /// A clock that stands still would be at a million; slower than this, simulated time would hardly pass.
    pub(super) const SLOWEST: i64 = -900_000;
}

impl Value for Drift {
    const WHAT: &'static str = "a drift in millionths from -900000, such as 500";

    fn from_integer(integer: i64) -> Option<Self> {
        (Self::SLOWEST..=1_000_000_000).contains(&integer).then_some(Self(integer))
    }

    fn between(low: Self, high: Self, stream: &mut Chance) -> Self {
        Self(low.0 + stream.between(0..=low.0.abs_diff(high.0)) as i64)
    }
}

/// Drawn in whole microseconds, so that it can be read.
impl Value for Duration {
    const WHAT: &'static str = "a duration in quotes, such as \"1s 500ms\", of a hundred years at most";

    fn from_integer(_integer: i64) -> Option<Self> {
        None
    }

    fn from_text(text: &str) -> Option<Self> {
        humantime::parse_duration(text).ok().filter(|duration| *duration <= sim::MAX_DURATION)
    }

    fn between(low: Self, high: Self, stream: &mut Chance) -> Self {
        stream.time(low, high)
    }
}

/// A number on one of a thousand even steps, so that it can be read.
fn thousandth(low: f64, high: f64, stream: &mut Chance) -> f64 {
    low + (high - low) * (stream.between(0..=1000) as f64 / 1000.0)
}

struct BetweenVisitor<T>(PhantomData<T>);

impl<'de, T: Value> Visitor<'de> for BetweenVisitor<T> {
    type Value = Between<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or two of them as [low, high]", T::WHAT)
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Between<T>, E> {
        single(T::from_integer(integer), integer)
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<Between<T>, E> {
        single(T::from_float(float), float)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Between<T>, E> {
        single(T::from_text(text), text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut ends: A) -> Result<Between<T>, A::Error> {
        let low: Option<End<T>> = ends.next_element()?;
        let high: Option<End<T>> = ends.next_element()?;
        let more: Option<End<T>> = ends.next_element()?;
        match (low, high, more) {
            (Some(End(low)), Some(End(high)), None) if low <= high => Ok(Between { low, high }),
            (Some(_), Some(_), None) => Err(A::Error::custom("the range [low, high] ends before it starts")),
            _ => Err(A::Error::custom("a range has two ends: [low, high]")),
        }
    }
}

fn single<T: Value, E: Error>(value: Option<T>, written: impl fmt::Display) -> Result<Between<T>, E> {
    value.map(Between::exactly).ok_or_else(|| E::custom(format!("`{written}` is not {}", T::WHAT)))
}

impl<'de, T: Value> Deserialize<'de> for Between<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BetweenVisitor(PhantomData))
    }
}

/// One end of a range.
struct End<T>(T);

impl<'de, T: Value> Deserialize<'de> for End<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Between::deserialize(deserializer).map(|one: Between<T>| Self(one.low))
    }
}

/// Yes, no, or a share of the seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Odds(pub(super) f64);

impl Odds {
    pub(super) fn draw(self, stream: &mut Chance) -> bool {
        stream.happens(self.0)
    }
}

impl<'de> Deserialize<'de> for Odds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OddsVisitor;

        impl Visitor<'_> for OddsVisitor {
            type Value = Odds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or a share from 0 to 1")
            }

            fn visit_bool<E: Error>(self, yes: bool) -> Result<Odds, E> {
                Ok(Odds(f64::from(yes)))
            }

            fn visit_i64<E: Error>(self, integer: i64) -> Result<Odds, E> {
                self.visit_f64(integer as f64)
            }

            fn visit_f64<E: Error>(self, float: f64) -> Result<Odds, E> {
                let share = Share::from_float(float);
                share.map(|share| Odds(share.0)).ok_or_else(|| E::custom(format!("`{float}` is not {}", Share::WHAT)))
            }
        }

        deserializer.deserialize_any(OddsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read<T: Value>(text: &str) -> Result<Between<T>, String> {
        let file: Result<BTreeMap<String, Between<T>>, _> = toml::from_str(&format!("it = {text}"));
        file.map(|file| file["it"]).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn one_value_or_two_ends_are_a_range() {
        assert_eq!(read("3"), Ok(Between::exactly(3_u64)));
        assert_eq!(read("[1, 4]"), Ok(Between { low: 1_u64, high: 4 }));
        assert_eq!(
            read("[\"1ms\", \"2s\"]"),
            Ok(Between { low: Duration::from_millis(1), high: Duration::from_secs(2) })
        );
        assert_eq!(read("[0, 0.5]"), Ok(Between { low: Share(0.0), high: Share(0.5) }));
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_refused() {
        assert_eq!(read::<u64>("[4, 1]"), Err("the range [low, high] ends before it starts".into()));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_in_words_that_say_what_is_in() {
        let refused = |error: Result<(), String>, words: &str| {
            let error = error.expect_err(words);
            assert!(error.contains(words), "{error}");
        };
        refused(read::<u64>("-1").map(drop), "`-1` is not a whole number");
        refused(read::<Count>("0").map(drop), "from 1");
        refused(read::<Share>("1.5").map(drop), "a share from 0 to 1");
        refused(read::<Factor>("[0.5, 2]").map(drop), "a factor from 1");
        refused(read::<Factor>("inf").map(drop), "a factor from 1");
        refused(read::<Factor>("1e40").map(drop), "to a thousand million");
        refused(read::<Drift>("-1000000").map(drop), "from -900000");
        refused(read::<Duration>("5").map(drop), "in quotes");
        refused(read::<Duration>("\"101 years\"").map(drop), "a hundred years at most");
        refused(read::<Duration>("\"soon\"").map(drop), "`soon` is not a duration");
        refused(read::<u64>("[1, 2, 3]").map(drop), "two ends");
        refused(read::<u64>("true").map(drop), "or two of them as [low, high]");
    }

    #[test]
    fn both_ends_are_drawn() {
        let mut stream = Chance::stream(1, 1);
        let drifts = Between { low: Drift(-2), high: Drift(1) };
        let drawn: Vec<_> = (0..100).map(|_| drifts.draw(&mut stream).0).collect();
        assert!((-2..=1).all(|drift| drawn.contains(&drift)));
        let second = Between { low: Duration::ZERO, high: Duration::from_micros(2) };
        assert!((0..50).any(|_| second.draw(&mut stream) == Duration::from_micros(2)));
    }
}
