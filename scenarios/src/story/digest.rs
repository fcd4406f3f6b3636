//! A digest: the rows worth telling when there is room for a few only.
//!
//! The end of a run shows how a promise is broken and often not why: the fault that did it struck long before, and what goes in circles
//! has begun to somewhere. So there is room for the last rows first, and then for the faults, the first turn of a circle and whatever is about
//! the files and attempts that the broken promise names; what is left goes to more of the last rows. Each gap says how much is missing.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use super::Story;
use super::circle;
use super::moment::Kind;
use super::rows::{Mark, Row};

/// A silence of this length has a line of its own.
const SILENCE: Duration = Duration::from_millis(100);

/// The share of the room that the last rows have in any case.
const LAST: usize = 2;

/// How many rows a turn of a circle has at most.
const TURN: usize = 8;

/// What stands between a row and the one shown before it, if that needs a line.
pub(super) fn between(before: &Row, row: &Row) -> Option<Duration> {
    let silence = row.at.saturating_sub(before.at);
    (row.left_out > 0 || silence >= SILENCE).then_some(silence)
}

/// As many of `rows` as fit into so many lines, the most telling ones.
pub(super) fn digest(rows: Vec<Row>, lines: usize, story: &Story) -> Vec<Row> {
    let wanted = wanted(&rows, lines, story);
    let mut shown = BTreeSet::new();
    for index in wanted {
        shown.insert(index);
        if lines_of(&rows, &shown) > lines {
            shown.remove(&index);
        }
    }
    let mut left_out = 0;
    let mut kept = Vec::new();
    for (index, row) in rows.into_iter().enumerate() {
        if shown.contains(&index) {
            kept.push(Row { left_out: std::mem::take(&mut left_out), ..row });
        } else {
            left_out += 1;
        }
    }
    kept
}

/// The places of rows in the order in which they are given room.
fn wanted(rows: &[Row], lines: usize, story: &Story) -> Vec<usize> {
    let last = rows.len().saturating_sub(lines / LAST);
    let mut wanted: Vec<usize> = (last..rows.len()).rev().collect();
    wanted.extend((0..rows.len()).rev().filter(|&index| strikes(&rows[index])));
    wanted.extend(first_turn(rows));
    let names = story.broken.as_ref().map_or(Vec::new(), |broken| names(&broken.what));
    let named = |row: &Row| names.iter().any(|name| mentions(&row.words, name));
    wanted.extend((0..last).rev().filter(|&index| named(&rows[index])).take(lines));
    wanted.extend((0..last).rev().take(lines));
    wanted
}

/// How many lines the rows at these places take, with what is said of the gaps between them.
fn lines_of(rows: &[Row], shown: &BTreeSet<usize>) -> usize {
    let mut before: Option<usize> = None;
    let mut lines = 0;
    for &index in shown {
        let gap = match before {
            None => index > 0,
            Some(before) => index > before + 1 || between(&rows[before], &rows[index]).is_some(),
        };
        lines += 1 + usize::from(gap);
        before = Some(index);
    }
    lines
}

/// Whether a row tells that a fault struck, or what it did to a node.
fn strikes(row: &Row) -> bool {
    matches!(row.mark, Mark::Glyph(Kind::Fault | Kind::Crashed | Kind::Paused | Kind::Undone))
}

/// The places of the first turn of a circle, if the run goes in one.
fn first_turn(rows: &[Row]) -> Range<usize> {
    let fails = rows.iter().enumerate().filter(|(_, row)| row.mark == Mark::Glyph(Kind::Failed));
    let turn = circle::first_turn(fails.map(|(place, row)| (place, row.words.as_str()))).unwrap_or(0..0);
    turn.start..turn.end.min(turn.start + TURN)
}

