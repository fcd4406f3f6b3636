//! The report: what is read first, and often alone. At most forty lines; the rest lies in files.

use std::fmt::{self, Write};
use std::path::Path;

use sim::LogLevel;

use super::{Failure, Recorded};
use crate::invariants::in_words;
use crate::story::{Ink, Part, Timeline};

/// How many lines of a timeline are told where there is nothing else to make room for.
pub(crate) const DIGEST: usize = 30;

/// How many lines a report has at most.
pub(super) const LINES: usize = 40;

/// The parts that could be long are cut at this many lines each.
const WHAT: usize = 8;
const LINEAGE: usize = 7;
const SCHEDULE: usize = 8;
const RESULT: usize = 2;

/// A failure, to be shown. It has the codes of a terminal for colours, which whoever prints it elsewhere strips.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    pub(super) failure: &'a Failure,
    pub(super) kept: Option<&'a Path>,
}

impl Failure {
    /// The report; `kept` is the folder with all that it leaves out.
    #[must_use]
    pub fn report<'a>(&'a self, kept: Option<&'a Path>) -> Report<'a> {
        Report { failure: self, kept }
    }
}

impl Recorded {
    /// The most telling rows of its timeline, with what was logged as a warning, in so many lines and the head, in colour.
    pub(crate) fn digest(&self, lines: usize) -> String {
        // The last says which promise is broken there.
        let lines = lines.saturating_sub(usize::from(self.story.broken.is_some()));
        let part = Part { lines: Some(lines), log: Some(LogLevel::WARN), ..Part::default() };
        Timeline::new(&self.story, &part).to_string()
    }
}

impl Report<'_> {
    fn text(&self) -> String {
        let failure = self.failure;
        let mut text = String::new();
        let promise = failure.outcome.promise().unwrap_or_default();
        let title = Ink::Bad.paint(&format!("FAILED {}, seed {}", failure.name, failure.seed));
        let _ = writeln!(text, "{title}  (commit {})", failure.commit);
        let _ = writeln!(text, "repeat:  {}\n", failure.repeat);
        let _ = writeln!(text, "broken promise: {} ({})", Ink::Bad.paint(promise), in_words(promise));
        text.push_str(&indented(&failure.what(), WHAT));
        if let Some(lineage) = failure.recorded.as_ref().and_then(|recorded| recorded.lineage.as_ref()) {
            let _ = writeln!(text, "\nlineage of {}", indented(&lineage.to_string(), LINEAGE).trim_start());
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        if let Some(smallest) = &failure.smallest {
            let _ = writeln!(text, "\nsmallest schedule that breaks it ({}):", smallest.told);
        } else {
            text.push_str("\nschedule:\n");
        }
        text.push_str(&indented(&failure.plan().schedule.describe(), SCHEDULE));
        if let Some(what) = failure.smallest_what() {
            text.push_str(&indented(&format!("result    {what}"), RESULT));
        }
        if let Some(recorded) = failure.shown() {
            self.add_timeline(&mut text, recorded);
        }
        if let Some(kept) = self.kept {
            let looked_at = if failure.shown().is_some() { "page.html to look at, timeline.txt, " } else { "" };
            let _ = writeln!(text, "\neverything: {}/  ({looked_at}plan.toml, …)", kept.display());
        }
        text
    }

    /// As many rows as there is room for.
    fn add_timeline(&self, text: &mut String, recorded: &Recorded) {
        const AROUND: usize = 5;
        let room = LINES.saturating_sub(text.lines().count() + AROUND);
        let of = if self.failure.smallest.is_some() { " of the smallest" } else { "" };
        let end = recorded.story.last_row_is();
        let _ = write!(text, "\ntimeline{of}, up to {end}:\n{}", recorded.digest(room));
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// The first `most` lines of `text`, two blanks in front of each.
fn indented(text: &str, most: usize) -> String {
    let lines = text.lines().count();
    let shown = if lines > most { most - 1 } else { most };
    let mut indented = String::new();
    for line in text.lines().take(shown) {
        let _ = writeln!(indented, "  {line}");
    }
    if lines > shown {
        let _ = writeln!(indented, "  … {} more lines", lines - shown);
    }
    indented
}
