//! Whether settings and plans make sense. Those that make none are refused before a run, with a sentence, and not in the middle of it by an
//! overflow that would be put down to the system under test.

use std::time::Duration;

use crate::decisions::Spread;
use crate::plan::{Fault, FaultKind, Operation, Trigger};
use crate::settings::{ComputeModel, DiskModel, NetworkModel, Settings};

/// The longest time that a plan or a model may name: a hundred years, after which sums of several are still far from an overflow.
pub const MAX_DURATION: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The most times as long that a fault may make anything take.
pub const MAX_FACTOR: f64 = 1e9;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn share(share: f64) -> Result<(), String> {
    ensure((0.0..=1.0).contains(&share), || format!("`{share}` is not a share from 0 to 1"))
}

fn factor(factor: f64) -> Result<(), String> {
    ensure((1.0..=MAX_FACTOR).contains(&factor), || format!("`{factor}` is not a factor from 1 to a thousand million"))
}

fn time(time: Duration) -> Result<(), String> {
    ensure(time <= MAX_DURATION, || format!("{} s is longer than a hundred years", time.as_secs()))
}

fn hits(count: u32) -> Result<(), String> {
    ensure(count > 0, || "a `count` of 0 hits nothing: leave the fault out".into())
}

impl Fault {
    /// Whether it can strike, whatever the cluster.
    ///
    /// # Errors
    ///
    /// A sentence without its full stop that says what makes no sense: a share outside 0 to 1, a factor below 1, a time of more than a
    /// hundred years, a count from 0, a disk that errs when a message is sent.
    pub fn check(&self) -> Result<(), String> {
        match self.when {
            Trigger::At(at) => time(at)?,
            Trigger::After { nth, .. } => ensure(nth > 0, || "`nth` counts from 1".into())?,
        }
        time(self.what.extent())?;
        match self.what {
            FaultKind::Lossy { requests, replies, .. } => share(requests).and(share(replies)),
            FaultKind::Duplicating { probability, .. } => share(probability),
            FaultKind::Delaying { extra, .. } => time(extra),
            FaultKind::SlowDisk { factor: times, .. } | FaultKind::SlowCompute { factor: times, .. } => factor(times),
            FaultKind::ClockJump { forward, .. } => time(forward),
            FaultKind::ClockDrift { parts_per_million, .. } => {
                ensure((-900_000..=1_000_000_000).contains(&parts_per_million), || {
                    format!("`{parts_per_million}` is not a drift in millionths, from -900000 to a thousand million")
                })
            }
            FaultKind::Crash { .. }
            | FaultKind::PowerLoss { .. }
            | FaultKind::Pause { .. }
            | FaultKind::Partition { .. }
            | FaultKind::BitRot { .. } => Ok(()),
            FaultKind::DiskError { operation, count, .. } => {
                let of_files = !matches!(operation, Some(Operation::Send | Operation::Receive));
                ensure(of_files, || "a disk has no part in sending and receiving".into()).and(hits(count.unwrap_or(1)))
            }
            FaultKind::ShortWrite { count, .. } | FaultKind::TornWrite { count, .. } => hits(count),
        }
    }
}

impl Spread {
    fn check(&self) -> Result<(), String> {
        ensure(self.min <= self.typical && self.typical <= self.max, || {
            format!(
                "{:?}, {:?}, {:?}: a spread has its least, typical and greatest in this order",
                self.min, self.typical, self.max
            )
        })?;
        time(self.max)
    }
}

impl NetworkModel {
    /// Whether a run can have it.
    ///
    /// # Errors
    ///
    /// As of [`Settings::check`].
    pub fn check(&self) -> Result<(), String> {
        self.latency.check()
    }
}

impl DiskModel {
    /// Whether a run can have it.
    ///
    /// # Errors
    ///
    /// As of [`Settings::check`].
    pub fn check(&self) -> Result<(), String> {
        let moves = ensure(self.bytes_per_second > 0, || "a disk moves at least a byte in a second".into());
        self.latency.check().and(share(self.short_reads)).and(moves)
    }
}

