//! The rows of a timeline: what is worth a line of its own. Messages are one row each, not one for either end; steps on one file are
//! gathered; heartbeats are left out unless they are asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use sim::LogLine;

use super::digest::digest;
use super::link::{Link, LinkEnd};
use super::moment::{Kind, Lane, Moment};
use super::tell::shortened;
use super::{Part, Story};

/// How many rows are shown of what leads to a failure.
const ROWS_BEFORE_FAILURE: usize = 30;

/// One row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) at: Duration,
    pub(super) lane: Option<Lane>,
    pub(super) mark: Mark,
    pub(super) words: String,
    /// How many rows before it are not shown.
    pub(super) left_out: usize,
}

/// What is drawn in the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A glyph on its lane.
    Glyph(Kind),
    /// An arrow to another lane.
    Arrow(Lane, LinkEnd),
    /// A line of the node's log.
    Log,
}

/// The rows of `part` of `story`.
pub(super) fn rows(story: &Story, part: &Part) -> Vec<Row> {
    let chosen = story.chosen(part);
    let mut gatherer = Gatherer {
        story,
        chosen: &chosen,
        links: links_by_event(story),
        rows: Vec::new(),
        open: BTreeMap::new(),
        repeated: BTreeMap::new(),
    };
    let narrowed = part.task.is_some() || part.causal_of.is_some();
    let wanted = |line: &&LogLine| logged(part, line) && (!narrowed || beside_chosen(story, &chosen, line));
    let mut log = story.log.iter().filter(wanted).peekable();
    for (index, &chosen) in chosen.iter().enumerate() {
        while let Some(line) = log.next_if(|line| line.events <= index) {
            gatherer.log(line);
        }
        if chosen {
            gatherer.add(index, part.everything);
        }
    }
    log.for_each(|line| gatherer.log(line));
    let mut rows = gatherer.rows;
    if part.around_failure {
        rows.drain(..rows.len().saturating_sub(ROWS_BEFORE_FAILURE));
    }
    match part.lines {
        Some(lines) => digest(rows, lines, story),
        None => rows,
    }
}

fn logged(part: &Part, line: &LogLine) -> bool {
    part.log.is_some_and(|level| line.level <= level)
        && part.from.is_none_or(|from| line.at >= from)
        && part.to.is_none_or(|to| line.at <= to)
        && (part.nodes.is_empty() || part.nodes.iter().any(|node| node == line.node.name()))
}

/// Whether what a node did at the moment when it logged `line`, right before or after, is told.
fn beside_chosen(story: &Story, chosen: &[bool], line: &LogLine) -> bool {
    let neighbours = [line.events.checked_sub(1), Some(line.events)].into_iter().flatten();
    neighbours.filter(|&index| chosen.get(index) == Some(&true)).any(|index| {
        let moment = &story.moments[index];
        moment.at == line.at && moment.lane.is_some_and(|lane| story.nodes[lane] == line.node.name())
    })
}

/// The message that each event is an end of.
fn links_by_event(story: &Story) -> BTreeMap<usize, Link> {
    let ends =
        |link: &Link| [Some(link.sent), link.ended].into_iter().flatten().map(|end| (end, *link)).collect::<Vec<_>>();
    // Of a message that arrives twice the first arrival is the one to show.
    story.links.iter().rev().flat_map(ends).collect()
}

/// Whether the words name both ends already.
fn is_message(kind: Kind) -> bool {
    matches!(kind, Kind::Received | Kind::Unheard | Kind::Vanished | Kind::Doubled)
}

struct Gatherer<'a> {
    story: &'a Story,
    chosen: &'a [bool],
    links: BTreeMap<usize, Link>,
    rows: Vec<Row>,
    /// The row that gathers the steps on a file, and that file, on each lane.
    open: BTreeMap<Lane, (usize, String, Steps)>,
    /// The messages that each lane has sent since it did or heard anything else, by their words.
    repeated: BTreeMap<(Lane, String), Repeated>,
}

