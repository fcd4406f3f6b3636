//! What the system under test logs, heard while it runs: the lines that it writes for its users, at the virtual moment and on the node
//! where they were written. They are kept beside the history and not in it, so that listening changes nothing.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Metadata, Subscriber, span, subscriber};

use crate::history::Node;
use crate::state::Shared;
use crate::turns::lock;

/// How grave a line of a log is.
pub use tracing::Level as LogLevel;

/// What a run keeps for whoever reads it afterwards. It changes nothing of what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// Nothing: for campaigns.
    Nothing,
    /// The history, with what each message says.
    History,
    /// The history, and what the system logs of this level and graver ones.
    HistoryAndLog(LogLevel),
}

/// A line that the system logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When, in virtual time since the start.
    pub at: Duration,
    /// How many events of the history had happened by then.
    pub events: usize,
    /// On which node.
    pub node: Node,
    /// How grave it is.
    pub level: LogLevel,
    /// Which module logged it.
    pub target: &'static str,
    /// The message and, behind it, its fields: `worker lost worker=w2`.
    pub text: String,
}

/// Does `work` and hears what the nodes log in the meantime, of `level` and graver.
pub(crate) fn listening<T>(level: LogLevel, shared: &Arc<Shared>, work: impl FnOnce() -> T) -> (T, Vec<LogLine>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let listener = Listener { level, shared: Arc::clone(shared), lines: Arc::clone(&lines) };
    let done = subscriber::with_default(listener, work);
    let lines = std::mem::take(&mut *lock(&lines));
    (done, lines)
}

/// Hears events. Of spans it knows nothing: those that madsim has opened before anybody listened are handed on to it.
struct Listener {
    level: LogLevel,
    shared: Arc<Shared>,
    lines: Arc<Mutex<Vec<LogLine>>>,
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The stage machinery has a log of its own, which is nobody's in the play. Some of it is written under the lock.
        metadata.is_event() && *metadata.level() <= self.level && !metadata.target().starts_with("madsim")
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let Ok(state) = self.shared.state.try_lock() else { return };
        let mut words = Words::default();
        event.record(&mut words);
        lock(&self.lines).push(LogLine {
            at: state.now,
            events: state.told,
            node: state.node(state.on_turn),
            level: *event.metadata().level(),
            target: event.metadata().target(),
            text: words.message + &words.fields,
        });
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The words of one line.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name => write!(self.fields, " {name}={value}"),
        };
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
