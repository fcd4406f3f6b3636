//! For how long the coordinator has not answered, as this worker saw it. A worker that is stopped, or whose machine sleeps, has not asked
//! meanwhile: when it wakes, all its timers are over at once, and the coordinator, stopped along with it perhaps, is about to answer.

use std::time::Duration;

use world::Timestamp;

/// The time without an answer.
pub(super) struct Silence {
    lasted: Duration,
    /// When it was last looked at.
    until: Timestamp,
    /// The longest that an awake worker takes from one look to the next.
    longest_step: Duration,
}

impl Silence {
    /// Begins now; looked at every `longest_step` or more often.
    pub(super) fn new(now: Timestamp, longest_step: Duration) -> Self {
        Self { lasted: Duration::ZERO, until: now, longest_step }
    }

    /// How long it has lasted, not counting what the worker slept through since the last look.
    pub(super) fn lasted(&mut self, now: Timestamp) -> Duration {
        self.lasted += (now - self.until).min(self.longest_step);
        self.until = now;
        self.lasted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_slept_through_is_not_silence() {
        let at = |seconds| Timestamp::from_origin(Duration::from_secs(seconds));
        let mut silence = Silence::new(at(10), Duration::from_secs(4));
        assert_eq!(silence.lasted(at(12)), Duration::from_secs(2));
        assert_eq!(silence.lasted(at(16)), Duration::from_secs(6));
        assert_eq!(silence.lasted(at(1000)), Duration::from_secs(10));
        assert_eq!(silence.lasted(at(1000)), Duration::from_secs(10));
        assert_eq!(silence.lasted(at(1001)), Duration::from_secs(11));
    }
}