/// A message that is sent again and again.
struct Repeated {
    row: usize,
    times: u32,
    /// The words of the row, which are those of the first.
    first: String,
}

impl Gatherer<'_> {
    fn add(&mut self, index: usize, everything: bool) {
        let moment = &self.story.moments[index];
        match moment.kind {
            Kind::Sent => self.message(index),
            Kind::Received | Kind::Unheard | Kind::Vanished if self.shown_where_sent(index) => {}
            kind if kind.is_file_step() && kind != Kind::FileFailed && !everything => self.file_step(moment),
            kind => {
                let words = match moment.lane.filter(|_| !is_message(kind)) {
                    Some(lane) if kind != Kind::Fault && kind != Kind::Healed => {
                        format!("{} {}", self.story.nodes[lane], moment.words)
                    }
                    _ => moment.words.clone(),
                };
                self.push(moment, Mark::Glyph(kind), words);
            }
        }
    }

    fn push(&mut self, moment: &Moment, mark: Mark, words: String) {
        if let Some(lane) = moment.lane {
            self.open.remove(&lane);
            if !matches!(mark, Mark::Arrow(..)) {
                self.repeated.retain(|(repeating, _), _| *repeating != lane);
            }
        }
        self.rows.push(Row { at: moment.at, lane: moment.lane, mark, words, left_out: 0 });
    }

    fn shown_where_sent(&self, index: usize) -> bool {
        self.links.get(&index).is_some_and(|link| self.chosen[link.sent] && link.ended == Some(index))
    }

    fn message(&mut self, index: usize) {
        let moment = &self.story.moments[index];
        let Some((link, peer)) = self.links.get(&index).zip(moment.peer) else { return };
        let ended = link.ended.map(|ended| &self.story.moments[ended]);
        let fate = match (link.end, ended) {
            (LinkEnd::Arrived, Some(ended)) => format!("  +{}", span(ended.at.saturating_sub(moment.at))),
            (LinkEnd::Vanished | LinkEnd::Unheard, Some(ended)) => {
                let why = ended.words.split(": ").next().unwrap_or_default();
                format!("  {why}")
            }
            _ => "  still under way".to_owned(),
        };
        let mark = Mark::Arrow(peer, link.end);
        let Some(key) = moment.lane.map(|lane| (lane, moment.words.clone())) else { return };
        if let Some(Repeated { row, times, first }) = self.repeated.get_mut(&key)
            && self.rows[*row].mark == mark
        {
            *times += 1;
            let until = moment.at.as_secs_f64();
            self.rows[*row].words = format!("{first}, and ×{} until {until:.6}", *times - 1);
            return;
        }
        // Who hears something may have a new reason to say the same again.
        if link.end == LinkEnd::Arrived {
            self.repeated.retain(|(repeating, _), _| *repeating != peer);
        }
        let words = moment.words.clone() + &fate;
        self.repeated.insert(key, Repeated { row: self.rows.len(), times: 1, first: words.clone() });
        self.push(moment, mark, words);
    }

    /// One more step on a file: in the row of the steps before it, when the node did nothing else since.
    fn file_step(&mut self, moment: &Moment) {
        let (Some(lane), Some(path)) = (moment.lane, &moment.path) else { return };
        let verb = moment.words.split(' ').next().unwrap_or_default();
        let verb = moment.failed.map_or_else(|| verb.to_owned(), |error| format!("{verb} ({error})"));
        if let Some((row, open, steps)) = self.open.get_mut(&lane)
            && open == path
        {
            steps.add(&verb);
            let row = &mut self.rows[*row];
            row.words = format!("{} {} {}", self.story.nodes[lane], steps.words(), shortened(path));
            if moment.kind != Kind::Read && moment.failed.is_none() {
                row.mark = Mark::Glyph(moment.kind);
            }
            return;
        }
        let mut steps = Steps::default();
        steps.add(&verb);
        let row = self.rows.len();
        self.push(moment, Mark::Glyph(moment.kind), format!("{} {}", self.story.nodes[lane], moment.words));
        self.open.insert(lane, (row, path.clone(), steps));
    }

    fn log(&mut self, line: &LogLine) {
        let words = format!("{} [{}] {}", line.node.name(), line.level.as_str().to_lowercase(), line.text);
        self.open.remove(&line.node.index());
        self.rows.push(Row { at: line.at, lane: Some(line.node.index()), mark: Mark::Log, words, left_out: 0 });
    }
}

