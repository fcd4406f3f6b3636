//! An excerpt: of a run with more events than anybody looks at, the beginning, the first turns of the circle in which it goes, and the end.
//!
//! Who goes in circles has hundreds of thousands of events, all but the first few the same; a page of them opens in no browser.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use sim::LogLine;

use super::circle::first_turn;
use super::moment::{Kind, Moment};
use super::{Link, Story};

/// A story of so many events is told whole.
const WHOLE: usize = 12_000;

/// How many events are told of each of the three stretches of a longer one.
const STRETCH: usize = 3_000;

impl Story {
    /// The story itself, or if it is long, three stretches of it; what is left out is said where it was.
    #[must_use]
    pub fn excerpt(&self) -> Cow<'_, Self> {
        if self.moments.len() <= WHOLE {
            return Cow::Borrowed(self);
        }
        let excerpt = Excerpt { kept: kept(&self.moments) };
        let spans: Vec<_> = excerpt.kept.iter().map(|kept| span(&self.moments[kept.clone()])).collect();
        let seen = |from: Duration, to: Duration| spans.iter().any(|span| from <= span.1 && span.0 <= to);
        Cow::Owned(Self {
            nodes: self.nodes.clone(),
            moments: excerpt.moments(&self.moments),
            bars: self.bars.iter().filter(|bar| seen(bar.from, bar.to)).cloned().collect(),
            bands: self.bands.clone(),
            links: self.links.iter().filter_map(|link| excerpt.link(link)).collect(),
            log: self.log.iter().filter_map(|line| excerpt.log(line)).collect(),
            broken: self.broken.clone(),
            end: self.end,
            workers: self.workers.clone(),
            ..Self::default()
        })
    }
}

/// The stretches that are told, in order; between any two something is left out.
fn kept(moments: &[Moment]) -> Vec<Range<usize>> {
    let fails = moments.iter().enumerate().filter(|(_, moment)| moment.kind == Kind::Failed);
    let circle = first_turn(fails.map(|(place, moment)| (place, moment.words.as_str())));
    let end = moments.len() - STRETCH;
    // Without a circle the end is what matters.
    let middle = circle.map_or(end - STRETCH, |turn| turn.start.clamp(STRETCH, end - STRETCH));
    let mut kept: Vec<Range<usize>> = Vec::new();
    for start in [0, middle, end] {
        match kept.last_mut().filter(|before| before.end == start) {
            Some(before) => before.end += STRETCH,
            None => kept.push(start..start + STRETCH),
        }
    }
    kept
}

fn span(moments: &[Moment]) -> (Duration, Duration) {
    let at = |moment: Option<&Moment>| moment.map_or(Duration::ZERO, |moment| moment.at);
    (at(moments.first()), at(moments.last()))
}

struct Excerpt {
    kept: Vec<Range<usize>>,
}

impl Excerpt {
    /// Where an event of the whole story is in the excerpt, if it is in it. Each gap has a moment of its own.
    fn place(&self, index: usize) -> Option<usize> {
        let stretch = self.kept.iter().position(|kept| kept.contains(&index))?;
        let before: usize = self.kept[..stretch].iter().map(ExactSizeIterator::len).sum();
        Some(before + stretch + index - self.kept[stretch].start)
    }

    fn moments(&self, all: &[Moment]) -> Vec<Moment> {
        let mut moments = Vec::new();
        for kept in &self.kept {
            if let Some(last) = moments.last() {
                let before = self.kept.iter().map(|kept| kept.end).filter(|&end| end < kept.start).max();
                moments.push(gap(last, kept.start - before.unwrap_or_default()));
            }
            moments.extend_from_slice(&all[kept.clone()]);
        }
        moments
    }

    /// A message of which one end is left out is told as neither arrived nor lost, by no arrow.
    fn link(&self, link: &Link) -> Option<Link> {
        let ended = match link.ended {
            Some(ended) => Some(self.place(ended)?),
            None => None,
        };
        Some(Link { sent: self.place(link.sent)?, ended, end: link.end })
    }

    fn log(&self, line: &LogLine) -> Option<LogLine> {
        // It comes behind an event, and not before one: there may be none behind it.
        let events = match line.events.checked_sub(1) {
            Some(last) => self.place(last)? + 1,
            None => 0,
        };
        Some(LogLine { events, ..line.clone() })
    }
}

/// What stands for so many events that are left out behind `last`.
fn gap(last: &Moment, events: usize) -> Moment {
    Moment {
        at: last.at,
        lane: None,
        peer: None,
        kind: Kind::Said,
        words: format!("… {events} events left out; cargo mrsim replay --timeline tells them"),
        attempt: None,
        path: None,
        failed: None,
        routine: false,
    }
}
