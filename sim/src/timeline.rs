//! Events in words, one line each, for whoever reads what happened.

use std::fmt::{self, Write};
use std::time::Duration;

use crate::history::{Event, FileEvent, Loss, Message, Part};
use crate::plan::Operation;

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Request => "request",
            Part::Reply => "reply",
            Part::Refusal => "refusal",
        };
        write!(
            f,
            "{} -> {}: {part} of call {} ({} B, {:08x})",
            self.from,
            self.to,
            self.call,
            self.len,
            self.digest >> 32
        )
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Loss::Partitioned => "partitioned",
            Loss::Dropped => "dropped",
            Loss::NobodyListens => "nobody listens",
            Loss::PowerOff => "the machine has no power",
            Loss::Unwanted => "nobody waits for it",
        })
    }
}

impl fmt::Display for Operation {
    /// The word that a plan has for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Open => "open",
            Operation::Create => "create",
            Operation::Read => "read",
            Operation::Append => "append",
            Operation::Sync => "sync",
            Operation::Metadata => "metadata",
            Operation::Rename => "rename",
            Operation::HardLink => "hard_link",
            Operation::RemoveFile => "remove_file",
            Operation::CreateDir => "create_dir",
            Operation::RemoveDir => "remove_dir",
            Operation::ReadDir => "read_dir",
            Operation::SyncDir => "sync_dir",
            Operation::Send => "send",
            Operation::Receive => "receive",
        })
    }
}

impl fmt::Display for FileEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "." } else { &self.path };
        write!(f, "{}: {} {path}", self.node, self.operation)?;
        if let Some(to) = &self.to {
            write!(f, " to {to}")?;
        }
        if self.bytes > 0 {
            write!(f, " ({} B)", self.bytes)?;
        }
        self.result.or_else(|kind| write!(f, " failed: {kind}"))?;
        self.spoiled_by.map_or(Ok(()), |fault| write!(f, ", by fault {fault}"))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::NodeStarted { node, starts: 1 } => write!(f, "{node}: started"),
            Event::NodeStarted { node, starts } => write!(f, "{node}: started for the {starts}. time"),
            Event::NodeCrashed { node } => write!(f, "{node}: crashed"),
            Event::NodeFinished { node } => write!(f, "{node}: finished"),
            Event::NodePaused { node } => write!(f, "{node}: paused"),
            Event::NodeResumed { node } => write!(f, "{node}: resumed"),
            Event::UnsyncedLost { node, appends, names, lost, .. } => {
                write!(f, "{node}: lost power, and with it (part of) {appends} appends and {names} changes of names")?;
                let which = lost.to_string();
                if which.is_empty() { Ok(()) } else { write!(f, " ({which})") }
            }
            Event::FaultStruck { fault, kind } => write!(f, "fault {fault}, {kind}, struck"),
            Event::FaultHealed { fault, kind } => write!(f, "fault {fault}, {kind}, healed"),
            Event::MessageSent(message) => write!(f, "{message} sent"),
            Event::MessageDuplicated(message) => write!(f, "{message} duplicated"),
            Event::MessageDelivered(message) => write!(f, "{message} delivered"),
            Event::MessageLost(message, loss) => write!(f, "{message} lost: {loss}"),
            Event::File(step) => step.fmt(f),
            Event::Note { node: Some(node), note } => write!(f, "{node}: {note:?}"),
            Event::Note { node: None, note } => write!(f, "{note:?}"),
            Event::CalledNobody { node, call, address } => {
                write!(f, "{node}: call {call} is to {address}, which is no node of the cluster")
            }
        }
    }
}

/// The last events of a history, at most so many, one line each; above them how many came before.
#[must_use]
pub fn last_events(history: &[(Duration, Event)], most: usize) -> String {
    let before = history.len().saturating_sub(most);
    let mut text = String::new();
    if before > 0 {
        let _ = writeln!(text, "  (after {before} events)");
    }
    for (at, event) in &history[before..] {
        let _ = writeln!(text, "{:>12.6} s  {event}", at.as_secs_f64());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Node;

    #[test]
    fn an_event_reads_as_a_line() {
        let node = |index, name| Node::new(index, name);
        let message = Message {
            call: 7,
            part: Part::Reply,
            from: node(0, "c"),
            to: node(1, "w1"),
            len: 12,
            digest: 0xabcd_ef01_2345_6789,
            body: crate::Body::default(),
        };
        let lost = Event::MessageLost(message, Loss::Partitioned);
        assert_eq!(lost.to_string(), "c -> w1: reply of call 7 (12 B, abcdef01) lost: partitioned");
        let step = |operation, to: Option<&str>, bytes, result| {
            let to = to.map(Into::into);
            Event::File(FileEvent {
                node: node(1, "w1"),
                operation,
                path: "a/b".into(),
                to,
                result,
                bytes,
                digest: 0,
                spoiled_by: None,
            })
            .to_string()
        };
        assert_eq!(step(Operation::Rename, Some("c"), 0, Ok(())), "w1: rename a/b to c");
        let full = Err(std::io::ErrorKind::StorageFull);
        assert_eq!(step(Operation::Append, None, 100, full), "w1: append a/b (100 B) failed: no storage space");
    }

    #[test]
    fn the_last_events_are_told() {
        let started =
            |name: &str| (Duration::from_millis(5), Event::NodeStarted { node: Node::new(0, name), starts: 1 });
        let history = ["a", "b", "c"].map(started);
        assert_eq!(
            last_events(&history, 2),
            "  (after 1 events)\n    0.005000 s  b: started\n    0.005000 s  c: started\n"
        );
        assert_eq!(last_events(&history, 9).lines().count(), 3);
    }
}
