//! Clocks: one virtual time for all, and every node's own idea of it, which starts anywhere, drifts and leaps, never backwards.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::task::{Poll, Waker};
use std::time::Duration;

use world::{Clock, Timestamp};

use crate::agenda::Action;
use crate::state::{Home, State};

const MILLION: i128 = 1_000_000;

/// A node's clock: a straight line through the last moment at which it was changed.
pub(crate) struct NodeClock {
    /// Virtual time and own time of that moment.
    changed: (Duration, Duration),
    parts_per_million: i64,
    /// Who sleeps, by when they wake (own time) and the order in which they lay down.
    sleepers: BTreeMap<(Duration, u64), Waker>,
    sleeps: u64,
    /// The virtual time of the alarm that counts; any other is out of date.
    alarm: Option<Duration>,
}

impl NodeClock {
    /// A clock that shows `origin` at the start of the run.
    pub(crate) fn new(origin: Duration) -> Self {
        Self {
            changed: (Duration::ZERO, origin),
            parts_per_million: 0,
            sleepers: BTreeMap::new(),
            sleeps: 0,
            alarm: None,
        }
    }

    /// Own time at virtual time `now`.
    pub(crate) fn at(&self, now: Duration) -> Duration {
        let (virtual_time, own) = self.changed;
        let passed = now - virtual_time;
        // Most clocks never drift, and dividing 128 bits is the dear part of asking for the time.
        if self.parts_per_million == 0 {
            return own.saturating_add(passed);
        }
        own.saturating_add(duration(nanos(passed) * (MILLION + i128::from(self.parts_per_million)) / MILLION))
    }

    /// The first virtual time at which the clock shows `own_time` or later.
    fn when(&self, own_time: Duration) -> Duration {
        let (virtual_time, own) = self.changed;
        if self.parts_per_million == 0 {
            return virtual_time.saturating_add(own_time.saturating_sub(own));
        }
        let speed = MILLION + i128::from(self.parts_per_million);
        let wait = nanos(own_time.saturating_sub(own)) * MILLION;
        virtual_time.saturating_add(duration((wait + speed - 1) / speed))
    }

    fn leap(&mut self, now: Duration, forward: Duration) {
        self.changed = (now, self.at(now).saturating_add(forward));
    }

    fn drift(&mut self, now: Duration, parts_per_million: i64) {
        self.changed = (now, self.at(now));
        self.parts_per_million = parts_per_million.max(-900_000);
    }

    /// When the earliest sleeper's hour comes.
    fn next_alarm(&self) -> Option<Duration> {
        self.sleepers.first_key_value().map(|((deadline, _), _)| self.when(*deadline))
    }
}

