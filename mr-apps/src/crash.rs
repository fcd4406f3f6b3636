//! The course's test of workers that die or stall.

use std::thread::sleep;
use std::time::Duration;

use mr_core::app::{App, AppError, Emit, MapInput, Output, Values};

use crate::{NoCrash, VERSION};

/// [`NoCrash`], but each call of map or reduce ends the process one time in three, and one time in three takes up to ten seconds.
#[derive(Debug, Clone, Copy)]
pub struct Crash;

impl App for Crash {
    fn name(&self) -> &str {
        "crash"
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        Fate::of(fastrand::u32(0..1000)).befall();
        NoCrash.map(input, emit)
    }

    fn reduce(&self, key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        Fate::of(fastrand::u32(0..1000)).befall();
        NoCrash.reduce(key, values, output)
    }
}

/// What becomes of a call.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Death,
    Delay,
    Nothing,
}

impl Fate {
    /// The fate by a `roll` of a thousand.
    fn of(roll: u32) -> Self {
        match roll {
            ..330 => Fate::Death,
            330..660 => Fate::Delay,
            660.. => Fate::Nothing,
        }
    }

    fn befall(self) {
        match self {
            Fate::Death => std::process::exit(1),
            Fate::Delay => sleep(Duration::from_millis(fastrand::u64(..10_000))),
            Fate::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_calls_die_and_a_third_are_delayed() {
        let (death, delay, nothing) = (Fate::Death, Fate::Delay, Fate::Nothing);
        let fates = [(0, &death), (329, &death), (330, &delay), (659, &delay), (660, &nothing), (999, &nothing)];
        for (roll, fate) in fates {
            assert_eq!(Fate::of(roll), *fate, "{roll}");
        }
    }
}
