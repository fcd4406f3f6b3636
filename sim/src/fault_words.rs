//! Faults and their triggers in words, for whoever reads what goes wrong in a run.

use std::fmt;

use humantime::format_duration;

use crate::plan::{DiskErrorKind, Fault, FaultKind, Trigger};

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.when, self.what)
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::At(at) => write!(f, "at {}", format_duration(*at)),
            Trigger::After { node, operation, nth } => write!(f, "after {operation} number {nth} of {node}"),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { node, restart_after } => died(f, node, "crashes", *restart_after),
            Self::PowerLoss { node, restart_after } => died(f, node, "loses power", *restart_after),
            Self::Pause { node, .. } => write!(f, "{node} stands still"),
            Self::Partition { from, to, both_ways, .. } => {
                let (from, to) = (all_of(from), all_of(to));
                let arrow = if *both_ways { "between" } else { "from" };
                let towards = if *both_ways { "and" } else { "to" };
                write!(f, "messages vanish {arrow} {from} {towards} {to}")
            }
            Self::Lossy { from, to, requests, replies, .. } => {
                let (requests, replies) = (percent(*requests), percent(*replies));
                write!(
                    f,
                    "{requests} of requests from {} to {}, {replies} of replies, vanish",
                    all_of(from),
                    all_of(to)
                )
            }
            Self::Duplicating { from, to, probability, .. } => {
                let share = percent(*probability);
                write!(f, "{share} of requests from {} to {} arrive twice", all_of(from), all_of(to))
            }
            Self::Delaying { from, to, extra, .. } => {
                let extra = format_duration(*extra);
                write!(f, "messages from {} to {} are up to {extra} late", all_of(from), all_of(to))
            }
            Self::DiskError { node, operation, error, count, .. } => {
                let what = operation.map_or("file operation".into(), |operation| operation.to_string());
                let error = match error {
                    DiskErrorKind::Io => "an I/O error",
                    DiskErrorKind::NoSpace => "want of space",
                };
                let count = match count {
                    None => "every".to_owned(),
                    Some(1) => "one".to_owned(),
                    Some(count) => format!("up to {count} times a"),
                };
                write!(f, "{count} {what} of {node} fails with {error}")
            }
            Self::SlowDisk { node, factor, .. } => write!(f, "the disk of {node} is {factor} times as slow"),
            Self::ShortWrite { node, count: 1, .. } => write!(f, "an append of {node} is cut short"),
            Self::ShortWrite { node, count, .. } => write!(f, "up to {count} appends of {node} are cut short"),
            Self::TornWrite { node, count: 1, .. } => write!(f, "an append of {node} is torn"),
            Self::TornWrite { node, count, .. } => write!(f, "up to {count} appends of {node} are torn"),
            Self::BitRot { node, path_contains, stored, .. } => {
                let lasting = if *stored { "for ever" } else { "once" };
                write!(f, "a bit that {node} reads of a file `…{path_contains}…` is wrong, {lasting}")
            }
            Self::ClockJump { node, forward } => {
                write!(f, "the clock of {node} leaps {} ahead", format_duration(*forward))
            }
            Self::ClockDrift { node, parts_per_million, .. } => {
                write!(f, "the clock of {node} runs {parts_per_million} ppm fast")
            }
            Self::SlowCompute { node, factor, .. } => write!(f, "{node} computes {factor} times as slowly"),
        }?;
        match self {
            Self::Crash { .. } | Self::PowerLoss { .. } | Self::ClockJump { .. } => Ok(()),
            // Of no time, too: without, it would read as if it were for ever.
            _ => write!(f, ", for {}", format_duration(self.extent())),
        }
    }
}

fn died(f: &mut fmt::Formatter<'_>, node: &str, how: &str, back: Option<std::time::Duration>) -> fmt::Result {
    match back {
        None => write!(f, "{node} {how} for good"),
        Some(after) => write!(f, "{node} {how} and is back after {}", format_duration(after)),
    }
}

/// Nodes by name; none named means all.
fn all_of(nodes: &[String]) -> String {
    if nodes.is_empty() { "everybody".into() } else { nodes.join(", ") }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::Operation;

    #[test]
    fn faults_read_as_sentences() {
        let second = Duration::from_secs(1);
        let told = |what: FaultKind| what.to_string();
        let node = || "w1".to_owned();
        assert_eq!(told(FaultKind::Crash { node: node(), restart_after: None }), "w1 crashes for good");
        assert_eq!(
            told(FaultKind::PowerLoss { node: node(), restart_after: Some(second) }),
            "w1 loses power and is back after 1s"
        );
        assert_eq!(
            told(FaultKind::Partition { from: vec![node()], to: vec![], both_ways: true, duration: second }),
            "messages vanish between w1 and everybody, for 1s"
        );
        let error = FaultKind::DiskError {
            node: node(),
            operation: Some(Operation::Sync),
            error: DiskErrorKind::NoSpace,
            count: Some(2),
            duration: second,
        };
        assert_eq!(told(error), "up to 2 times a sync of w1 fails with want of space, for 1s");
    }

    #[test]
    fn what_lasts_for_no_time_does_not_read_as_if_it_were_for_ever() {
        let pause = FaultKind::Pause { node: "w1".into(), duration: Duration::ZERO };
        assert_eq!(pause.to_string(), "w1 stands still, for 0s");
        let jump = FaultKind::ClockJump { node: "w1".into(), forward: Duration::from_secs(2) };
        assert_eq!(jump.to_string(), "the clock of w1 leaps 2s ahead");
    }

    #[test]
    fn a_trigger_comes_first() {
        let when = Trigger::After { node: "w1".into(), operation: Operation::Rename, nth: 3 };
        let what = FaultKind::Pause { node: "w1".into(), duration: Duration::from_millis(1500) };
        assert_eq!(Fault { when, what }.to_string(), "after rename number 3 of w1, w1 stands still, for 1s 500ms");
    }
}