/// What a broken promise calls by name, in the words of rows: attempts, and files without the job's directory.
fn names(what: &str) -> Vec<String> {
    let words: Vec<&str> = what.split_whitespace().map(|word| word.trim_matches([',', ':', ';', '.', '`'])).collect();
    let mut names = Vec::new();
    for (place, word) in words.iter().enumerate() {
        if word.contains("mr-out-") || word.contains("mr-job-") {
            let name = word.rsplit('/').next().unwrap_or(word);
            names.push(name.to_owned());
            names.extend(name.strip_prefix("mr-out-").map(|partition| format!("output-{partition}")));
        }
        if let (&task @ ("map" | "reduce"), Some(Ok(number))) =
            (word, words.get(place + 1).map(|word| word.parse::<u32>()))
        {
            let attempt = match words.get(place + 2..place + 4) {
                Some(["attempt", attempt]) => attempt.parse::<u32>().ok(),
                _ => None,
            };
            names.push(match attempt {
                Some(attempt) => format!("{task} {number}.{attempt}"),
                None => format!("{task} {number}."),
            });
            names.extend(attempt.map(|attempt| format!("{task}-{number}-{attempt}")));
        }
    }
    names
}

/// Whether `words` have that name in them, and not only a longer one.
fn mentions(words: &str, name: &str) -> bool {
    words.match_indices(name).any(|(at, _)| {
        let behind = words[at + name.len()..].chars().next();
        name.ends_with('.') || !behind.is_some_and(|letter| letter.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::{Broken, Judgement};

    fn row(millis: u64, kind: Kind, words: &str) -> Row {
        Row {
            at: Duration::from_millis(millis),
            lane: Some(0),
            mark: Mark::Glyph(kind),
            words: words.into(),
            left_out: 0,
        }
    }

    fn story(what: &str) -> Story {
        let broken = Broken { promise: "outputs", judgement: Judgement::Safety, what: what.into() };
        Story { broken: Some(broken), ..Story::default() }
    }

    fn told(rows: Vec<Row>, lines: usize, what: &str) -> Vec<(usize, String)> {
        digest(rows, lines, &story(what)).into_iter().map(|row| (row.left_out, row.words)).collect()
    }

    /// So many rows of nothing in particular, from that millisecond on.
    fn idle(from: u64, count: u64) -> Vec<Row> {
        (from..from + count).map(|at| row(at, Kind::Said, "nothing")).collect()
    }

    #[test]
    fn what_fits_is_told_whole() {
        let all = told(idle(0, 5), 5, "");
        assert!(all.len() == 5 && all.iter().all(|(left_out, _)| *left_out == 0));
    }

    #[test]
    fn a_fault_long_ago_is_told_and_so_is_how_much_is_left_out() {
        let rows = [idle(0, 50), vec![row(50, Kind::Undone, "gone")], idle(51, 50)].concat();
        let told = told(rows, 10, "");
        assert_eq!(told[0], (50, "gone".to_owned()));
        assert_eq!((told[1].0, told.len()), (43, 8), "two gaps and eight rows: {told:?}");
    }

    #[test]
    fn the_first_turn_of_a_circle_is_told() {
        let turn = |number: u64| {
            let at = 100 + number * 2;
            vec![
                row(at, Kind::Failed, &format!("reduce 0.{number} is stranded")),
                row(at + 1, Kind::Assigned, &format!("gives reduce 0.{}", number + 1)),
            ]
        };
        let rows = [idle(0, 50), (1..100).flat_map(turn).collect()].concat();
        let told = told(rows, 10, "");
        assert_eq!(told[0], (50, "reduce 0.1 is stranded".to_owned()));
        assert_eq!(told[1], (0, "gives reduce 0.2".to_owned()));
    }

    #[test]
    fn what_the_broken_promise_names_is_told() {
        let named = || {
            let written = ["mr-out-3", "mr-out-31", "reduce 3.2", "reduce 3.20", "output-3"];
            written.map(|words| row(1, Kind::Named, words)).to_vec()
        };
        let of = |what: &str| {
            let rows = [idle(0, 1), named(), idle(2, 50)].concat();
            let told = told(rows, 12, what);
            told.into_iter().map(|(_, words)| words).filter(|words| words != "nothing").collect::<Vec<_>>()
        };
        assert_eq!(of("mr-out-3 differs"), ["mr-out-3", "output-3"]);
        assert_eq!(of("reduce 3, attempt 2, was given away"), ["reduce 3.2"]);
        assert_eq!(of("reduce 3 was"), ["reduce 3.2", "reduce 3.20"]);
    }
}
