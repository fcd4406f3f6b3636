//! A moment: one event of a history in words that a person who did not write the code understands, with what it is about.

use std::io;
use std::time::Duration;

use mr_core::ids::{AttemptId, TaskId};
use serde::Serialize;

use super::tell::attempt_of;

/// What kind of thing happened; each has a glyph of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A program starts.
    Started,
    /// A program returned.
    Returned,
    /// A process died.
    Crashed,
    /// A node stands still.
    Paused,
    /// A node goes on.
    Resumed,
    /// A fault strikes.
    Fault,
    /// A fault is over.
    Healed,
    /// A power loss has undone something.
    Undone,
    /// A message leaves.
    Sent,
    /// A message arrives.
    Received,
    /// A message never arrives.
    Vanished,
    /// A message arrives where nobody listens or waits for it.
    Unheard,
    /// A message will arrive twice.
    Doubled,
    /// Something about a file was read.
    Read,
    /// A file was created or grew.
    Written,
    /// A file or directory was made durable.
    Synced,
    /// A name came, changed or went.
    Named,
    /// A step on files failed, or read what is not there.
    FileFailed,
    /// The coordinator gave an attempt out.
    Assigned,
    /// The coordinator let an attempt commit.
    Granted,
    /// An attempt is the one that counts.
    Committed,
    /// An attempt failed, or its output was lost.
    Failed,
    /// The coordinator has lost a worker.
    WorkerLost,
    /// Something else that the coordinator or a worker has to say.
    Said,
    /// The job is over.
    Ended,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 25] = [
        Kind::Started,
        Kind::Returned,
        Kind::Crashed,
        Kind::Paused,
        Kind::Resumed,
        Kind::Fault,
        Kind::Healed,
        Kind::Undone,
        Kind::Sent,
        Kind::Received,
        Kind::Vanished,
        Kind::Unheard,
        Kind::Doubled,
        Kind::Read,
        Kind::Written,
        Kind::Synced,
        Kind::Named,
        Kind::FileFailed,
        Kind::Assigned,
        Kind::Granted,
        Kind::Committed,
        Kind::Failed,
        Kind::WorkerLost,
        Kind::Said,
        Kind::Ended,
    ];

    /// One character, as wide as a letter.
    #[must_use]
    pub fn glyph(self) -> char {
        match self {
            Kind::Started => '◆',
            Kind::Returned => '◇',
            Kind::Crashed => '☠',
            Kind::Paused => '‖',
            Kind::Resumed => '▸',
            Kind::Fault => '!',
            Kind::Healed => '¡',
            Kind::Undone => '↶',
            Kind::Sent => '○',
            Kind::Received => '●',
            Kind::Vanished => '╳',
            Kind::Unheard => '×',
            Kind::Doubled => '⁑',
            Kind::Read => '.',
            Kind::Written => '+',
            Kind::Synced => '=',
            Kind::Named => '~',
            Kind::FileFailed => '#',
            Kind::Assigned => '→',
            Kind::Granted => '?',
            Kind::Committed => '✓',
            Kind::Failed => '✗',
            Kind::WorkerLost => '¿',
            Kind::Said => '"',
            Kind::Ended => '■',
        }
    }

    /// Whether it is something going wrong from outside, or its end.
    #[must_use]
    pub fn is_fault(self) -> bool {
        matches!(
            self,
            Kind::Fault | Kind::Healed | Kind::Crashed | Kind::Paused | Kind::Resumed | Kind::Undone | Kind::Vanished
        )
    }

    /// Whether it is a step on files.
    #[must_use]
    pub fn is_file_step(self) -> bool {
        matches!(self, Kind::Read | Kind::Written | Kind::Synced | Kind::Named | Kind::FileFailed)
    }
}

/// A node by its place in the cluster, from 0; the coordinator is the first.
pub type Lane = usize;

/// One event, told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When, in virtual time.
    pub at: Duration,
    /// On whose lane it belongs; of a message, the end where it happened.
    pub lane: Option<Lane>,
    /// The other end of a message.
    pub peer: Option<Lane>,
    /// What kind of thing it is.
    pub kind: Kind,
    /// What happened.
    pub words: String,
    /// Which attempt it is about.
    pub attempt: Option<AttemptId>,
    /// The file it was done to; of a rename or link, the new name.
    pub path: Option<String>,
    /// Why it came to nothing, if it is a step on files that did.
    pub failed: Option<io::ErrorKind>,
    /// Whether it says nothing new: a heartbeat, the answer to one, progress.
    pub routine: bool,
}

impl Moment {
    /// Whether it is about `task`: something that an attempt at it does, or that is done to a file of one.
    #[must_use]
    pub fn is_about(&self, task: TaskId) -> bool {
        let owner = self.path.as_deref().and_then(attempt_of);
        [self.attempt, owner].into_iter().flatten().any(|attempt| attempt.task == task)
    }
}

/// An attempt as a story calls it: `map 3.2` is the second attempt of map 3.
#[must_use]
pub fn short(attempt: AttemptId) -> String {
    format!("{}.{}", attempt.task, attempt.attempt.0)
}