/// What was done to a file, and how often in a row.
#[derive(Default)]
struct Steps(Vec<(String, u32)>);

impl Steps {
    fn add(&mut self, verb: &str) {
        match self.0.last_mut() {
            Some((last, times)) if last == verb => *times += 1,
            _ => self.0.push((verb.to_owned(), 1)),
        }
    }

    fn words(&self) -> String {
        let words =
            self.0.iter().map(|(verb, times)| if *times == 1 { verb.clone() } else { format!("{verb} ×{times}") });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// A span of time in the largest unit that fits, with three digits.
pub(super) fn span(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    let (value, unit) = match nanos {
        _ if nanos >= 1e9 => (nanos / 1e9, "s"),
        _ if nanos >= 1e6 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e3, "us"),
    };
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    fn moment(millis: u64, (lane, peer): (Lane, Option<Lane>), kind: Kind, words: &str) -> Moment {
        Moment {
            at: Duration::from_millis(millis),
            lane: Some(lane),
            peer,
            kind,
            words: words.into(),
            attempt: None,
            path: None,
            failed: None,
            routine: false,
        }
    }

    fn words(moments: Vec<Moment>, links: Vec<Link>) -> Vec<(Mark, String)> {
        let nodes = vec!["coordinator".into(), "w1".into()];
        let story = Story { nodes, moments, links, end: Duration::from_secs(1), ..Story::default() };
        rows(&story, &Part::default()).into_iter().map(|row| (row.mark, row.words)).collect()
    }

    #[test]
    fn a_step_on_files_that_failed_is_not_told_as_done() {
        let step = |kind, verb: &str, failed: Option<ErrorKind>| {
            let error = failed.map_or(String::new(), |error| format!(": {error}"));
            let words = format!("{verb} mr-job-1{error}");
            Moment { path: Some("mr-job-1".into()), failed, ..moment(1, (1, None), kind, &words) }
        };
        let told = |read_dir: Option<ErrorKind>, remove_dir: Option<ErrorKind>| {
            let steps = vec![step(Kind::Read, "read_dir", read_dir), step(Kind::Named, "remove_dir", remove_dir)];
            words(steps, Vec::new())
        };
        let row = |kind, words: &str| vec![(Mark::Glyph(kind), format!("w1 {words} mr-job-1"))];
        let (gone, full) = (Some(ErrorKind::NotFound), Some(ErrorKind::DirectoryNotEmpty));
        assert_eq!(told(None, None), row(Kind::Named, "read_dir, remove_dir"));
        assert_eq!(told(gone, gone), row(Kind::Read, "read_dir (entity not found), remove_dir (entity not found)"));
        assert_eq!(told(None, full), row(Kind::Read, "read_dir, remove_dir (directory not empty)"));
    }

    #[test]
    fn a_message_that_is_sent_again_is_shown_with_the_time_that_its_first_copy_took() {
        let (there, back) = ((1, Some(0)), (0, Some(1)));
        let moments = vec![
            moment(1, there, Kind::Sent, "w1 to coordinator: register w1"),
            moment(3, back, Kind::Received, "w1 to coordinator: register w1"),
            moment(10, there, Kind::Sent, "w1 to coordinator: register w1"),
            moment(900, back, Kind::Received, "w1 to coordinator: register w1"),
        ];
        let link = |sent, ended| Link { sent, ended: Some(ended), end: LinkEnd::Arrived };
        let told = words(moments, vec![link(0, 1), link(2, 3)]);
        let once = "w1 to coordinator: register w1  +2.00 ms, and ×1 until 0.010000".to_owned();
        assert_eq!(told, [(Mark::Arrow(0, LinkEnd::Arrived), once)]);
    }
}
