//! A trace for those who live in Perfetto: the JSON of Chrome's trace events, which <https://ui.perfetto.dev> opens.
//!
//! A node is a process. In it, a thread for what the node does and hears, one for what is wrong with it, and one for each of the attempts
//! that it runs at a time. Messages are flows from node to node.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Bar, LinkEnd, Moment, Story, short};
use crate::invariants::{Broken, in_words};

/// The threads of a node that are not attempts.
const EVENTS: usize = 0;
const TROUBLES: usize = 1;
const FIRST_ATTEMPT: usize = 2;

/// The microsecond is the unit of the format; parts of it are kept.
fn micros(time: std::time::Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

#[derive(Serialize)]
struct Trace {
    #[serde(rename = "displayTimeUnit")]
    unit: &'static str,
    #[serde(rename = "traceEvents")]
    events: Vec<Value>,
}

/// `story`, or an excerpt if it is long, as Chrome trace-event JSON.
///
/// # Panics
///
/// Never: a story consists of strings, numbers and lists, which JSON can hold.
#[must_use]
pub fn perfetto(story: &Story) -> String {
    let story = story.excerpt();
    let mut events = Vec::new();
    let mut rows = Rows::default();
    let bars: Vec<Value> = story.bars.iter().map(|bar| attempt(bar, rows.place(bar))).collect();
    for (lane, name) in story.nodes.iter().enumerate() {
        events.push(name_of("process_name", lane, None, name));
        events.push(name_of("thread_name", lane, Some(EVENTS), "events"));
        events.push(name_of("thread_name", lane, Some(TROUBLES), "faults"));
        for row in 0..rows.of(lane) {
            events.push(name_of("thread_name", lane, Some(FIRST_ATTEMPT + row), "attempts"));
        }
    }
    events.extend(bars);
    events.extend(
        story.bands.iter().map(|band| {
            span(&band.words, "fault", band.lane, TROUBLES, micros(band.from), micros(band.to), &json!({}))
        }),
    );
    events.extend(story.moments.iter().flat_map(instant));
    events.extend(story.broken.as_ref().map(|broken| verdict(broken, micros(story.end))));
    for (number, link) in story.links.iter().enumerate() {
        if let (LinkEnd::Arrived, Some(ended)) = (link.end, link.ended) {
            let (sent, ended) = (&story.moments[link.sent], &story.moments[ended]);
            events.push(flow("s", number, sent));
            events.push(flow("f", number, ended));
        }
    }
    serde_json::to_string(&Trace { unit: "ns", events }).expect("a story consists of what JSON can hold")
}

/// Which of a node's attempts run beside each other.
#[derive(Default)]
struct Rows(std::collections::BTreeMap<usize, Vec<std::time::Duration>>);

impl Rows {
    fn place(&mut self, bar: &Bar) -> usize {
        let ends = self.0.entry(bar.lane).or_default();
        let row = ends.iter().position(|end| *end < bar.from).unwrap_or(ends.len());
        if row == ends.len() {
            ends.push(bar.to);
        } else {
            ends[row] = bar.to;
        }
        row
    }

    fn of(&self, lane: usize) -> usize {
        self.0.get(&lane).map_or(0, Vec::len)
    }
}

fn name_of(what: &str, lane: usize, thread: Option<usize>, name: &str) -> Value {
    json!({ "ph": "M", "name": what, "pid": lane + 1, "tid": thread.unwrap_or(0), "args": { "name": name } })
}

fn span(name: &str, category: &str, lane: usize, thread: usize, from: f64, to: f64, args: &Value) -> Value {
    json!({ "ph": "X", "name": name, "cat": category, "pid": lane + 1, "tid": thread, "ts": from, "dur": to - from, "args": args })
}

fn attempt(bar: &Bar, row: usize) -> Value {
    let fate = json!({ "fate": bar.fate });
    span(&short(bar.attempt), "attempt", bar.lane, FIRST_ATTEMPT + row, micros(bar.from), micros(bar.to), &fate)
}

/// A moment as a slice without length, so that flows can start and end at it; one of nobody's is everybody's instant.
fn instant(moment: &Moment) -> Option<Value> {
    let mut args = Map::new();
    if let Some(attempt) = moment.attempt {
        args.insert("attempt".into(), short(attempt).into());
    }
    let kind = json!(moment.kind);
    let category = kind.as_str().unwrap_or_default();
    Some(match moment.lane {
        Some(lane) => span(&moment.words, category, lane, EVENTS, micros(moment.at), micros(moment.at), &args.into()),
        None => {
            json!({ "ph": "i", "s": "g", "name": moment.words, "cat": category, "pid": 1, "tid": EVENTS, "ts": micros(moment.at), "args": args })
        }
    })
}

/// The break, on all lanes: it is what whoever opens the trace looks for.
fn verdict(broken: &Broken, at: f64) -> Value {
    let name = format!("broken promise: {}", broken.promise);
    let args = json!({ "in words": in_words(broken.promise), "what": broken.what });
    json!({ "ph": "i", "s": "g", "name": name, "cat": "broken", "pid": 1, "tid": EVENTS, "ts": at, "args": args })
}

fn flow(phase: &str, number: usize, at: &Moment) -> Value {
    let lane = at.lane.unwrap_or_default();
    json!({ "ph": phase, "bp": "e", "id": number, "name": "message", "cat": "message", "pid": lane + 1, "tid": EVENTS, "ts": micros(at.at) })
}
