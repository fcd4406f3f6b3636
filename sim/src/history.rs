//! What happened: the events of a run, and the hash that two runs share only if the same things happened in the same order.

use std::any::{Any, type_name};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::decisions::Digest;
use crate::lost::Lost;
use crate::plan::Operation;

/// A node of the cluster. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    index: u32,
    name: Arc<str>,
}

impl Node {
    /// The node at place `index` of a cluster. A run makes its own; this is for histories made by hand, to test an observer.
    ///
    /// # Panics
    ///
    /// When `index` has more than 32 bits.
    #[must_use]
    pub fn new(index: usize, name: &str) -> Self {
        Self {
            index: u32::try_from(index).expect("a cluster has fewer than four thousand million nodes"),
            name: name.into(),
        }
    }

    /// The node's place in the order in which the cluster was set up, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// The node's name, which is also its address.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.index);
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Something that the system under test puts into the history: any type that can be shown and hashed.
pub trait Note: Any + fmt::Debug + Send + Sync {
    /// A hash of the note and of its type, the same in every run of one build.
    fn digest(&self) -> u64;
}

impl<T: Any + fmt::Debug + Hash + Send + Sync> Note for T {
    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        // Two types may hold the same numbers and mean different things.
        type_name::<T>().hash(&mut digest);
        self.hash(&mut digest);
        digest.finish()
    }
}

/// A note as the history keeps it. Two are equal when their digests are.
#[derive(Clone)]
pub struct Noted {
    digest: u64,
    note: Arc<dyn Note>,
}

impl Noted {
    /// What `note` says, as the history keeps it.
    pub fn new(note: impl Note) -> Self {
        Self { digest: note.digest(), note: Arc::new(note) }
    }

    /// The note, if it is a `T`.
    #[must_use]
    pub fn get<T: Note>(&self) -> Option<&T> {
        let note: &dyn Any = &*self.note;
        note.downcast_ref()
    }
}

impl PartialEq for Noted {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Noted {}

impl Hash for Noted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

impl fmt::Debug for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// Which part of a call a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The request.
    Request,
    /// The answer to it.
    Reply,
    /// The word of the callee's operating system that nobody will answer.
    Refusal,
}

/// The bytes of a message. In histories that are compared the message's digest stands for them: here all are equal.
#[derive(Clone, Default)]
pub struct Body(Option<Arc<[u8]>>);

impl Body {
    /// What a message says.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Some(bytes.into()))
    }

    /// The bytes, in a run that is recorded.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }
}

impl PartialEq for Body {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Body {}

impl Hash for Body {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes() {
            Some(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            None => f.write_str("not recorded"),
        }
    }
}

/// A message on its way between two nodes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// The call it belongs to, counted from 0 over the whole run.
    pub call: u64,
    /// Which part of the call it is.
    pub part: Part,
    /// Who sent it.
    pub from: Node,
    /// Whom it is for.
    pub to: Node,
    /// Its length in bytes.
    pub len: u64,
    /// A hash of its bytes.
    pub digest: u64,
    /// Its bytes, in a run that is recorded.
    pub body: Body,
}

/// Why a message did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// A partition stood in the way.
    Partitioned,
    /// It was lost by chance.
    Dropped,
    /// Nobody listens there; the caller is told so.
    NobodyListens,
    /// The machine has no power: nobody tells the caller anything.
    PowerOff,
    /// The caller has given up, or has an answer already.
    Unwanted,
}

/// A step on files that has taken effect, or failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileEvent {
    /// Whose step.
    pub node: Node,
    /// Which kind.
    pub operation: Operation,
    /// The file or directory it was taken on; of a rename or link, the old name. Without `.` and leading `/`.
    pub path: Arc<str>,
    /// The new name, of a rename or link.
    pub to: Option<Arc<str>>,
    /// What came of it.
    pub result: Result<(), io::ErrorKind>,
    /// How many bytes were read or appended.
    pub bytes: u64,
    /// A hash of these bytes; of a step that tells something else, the size of a file or what is in a directory, of that.
    pub digest: u64,
    /// The fault that made it fail, cut it short or spoiled what was read, by its place in the plan.
    pub spoiled_by: Option<usize>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// A node's program starts; the first time, `starts` is 1.
    NodeStarted {
        /// Which node.
        node: Node,
        /// How often it has been started.
        starts: u32,
    },
    /// A node's process died.
    NodeCrashed {
        /// Which node.
        node: Node,
    },
    /// A node's program returned.
    NodeFinished {
        /// Which node.
        node: Node,
    },
    /// A node stands still from now on.
    NodePaused {
        /// Which node.
        node: Node,
    },
    /// A node goes on.
    NodeResumed {
        /// Which node.
        node: Node,
    },
    /// A power loss undid what had not been synced.
    UnsyncedLost {
        /// Whose writes.
        node: Node,
        /// How many appends lost some of their bytes.
        appends: u64,
        /// How many creates, renames, links and removes were undone.
        names: u64,
        /// A hash of which.
        digest: u64,
        /// Where, in a run that is recorded.
        lost: Lost,
    },
    /// A fault of the plan struck.
    FaultStruck {
        /// Its place in the plan.
        fault: usize,
        /// Its kind's name.
        kind: &'static str,
    },
    /// A fault of the plan is over.
    FaultHealed {
        /// Its place in the plan.
        fault: usize,
        /// Its kind's name.
        kind: &'static str,
    },
    /// A message left its sender.
    MessageSent(Message),
    /// A message will arrive twice.
    MessageDuplicated(Message),
    /// A message arrived.
    MessageDelivered(Message),
    /// A message will never arrive.
    MessageLost(Message, Loss),
    /// A step on files was taken.
    File(FileEvent),
    /// The system under test has something to say.
    Note {
        /// Who says it; nobody, when it was said from outside the cluster.
        node: Option<Node>,
        /// What it says.
        note: Noted,
    },
    /// A node called an address that is the name of no node. The call is refused, and no message leaves.
    CalledNobody {
        /// Who called.
        node: Node,
        /// The call, counted from 0 over the whole run.
        call: u64,
        /// Whom it asked for.
        address: Arc<str>,
    },
}

/// Events and the virtual times at which they happened, in order.
pub type History = Vec<(Duration, Event)>;

/// Folds events into one hash.
#[derive(Debug, Default)]
pub(crate) struct HistoryHash(Digest);

impl HistoryHash {
    pub(crate) fn add(&mut self, at: Duration, event: &Event) {
        self.0.write_u64(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX));
        event.hash(&mut self.0);
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_found_again_by_its_type() {
        let noted = Noted::new(42_u8);
        assert_eq!(noted.get::<u8>(), Some(&42));
        assert_eq!(noted.get::<u16>(), None);
        assert_ne!(noted, Noted::new(43_u8));
    }

    #[test]
    fn notes_of_two_types_differ_whatever_they_hold() {
        #[derive(Debug, Hash)]
        struct Locked(u64);
        #[derive(Debug, Hash)]
        struct Unlocked(u64);
        assert_eq!(Noted::new(Locked(0)), Noted::new(Locked(0)));
        assert_ne!(Noted::new(Locked(0)), Noted::new(Unlocked(0)));
        assert_ne!(Noted::new(0_u8), Noted::new(0_u64));
    }
}
