//! What is printed at the end of a campaign: the table, what the number of schedules is worth, and what was covered.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;
use mr_core::marks;
use sim::FaultKind;

use super::tally::{Sums, Tally};
use crate::coverage::{Step, all_cells};

/// How many kinds of fault are named in a row; one more, when that is all.
const KINDS: usize = 2;

/// The table: a line a scenario, and the total.
pub(super) fn table(sums: &Sums) -> String {
    let mut table = plain_table();
    table.set_header(["scenario", "schedules", "passed", "broken", "virtual time", "slowest", "of seed", "faults"]);
    for (name, tally) in &sums.tallies {
        table.add_row(cells(name, tally));
    }
    table.add_row(cells("all", &sums.total(true)));
    align_right(&mut table, 1..7);
    trimmed(&table)
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table
}

fn align_right(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn cells(name: &str, tally: &Tally) -> [String; 8] {
    let count = |count: u64| HumanCount(count).to_string();
    let seconds = |time: Duration| humantime::format_duration(Duration::from_secs(time.as_secs())).to_string();
    [
        name.to_owned(),
        count(tally.schedules),
        count(tally.schedules - tally.failed),
        count(tally.failed),
        seconds(tally.virtual_time),
        tally.slowest.map_or(String::new(), |(time, _)| format!("{:.2} s", time.as_secs_f64())),
        tally.slowest.map_or(String::new(), |(_, seed)| seed.to_string()),
        faults(tally),
    ]
}

/// The most frequent kinds of fault by name, the others as a sum.
fn faults(tally: &Tally) -> String {
    let mut kinds: Vec<_> = tally.faults.iter().map(|(kind, count)| (*count, *kind)).collect();
    kinds.sort_by_key(|&(count, kind)| (std::cmp::Reverse(count), kind));
    let shown = if kinds.len() == KINDS + 1 { kinds.len() } else { KINDS };
    let mut named: Vec<String> =
        kinds.iter().take(shown).map(|(count, kind)| format!("{kind} {}", HumanCount(*count))).collect();
    let others: u64 = kinds.iter().skip(shown).map(|(count, _)| count).sum();
    if others > 0 {
        named.push(format!("{} of {} other kinds", HumanCount(others), kinds.len() - shown));
    }
    named.join(", ")
}

/// What it means that so few of so many schedules failed. (With no failure in n independent tries, a probability above 1 - 0.05^(1/n) would
/// have shown itself with 95 % confidence: the "rule of three".)
pub(super) fn confidence(sums: &Sums) -> String {
    let total = sums.total(false);
    let (failed, all) = (HumanCount(total.failed), HumanCount(total.schedules));
    match total.failed {
        0 if total.schedules == 0 => "no schedule was drawn".into(),
        0 => {
            let one_in = 1.0 / (1.0 - 0.05_f64.powf(1.0 / total.schedules as f64));
            let one_in = HumanCount(one_in as u64);
            format!(
                "0 of {all} broke a promise: with 95 % confidence fewer than 1 in {one_in} schedules drawn like these would"
            )
        }
        _ => format!("{failed} of {all} failed: 1 in {}", HumanCount(total.schedules / total.failed)),
    }
}

/// What was never tried: cells of the grid, and marks.
pub(super) fn missing(sums: &Sums) -> Vec<String> {
    let total = sums.total(true);
    let cells = total.coverage.empty().map(|(step, fault)| format!("no {fault} struck at \"{}\"", step.head()));
    let marks = marks::ALL.into_iter().filter(|mark| !total.marks.contains_key(mark));
    cells.chain(marks.map(|mark| format!("it never happened that {mark}"))).collect()
}

/// How much was tried, in a line.
pub(super) fn coverage_line(sums: &Sums) -> String {
    let total = sums.total(true);
    let cells = all_cells().count();
    let covered = cells - total.coverage.empty().count();
    let marks = marks::ALL.into_iter().filter(|mark| total.marks.contains_key(mark)).count();
    format!(
        "covered: {covered} of {cells} cells (fault kind × protocol step), {marks} of {} marks; --coverage shows them",
        marks::ALL.len()
    )
}

/// The grid, counted, and the marks. What was never tried is shown as such; what cannot be is left blank.
pub(super) fn coverage(sums: &Sums) -> String {
    let total = sums.total(true);
    let mut table = plain_table();
    let heads = Step::ALL.map(|step| step.head().replace(' ', "\n"));
    table.set_header(std::iter::once("fault struck at".to_owned()).chain(heads));
    for kind in FaultKind::NAMES {
        let cell = |step: Step| match total.coverage.at(step, kind) {
            0 if all_cells().any(|cell| cell == (step, kind)) => "EMPTY".to_owned(),
            0 => String::new(),
            times => HumanCount(times).to_string(),
        };
        table.add_row(std::iter::once(kind.to_owned()).chain(Step::ALL.map(cell)));
    }
    align_right(&mut table, 1..Step::ALL.len() + 1);
    let mut text = trimmed(&table);
    text.push_str("\n\nmarks:\n");
    for mark in marks::ALL {
        let times = total.marks.get(mark).map_or("NEVER".to_owned(), |times| HumanCount(*times).to_string());
        let _ = writeln!(text, "{times:>12}  {mark}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(schedules: u64, failed: u64) -> Sums {
        let mut sums = Sums::default();
        sums.tallies.insert("a".into(), Tally { schedules, failed, ..Tally::default() });
        sums
    }

    #[test]
    fn no_failure_in_many_is_worth_a_bound_and_no_more() {
        assert!(
            confidence(&sums(30_000, 0)).contains("fewer than 1 in 10,014 schedules"),
            "{}",
            confidence(&sums(30_000, 0))
        );
        assert!(confidence(&sums(1, 0)).contains("fewer than 1 in 1 schedules"));
        assert_eq!(confidence(&sums(1000, 4)), "4 of 1,000 failed: 1 in 250");
    }

    #[test]
    fn what_was_never_tried_is_named() {
        let mut sums = sums(1, 0);
        let none = missing(&sums);
        assert_eq!(none.len(), all_cells().count() + marks::ALL.len());
        let tally = sums.tallies.get_mut("a").unwrap();
        tally.coverage.add(Step::Mapping, "crash", 1);
        tally.marks.insert(marks::SPILLED, 3);
        assert_eq!(missing(&sums).len(), none.len() - 2);
        assert!(coverage(&sums).contains("NEVER") && coverage(&sums).contains("EMPTY"));
    }

    #[test]
    fn a_row_names_the_most_frequent_kinds_of_fault() {
        let mut tally = Tally::default();
        tally.faults.extend([("crash", 3), ("pause", 1200), ("lossy", 2), ("delaying", 2)]);
        assert_eq!(faults(&tally), "pause 1,200, crash 3, 4 of 2 other kinds");
    }
}