fn nanos(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

/// Nothing below nothing.
fn duration(nanos: i128) -> Duration {
    const SECOND: i128 = 1_000_000_000;
    let nanos = nanos.max(0);
    Duration::new(u64::try_from(nanos / SECOND).unwrap_or(u64::MAX), (nanos % SECOND) as u32)
}

impl State {
    /// An alarm goes off, if it is not out of date.
    pub(crate) fn alarm(&mut self, node: usize) {
        if self.nodes[node].clock.alarm == Some(self.now) {
            self.wake_sleepers(node);
        }
    }

    /// Wakes the sleepers of a node whose hour has come, and makes sure of the next.
    fn wake_sleepers(&mut self, node: usize) {
        let clock = &mut self.nodes[node].clock;
        clock.alarm = None;
        let now = clock.at(self.now);
        while let Some(first) = clock.sleepers.first_entry()
            && first.key().0 <= now
        {
            first.remove().wake();
        }
        self.set_alarm(node);
    }

    fn set_alarm(&mut self, node: usize) {
        let clock = &mut self.nodes[node].clock;
        let next = clock.next_alarm().map(|at| at.max(self.now));
        if let Some(at) = next.filter(|at| clock.alarm.is_none_or(|alarm| *at < alarm)) {
            clock.alarm = Some(at);
            self.agenda.add(at, Action::Alarm(node));
        }
    }

    /// Moves a node's clock forward.
    pub(crate) fn leap_clock(&mut self, node: usize, forward: Duration) {
        self.nodes[node].clock.leap(self.now, forward);
        self.wake_sleepers(node);
    }

    /// Changes the speed of a node's clock.
    pub(crate) fn drift_clock(&mut self, node: usize, parts_per_million: i64) {
        self.nodes[node].clock.drift(self.now, parts_per_million);
        self.wake_sleepers(node);
    }
}

/// The clock of one node.
#[derive(Clone)]
pub struct SimClock(pub(crate) Home);

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let state = self.0.state();
        Timestamp::from_origin(state.nodes[self.0.node].clock.at(state.now))
    }

    /// Ends when the node's own clock has passed `duration`: a leap of the clock ends it early.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        let key = {
            let mut state = self.0.state();
            let now = state.now;
            let clock = &mut state.nodes[self.0.node].clock;
            clock.sleeps += 1;
            (clock.at(now).saturating_add(duration), clock.sleeps)
        };
        let mut sleeper = Sleeper { home: self.0.clone(), key, has_waited: false };
        async move { poll_fn(|context| sleeper.poll(context.waker())).await }
    }
}

/// Somebody who sleeps; who stops waiting is not found among the sleepers.
struct Sleeper {
    home: Home,
    key: (Duration, u64),
    has_waited: bool,
}

impl Sleeper {
    fn poll(&mut self, waker: &Waker) -> Poll<()> {
        let mut state = self.home.state();
        let now = state.now;
        let clock = &mut state.nodes[self.home.node].clock;
        if clock.at(now) >= self.key.0 {
            return if self.has_waited { Poll::Ready(()) } else { state.answer_at_once() };
        }
        self.has_waited = true;
        let known = clock.sleepers.insert(self.key, waker.clone()).is_some();
        let first = clock.sleepers.first_key_value().is_some_and(|(key, _)| *key == self.key);
        if first && !known {
            state.set_alarm(self.home.node);
        }
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let waker = self.home.state().nodes[self.home.node].clock.sleepers.remove(&self.key);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_clock_that_runs_fast_arrives_early() {
        let mut clock = NodeClock::new(ms(5000));
        clock.drift(ms(1000), 100_000);
        assert_eq!(clock.at(ms(2000)), ms(7100));
        assert_eq!(clock.when(ms(7100)), ms(2000));
    }

    #[test]
    fn a_leap_goes_forward_only_and_keeps_the_speed() {
        let mut clock = NodeClock::new(ms(0));
        clock.drift(ms(0), -500_000);
        clock.leap(ms(100), ms(1000));
        assert_eq!(clock.at(ms(100)), ms(1050));
        assert_eq!(clock.at(ms(200)), ms(1100));
    }

    #[test]
    fn a_clock_that_runs_as_fast_as_any_for_a_century_goes_on() {
        let mut clock = NodeClock::new(ms(0));
        clock.drift(ms(0), 1_000_000_000);
        let century = Duration::from_secs(36_500 * 24 * 3600);
        let then = clock.at(century);
        assert_eq!(then, century * 1001);
        assert!(clock.at(century + ms(1)) > then);
        assert_eq!(clock.when(then + Duration::from_secs(1001)), century + Duration::from_secs(1));
    }

    #[test]
    fn the_hour_has_come_when_it_is_said_to() {
        let mut clock = NodeClock::new(ms(17));
        for parts_per_million in [-900_000, -333_333, -1, 0, 1, 77_777, 5_000_000] {
            clock.drift(ms(3), parts_per_million);
            for wait in 0..200 {
                let own = clock.at(ms(3)) + Duration::from_nanos(wait * 7919);
                assert!(clock.at(clock.when(own)) >= own);
            }
        }
    }
}
