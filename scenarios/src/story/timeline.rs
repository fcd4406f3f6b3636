//! The timeline: a column for each node, a row for each thing worth telling, long silences folded.

use std::fmt::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::digest::between;
use super::link::LinkEnd;
use super::moment::{Kind, Lane};
use super::rows::{Mark, Row, rows, span};
use super::{Part, Story};
use crate::schedule::counted;

/// The width of a lane; narrower ones when there are many nodes.
const LANE: usize = 6;
const NARROW_LANE: usize = 4;
const MANY_NODES: usize = 9;

/// What a piece of a timeline is, for whoever gives it a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// As the rest.
    Plain,
    /// Of less weight.
    Faint,
    /// A fault, or its effect.
    Fault,
    /// Something done for good.
    Good,
    /// Something that went wrong, or the broken promise.
    Bad,
}

impl Ink {
    fn style(self) -> Style {
        match self {
            Ink::Plain => Style::new(),
            Ink::Faint => Style::new().dimmed(),
            Ink::Fault => AnsiColor::Yellow.on_default(),
            Ink::Good => AnsiColor::Green.on_default(),
            Ink::Bad => AnsiColor::Red.on_default().bold(),
        }
    }

    /// `text` in this ink, with the terminal's codes.
    #[must_use]
    pub fn paint(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// Part of a story as a timeline. Shown, it has the codes of a terminal for colours, which whoever prints it elsewhere strips.
#[derive(Debug, Clone)]
pub struct Timeline<'a> {
    story: &'a Story,
    rows: Vec<Row>,
    lane: usize,
}

impl<'a> Timeline<'a> {
    /// The timeline of `part` of `story`.
    #[must_use]
    pub fn new(story: &'a Story, part: &Part) -> Self {
        let lane = if story.nodes.len() < MANY_NODES { LANE } else { NARROW_LANE };
        Self { story, rows: rows(story, part), lane }
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn head(&self) -> String {
        let mut head = format!("{:>12}  ", "seconds");
        for name in &self.story.nodes {
            let name: String = name.chars().take(self.lane - 1).collect();
            let _ = write!(head, "{name:^width$}", width = self.lane);
        }
        head.trim_end().to_owned()
    }

    /// The lanes at a row, with what the row has on them.
    fn lanes(&self, row: &Row, life: &[char]) -> String {
        let centre = |lane: Lane| lane * self.lane + self.lane / 2 - 1;
        let mut cells = vec![' '; self.story.nodes.len() * self.lane];
        for (lane, line) in life.iter().enumerate() {
            cells[centre(lane)] = *line;
        }
        match (row.mark, row.lane) {
            (Mark::Glyph(kind), Some(lane)) => cells[centre(lane)] = kind.glyph(),
            (Mark::Glyph(kind), None) => (0..life.len()).for_each(|lane| cells[centre(lane)] = kind.glyph()),
            (Mark::Log, Some(lane)) => cells[centre(lane)] = '»',
            (Mark::Arrow(to, end), Some(from)) => draw_arrow(&mut cells, centre(from), centre(to), end),
            (Mark::Log | Mark::Arrow(..), None) => {}
        }
        cells.into_iter().collect()
    }
}

/// An arrow between two columns; one that does not arrive ends half-way.
fn draw_arrow(cells: &mut [char], from: usize, to: usize, end: LinkEnd) {
    let (left, right) = (from.min(to), from.max(to));
    cells[left + 1..right].iter_mut().for_each(|cell| *cell = if *cell == ' ' { '─' } else { '┼' });
    cells[from] = Kind::Sent.glyph();
    match end {
        LinkEnd::Arrived if to > from => cells[to - 1] = '▶',
        LinkEnd::Arrived => cells[to + 1] = '◀',
        LinkEnd::Unheard => cells[if to > from { to - 1 } else { to + 1 }] = Kind::Unheard.glyph(),
        LinkEnd::Vanished => cells[left.midpoint(right)] = Kind::Vanished.glyph(),
        LinkEnd::UnderWay => cells[left.midpoint(right)] = '…',
    }
}

fn ink(mark: Mark) -> Ink {
    match mark {
        Mark::Glyph(Kind::Committed | Kind::Ended) => Ink::Good,
        Mark::Glyph(Kind::Failed | Kind::FileFailed | Kind::WorkerLost) => Ink::Bad,
        Mark::Glyph(kind) if kind.is_fault() => Ink::Fault,
        Mark::Arrow(_, LinkEnd::Vanished) => Ink::Fault,
        Mark::Glyph(kind) if kind.is_file_step() => Ink::Faint,
        Mark::Log => Ink::Faint,
        Mark::Glyph(_) | Mark::Arrow(..) => Ink::Plain,
    }
}

/// What stands for a silence, or for rows that are left out, before `row`.
fn fold(before: Option<&Row>, row: &Row) -> Option<String> {
    let silence = before.map(|before| between(before, row));
    Some(match (silence, row.left_out) {
        (Some(None) | None, 0) => return None,
        (Some(Some(silence)), 0) => format!("{:>12}  {}", "⋮", span(silence)),
        (Some(Some(silence)), left_out) => format!("{:>12}  {}, {}", "…", rows_left_out(left_out), span(silence)),
        (Some(None) | None, left_out) => format!("{:>12}  {}", "…", rows_left_out(left_out)),
    })
}

fn rows_left_out(count: usize) -> String {
    format!("{} left out", counted(count, "row"))
}

impl fmt::Display for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", Ink::Faint.paint(&self.head()))?;
        let mut lives = Lives::new(self.story);
        let mut before: Option<&Row> = None;
        for (number, row) in self.rows.iter().enumerate() {
            if let Some(fold) = fold(before, row) {
                writeln!(f, "{}", Ink::Faint.paint(&fold))?;
            }
            before = Some(row);
            let lanes = self.lanes(row, lives.until(row.at));
            let fault = if matches!(row.mark, Mark::Glyph(kind) if kind.is_fault()) { "! " } else { "" };
            let words = ink(row.mark).paint(&format!("{fault}{}", row.words));
            writeln!(f, "{:>12.6}  {lanes} {words}", row.at.as_secs_f64())?;
            if number + 1 == self.rows.len()
                && let Some(broken) = self
                    .story
                    .broken
                    .as_ref()
                    .filter(|_| self.story.moments.last().is_some_and(|last| last.at <= row.at))
            {
                writeln!(f, "{:>12}  {}", "", Ink::Bad.paint(&format!("^ here {} is broken", broken.promise)))?;
            }
        }
        Ok(())
    }
}

/// What runs while the rows go by: a line where a program runs, a broken one where it stands still, none where there is none.
struct Lives<'a> {
    story: &'a Story,
    next: usize,
    lines: Vec<char>,
}

impl<'a> Lives<'a> {
    fn new(story: &'a Story) -> Self {
        Self { story, next: 0, lines: vec![' '; story.nodes.len()] }
    }

    fn until(&mut self, at: Duration) -> &[char] {
        while let Some(moment) = self.story.moments.get(self.next).filter(|moment| moment.at <= at) {
            self.next += 1;
            let line = match moment.kind {
                Kind::Started | Kind::Resumed => '│',
                Kind::Paused => '┊',
                Kind::Crashed | Kind::Returned => ' ',
                _ => continue,
            };
            if let Some(lane) = moment.lane {
                self.lines[lane] = line;
            }
        }
        &self.lines
    }
}