impl ComputeModel {
    /// Whether a run can have it.
    ///
    /// # Errors
    ///
    /// As of [`Settings::check`].
    pub fn check(&self) -> Result<(), String> {
        for nanos in [self.nanos_per_byte, self.nanos_per_record] {
            let most = MAX_DURATION.as_nanos() as f64;
            ensure((0.0..=most).contains(&nanos), || {
                format!("`{nanos}` is not a number of nanoseconds from 0 to a hundred years of them")
            })?;
        }
        for &slowness in self.slowness.values() {
            ensure((0.0..=MAX_FACTOR).contains(&slowness), || {
                format!("`{slowness}` is not a number from 0 to a thousand million")
            })?;
        }
        Ok(())
    }
}

impl Settings {
    /// Whether a run can have them.
    ///
    /// # Errors
    ///
    /// A sentence without its full stop that says what makes no sense: a spread out of order, a share outside 0 to 1, a speed that is no
    /// number from 0, or too great, a time of more than a hundred years.
    pub fn check(&self) -> Result<(), String> {
        self.network.check().and(self.disk.check()).and(self.compute.check())
    }

    /// Whether every node that they name is one.
    pub(crate) fn check_names(&self, is_node: impl Fn(&str) -> bool) -> Result<(), String> {
        let stranger = self.compute.slowness.keys().find(|name| !is_node(name));
        stranger.map_or(Ok(()), |name| Err(format!("`slowness` names {name}, which is no node of the cluster")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decisions::Seed;
    use crate::plan::DiskErrorKind;

    fn at(at: Duration, what: FaultKind) -> Fault {
        Fault { when: Trigger::At(at), what }
    }

    fn slow(factor: f64) -> FaultKind {
        FaultKind::SlowDisk { node: "w".into(), factor, duration: Duration::from_secs(1) }
    }

    fn disk_error(operation: Option<Operation>, count: Option<u32>) -> FaultKind {
        let (node, error, duration) = ("w".into(), DiskErrorKind::Io, Duration::from_secs(1));
        FaultKind::DiskError { node, operation, error, count, duration }
    }

    fn pause(duration: Duration) -> FaultKind {
        FaultKind::Pause { node: "w".into(), duration }
    }

    #[test]
    fn what_would_overflow_in_a_run_is_refused_before_it() {
        let second = Duration::from_secs(1);
        assert_eq!(at(second, pause(second)).check(), Ok(()));
        assert_eq!(at(second, slow(30_000.0)).check(), Ok(()));
        for fault in [
            at(Duration::MAX, pause(second)),
            at(second, pause(Duration::MAX)),
            at(second, FaultKind::Crash { node: "w".into(), restart_after: Some(Duration::MAX) }),
            at(second, FaultKind::ClockJump { node: "w".into(), forward: Duration::MAX }),
            at(second, slow(f64::INFINITY)),
            at(second, slow(1e40)),
            at(second, slow(f64::NAN)),
            at(second, slow(0.5)),
            at(second, FaultKind::TornWrite { node: "w".into(), count: 0, duration: second }),
            at(second, disk_error(Some(Operation::Send), None)),
            at(second, disk_error(None, Some(0))),
        ] {
            assert!(fault.check().is_err(), "{fault:?}");
        }
    }

    #[test]
    fn models_that_make_no_sense_are_refused() {
        let changed = |change: fn(&mut Settings)| {
            let mut settings = Settings::new(Seed(1));
            change(&mut settings);
            settings.check()
        };
        assert_eq!(changed(|_| {}), Ok(()));
        assert!(changed(|settings| settings.network.latency.min = Duration::from_secs(1)).is_err());
        assert!(changed(|settings| settings.disk.short_reads = 7.5).is_err());
        assert!(changed(|settings| settings.compute.nanos_per_byte = f64::NAN).is_err());
        assert!(changed(|settings| settings.compute.slowness = [("w".to_owned(), -1.0)].into()).is_err());
    }
}
