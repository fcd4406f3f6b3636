//! The table at the end of a campaign, and what it adds up.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;

use crate::campaign::Rehearsed;

/// What the schedules of one scenario add up to.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) schedules: u64,
    pub(super) failed: u64,
    pub(super) events: u64,
    pub(super) virtual_time: Duration,
    pub(super) faults: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// One more schedule.
    pub(super) fn add(&mut self, rehearsed: &Rehearsed) {
        self.schedules += 1;
        self.failed += u64::from(!rehearsed.passed());
        self.events += rehearsed.events;
        self.virtual_time += rehearsed.virtual_time;
        for (kind, count) in &rehearsed.faults {
            *self.faults.entry(kind).or_default() += count;
        }
    }

    /// Both together.
    pub(super) fn join(&mut self, other: &Self) {
        self.schedules += other.schedules;
        self.failed += other.failed;
        self.events += other.events;
        self.virtual_time += other.virtual_time;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
    }

    /// How many faults struck.
    pub(super) fn struck(&self) -> u64 {
        self.faults.values().sum()
    }
}

/// The table: a line a scenario, and the total.
pub(super) fn table<'a>(rows: impl Iterator<Item = (&'a str, &'a Tally)>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["scenario", "schedules", "passed", "broken", "virtual time", "events", "faults"]);
    let mut total = Tally::default();
    for (name, tally) in rows {
        table.add_row(cells(name, tally));
        total.join(tally);
    }
    table.add_row(cells("all", &total));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn cells(name: &str, tally: &Tally) -> [String; 7] {
    let count = |count: u64| HumanCount(count).to_string();
    [
        name.to_owned(),
        count(tally.schedules),
        count(tally.schedules - tally.failed),
        count(tally.failed),
        humantime::format_duration(Duration::from_secs(tally.virtual_time.as_secs())).to_string(),
        count(tally.events),
        count(tally.struck()),
    ]
}
