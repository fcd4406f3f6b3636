//! The page: a story to look at, in one file that needs no network and works from disk. What is drawn is decided in `page.js`; here the
//! story is written down for it.

use std::time::Duration;

use serde::Serialize;

use super::{Bar, Fate, Kind, Lane, LinkEnd, Story, Trouble, short};
use crate::invariants::in_words;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page knows. Times are in seconds.
#[derive(Serialize)]
struct Told<'a> {
    title: &'a str,
    broken: Option<Broken<'a>>,
    end: f64,
    nodes: &'a [String],
    events: Vec<Event<'a>>,
    links: Vec<Link>,
    bars: Vec<BarTold>,
    bands: Vec<BandTold<'a>>,
}

#[derive(Serialize)]
struct Broken<'a> {
    promise: &'a str,
    in_words: &'a str,
    what: &'a str,
}

#[derive(Serialize)]
struct Event<'a> {
    at: f64,
    lane: Option<Lane>,
    peer: Option<Lane>,
    kind: Kind,
    glyph: char,
    words: &'a str,
    attempt: Option<String>,
    routine: bool,
}

#[derive(Serialize)]
struct Link {
    sent: usize,
    ended: Option<usize>,
    end: LinkEnd,
}

#[derive(Serialize)]
struct BarTold {
    attempt: String,
    lane: Lane,
    from: f64,
    to: f64,
    fate: Fate,
}

#[derive(Serialize)]
struct BandTold<'a> {
    lane: Lane,
    from: f64,
    to: f64,
    trouble: Trouble,
    words: &'a str,
}

/// A page that shows `story`, or an excerpt if it is long, headed `title`.
///
/// # Panics
///
/// Never: a story consists of strings, numbers and lists, which JSON can hold.
#[must_use]
pub fn page(story: &Story, title: &str) -> String {
    let story = story.excerpt();
    let json = serde_json::to_string(&told(&story, title)).expect("a story consists of what JSON can hold");
    // Inside a script element only what looks like its end, or like a comment, could be mistaken for something else.
    let json = json.replace('<', "\\u003c");
    PAGE.replace("/*STYLE*/", STYLE).replace("/*SCRIPT*/", SCRIPT).replace("/*STORY*/", &json)
}

fn told<'a>(story: &'a Story, title: &'a str) -> Told<'a> {
    let broken = story.broken.as_ref();
    Told {
        title,
        broken: broken.map(|broken| Broken {
            promise: broken.promise,
            in_words: in_words(broken.promise),
            what: &broken.what,
        }),
        end: seconds(story.end),
        nodes: &story.nodes,
        events: story
            .moments
            .iter()
            .map(|moment| Event {
                at: seconds(moment.at),
                lane: moment.lane,
                peer: moment.peer,
                kind: moment.kind,
                glyph: moment.kind.glyph(),
                words: &moment.words,
                attempt: moment.attempt.map(short),
                routine: moment.routine,
            })
            .collect(),
        links: story.links.iter().map(|link| Link { sent: link.sent, ended: link.ended, end: link.end }).collect(),
        bars: story.bars.iter().map(bar).collect(),
        bands: story
            .bands
            .iter()
            .map(|band| BandTold {
                lane: band.lane,
                from: seconds(band.from),
                to: seconds(band.to),
                trouble: band.trouble,
                words: &band.words,
            })
            .collect(),
    }
}

fn bar(bar: &Bar) -> BarTold {
    BarTold {
        attempt: short(bar.attempt),
        lane: bar.lane,
        from: seconds(bar.from),
        to: seconds(bar.to),
        fate: bar.fate,
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
