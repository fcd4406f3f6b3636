//! What a person reads of a run that broke a promise: what happened right before.

use std::fmt::Write;

use sim::History;

/// How many events before the break are shown.
const LAST_EVENTS: usize = 25;

/// The last events of `history`, a line each with its virtual time, under a heading.
#[must_use]
pub fn last_events(history: &History) -> String {
    let from = history.len().saturating_sub(LAST_EVENTS);
    let mut text = format!("the last {} of {} events:\n", history.len() - from, history.len());
    for (at, event) in &history[from..] {
        let _ = writeln!(text, "{:>12.6}  {event}", at.as_secs_f64());
    }
    text
}
