//! A run as a story: what a person reads, or looks at, who did not write the code and wants to know why it failed.
//!
//! A [`Story`] is made once from a recorded run and told in several ways: as a [timeline](Timeline) of text, as a [`page`], as a
//! [trace for Perfetto](perfetto), in the report of a [failure](crate::Failure). None of these knows events of `sim`; what an event means is
//! said in one place, `tell`.

mod band;
mod bar;
mod causes;
mod circle;
mod digest;
mod excerpt;
mod lineage;
mod link;
mod messages;
mod moment;
mod names;
mod page;
mod perfetto;
mod rows;
mod tell;
mod timeline;

use std::collections::BTreeMap;
use std::time::Duration;

use mr_core::ids::{TaskId, WorkerId};
use sim::{History, LogLevel, LogLine};

pub use self::band::{Band, Trouble};
pub use self::bar::{Bar, Fate};
use self::causes::Causes;
pub use self::lineage::{Contribution, Lineage};
pub use self::link::{Link, LinkEnd};
pub use self::moment::{Kind, Lane, Moment, short};
pub use self::page::page;
pub use self::perfetto::perfetto;
use self::tell::Teller;
pub(crate) use self::tell::attempt_of;
pub use self::timeline::{Ink, Timeline};
use crate::invariants::Broken;
use crate::rehearsal::Rehearsal;
use crate::schedule::Schedule;

/// A recorded run, told.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// The nodes, in the order of their lanes.
    pub nodes: Vec<String>,
    /// One for each event of the history.
    pub moments: Vec<Moment>,
    /// The attempts at tasks.
    pub bars: Vec<Bar>,
    /// What was wrong for a while.
    pub bands: Vec<Band>,
    /// The messages.
    pub links: Vec<Link>,
    /// What the nodes logged, if that was recorded.
    pub log: Vec<LogLine>,
    /// The promise that was broken, if any: by the last event, if at all by one. Workers are called by their nodes in it.
    pub broken: Option<Broken>,
    /// When the run ended.
    pub end: Duration,
    causes: Causes,
    /// On which node each worker lives.
    workers: BTreeMap<WorkerId, String>,
}

impl Story {
    /// The story of `rehearsal`, which ran `schedule`; an empty one, when its history was not recorded.
    #[must_use]
    pub fn of(schedule: &Schedule, rehearsal: &Rehearsal) -> Self {
        let report = &rehearsal.report;
        let nodes: Vec<String> = report.nodes.iter().map(|node| node.name().to_owned()).collect();
        let none = History::new();
        let history = report.history.as_ref().unwrap_or(&none);
        let mut teller = Teller::new(schedule, &nodes);
        let moments: Vec<Moment> = history.iter().map(|(at, event)| teller.tell(*at, event)).collect();
        let lane_of = |name: &str| nodes.iter().position(|node| node == name);
        let named =
            |broken: &Broken| Broken { what: names::with_names(&broken.what, &teller.workers), ..broken.clone() };
        Self {
            bars: bar::bars(history, &moments, lane_of),
            bands: band::bands(history, schedule, &nodes, report.virtual_time),
            links: link::links(history),
            log: report.log.iter().map(|line| teller.tell_log(line)).collect(),
            broken: rehearsal.broken.as_ref().map(named),
            end: report.virtual_time,
            causes: Causes::of(history, &moments, schedule, &nodes),
            moments,
            workers: teller.workers,
            nodes,
        }
    }

    /// `words` with the node beside each worker that they call by its number.
    #[must_use]
    pub fn with_names(&self, words: &str) -> String {
        names::with_names(words, &self.workers)
    }

    /// What its last row is: the break of a promise, or the end of the run.
    #[must_use]
    pub fn last_row_is(&self) -> &'static str {
        if self.broken.is_some() { "the break" } else { "its end" }
    }

    /// Which events happened before the file at `path` was what it is in the end, and had a part in it.
    #[must_use]
    pub fn causal_of(&self, path: &str) -> Vec<bool> {
        self.causes.before(path.trim_start_matches("./"))
    }
}

/// Which part of a story is told.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// Nothing before this.
    pub from: Option<Duration>,
    /// Nothing after this.
    pub to: Option<Duration>,
    /// Only what happens on these nodes; all, when empty.
    pub nodes: Vec<String>,
    /// Only what is about this task.
    pub task: Option<TaskId>,
    /// Only what had a part in this file.
    pub causal_of: Option<String>,
    /// Only the last of it.
    pub around_failure: bool,
    /// Only the most telling rows of it, in so many lines.
    pub lines: Option<usize>,
    /// Heartbeats and every single step on files as well.
    pub everything: bool,
    /// What was logged, of this level and graver, as far as that was recorded.
    pub log: Option<LogLevel>,
}

impl Story {
    /// Which events belong to `part`.
    pub(crate) fn chosen(&self, part: &Part) -> Vec<bool> {
        let caused = part.causal_of.as_ref().map(|path| self.causal_of(path));
        let lanes: Vec<Lane> = (0..self.nodes.len()).filter(|&lane| part.nodes.contains(&self.nodes[lane])).collect();
        let on_lane = |lane: Option<Lane>| lane.is_some_and(|lane| lanes.contains(&lane));
        let chosen = |(index, moment): (usize, &Moment)| {
            part.from.is_none_or(|from| moment.at >= from)
                && part.to.is_none_or(|to| moment.at <= to)
                && (part.nodes.is_empty() || on_lane(moment.lane) || on_lane(moment.peer))
                && part.task.is_none_or(|task| moment.is_about(task))
                && caused.as_ref().is_none_or(|caused| caused[index])
                && (part.everything || !moment.routine)
        };
        self.moments.iter().enumerate().map(chosen).collect()
    }
}
