//! How far a campaign has come, for whoever looks: a bar on a terminal, nothing elsewhere.

use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::shrink::Shrinking;

/// How often the bar is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);

/// How far shrinking has come.
pub(super) struct ShrinkProgress(ProgressBar);

impl ShrinkProgress {
    /// Nothing was tried yet.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(REDRAW);
        Self(bar)
    }

    /// So far.
    pub(super) fn set(&mut self, shrinking: Shrinking) {
        let Shrinking { tried, accepted, faults } = shrinking;
        if tried.is_multiple_of(64) {
            self.0.set_message(format!("shrinking: {tried} tried, {accepted} taken, {faults} faults left"));
        }
    }

    /// Takes it away.
    pub(super) fn finish(self) {
        self.0.finish_and_clear();
    }
}

/// The bar.
pub(super) struct Progress {
    bar: ProgressBar,
    faults: u64,
    failures: u64,
}

impl Progress {
    /// The bar of a campaign of so many schedules; with a time box there is no telling how many.
    pub(super) fn new(schedules: Option<u64>) -> Self {
        let (bar, template) = match schedules {
            Some(schedules) => {
                (ProgressBar::new(schedules), "{wide_bar:.cyan} {human_pos}/{human_len} schedules, {per_sec}, {msg}")
            }
            None => (ProgressBar::new_spinner(), "{spinner} {human_pos} schedules, {per_sec}, {msg}, {elapsed}"),
        };
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(REDRAW);
        Self { bar, faults: 0, failures: 0 }
    }

    /// One more schedule, in which so many faults struck.
    pub(super) fn add(&mut self, faults: u64, failed: bool) {
        self.faults += faults;
        self.failures += u64::from(failed);
        self.bar.inc(1);
        // Words are costly beside a schedule of half a millisecond.
        if self.bar.position().is_multiple_of(64) || failed {
            self.bar.set_message(format!("{} faults, {} failures", HumanCount(self.faults), self.failures));
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
