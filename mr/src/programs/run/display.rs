//! What a person sees of a job: a progress bar per phase on a terminal, one plain line per phase elsewhere, a summary.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use camino::Utf8Path;
use indicatif::{HumanBytes, HumanCount, MultiProgress, ProgressBar, ProgressStyle};
use mr_core::coordinator::{Coordinator, Event, JobProgress, Observer, Phase};
use world::Timestamp;

use super::milestones::Milestones;
use crate::cli::{print, tell, tell_above};

/// Shows a job while it runs.
pub(super) struct Display {
    app: String,
    workers: NonZeroUsize,
    started: Instant,
    milestones: Arc<Milestones>,
    bars: MultiProgress,
    map: ProgressBar,
    reduce: ProgressBar,
    shown: Phase,
}

impl Display {
    pub(super) fn new(app: &str, workers: NonZeroUsize, milestones: Arc<Milestones>) -> Self {
        let bars = MultiProgress::new();
        if !bars.is_hidden() {
            tell_above(&bars);
        }
        Self {
            app: app.to_owned(),
            workers,
            started: Instant::now(),
            milestones,
            map: bars.add(bar("map")),
            reduce: bars.add(bar("reduce")),
            bars,
            shown: Phase::Map,
        }
    }

    /// Whether there are bars on a terminal, which others must not write to by themselves.
    pub(super) fn has_bars(&self) -> bool {
        !self.bars.is_hidden()
    }

    /// Takes the bars off the screen.
    pub(super) fn close(&self) {
        self.map.finish_and_clear();
        self.reduce.finish_and_clear();
    }

    /// Prints how it went.
    pub(super) fn summarise(&self, progress: &JobProgress, out: &Utf8Path) {
        let JobProgress { maps, reduces, attempts, retries, backups, failures, counters, .. } = *progress;
        let workers = counted(self.workers.get() as u64, "worker", "workers");
        let (maps, reduces) = (counted(maps as u64, "map", "maps"), counted(reduces as u64, "reduce", "reduces"));
        let (retries, failures) = (counted(retries, "retry", "retries"), counted(failures, "failure", "failures"));
        let backups = match backups {
            0 => String::new(),
            _ => format!("{}, ", counted(backups, "backup", "backups")),
        };
        let last = match progress.reduces {
            1 => String::new(),
            count => format!(" … mr-out-{}", count - 1),
        };
        let lines = [
            format!("{} done in {:.2} s on {workers}", self.app, self.started.elapsed().as_secs_f64()),
            format!("  tasks     {maps} and {reduces}, all committed"),
            format!("  attempts  {attempts}, of them {backups}{retries} and {failures}"),
            format!(
                "  records   {} mapped, {} emitted, {}, {} written",
                HumanCount(counters.map_input_records),
                HumanCount(counters.map_output_records),
                counted(counters.reduce_input_groups, "key", "keys"),
                HumanCount(counters.reduce_output_records),
            ),
            format!(
                "  bytes     {} read, {} shuffled, {} written",
                HumanBytes(counters.map_input_bytes),
                HumanBytes(counters.map_output_bytes),
                HumanBytes(counters.reduce_output_bytes),
            ),
            format!("  outputs   {}{last}", out.join("mr-out-0")),
        ];
        print(lines.join("\n"));
    }

    fn end_of_phase(&self, phase: Phase, progress: &JobProgress) {
        let (name, tasks) = match phase {
            Phase::Map => ("map", progress.maps),
            Phase::Reduce => ("reduce", progress.reduces),
            Phase::Ended => return,
        };
        if !self.has_bars() {
            let tasks = counted(tasks as u64, "task", "tasks");
            let seconds = self.started.elapsed().as_secs_f64();
            tell(format_args!("{name}: {tasks} committed after {seconds:.2} s"));
        }
    }
}

impl Observer for Display {
    fn observe(&mut self, _now: Timestamp, event: &Event, coordinator: &Coordinator) {
        match event {
            Event::AttemptCommitted { attempt, .. } => self.milestones.committed(attempt.task),
            Event::AttemptFailed { attempt, worker, .. } | Event::AttemptStranded { attempt, worker, .. } => {
                return self.milestones.failed(*worker, *attempt);
            }
            Event::JobEnded { .. } => self.milestones.ended(),
            Event::WorkerRegistered { worker, name, .. } => self.milestones.registered(name, *worker),
            Event::AttemptAssigned { worker, attempt, .. } => {
                return self.milestones.assigned(*worker, *attempt, &coordinator.describe(attempt.task));
            }
            Event::MapOutputLost { .. } => {}
            _ => return,
        }
        let progress = coordinator.progress();
        for (bar, length, position) in [
            (&self.map, progress.maps, progress.maps_committed),
            (&self.reduce, progress.reduces, progress.reduces_committed),
        ] {
            bar.set_length(length as u64);
            bar.set_position(position as u64);
        }
        let succeeded_or_running = progress.phase != Phase::Ended || progress.reduces_committed == progress.reduces;
        if progress.phase > self.shown && succeeded_or_running {
            self.end_of_phase(self.shown, &progress);
            self.shown = progress.phase;
        }
    }
}

/// A number and its noun.
fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", HumanCount(count), if count == 1 { one } else { many })
}

fn bar(name: &'static str) -> ProgressBar {
    let template = "{prefix:>8} {wide_bar:.cyan} {pos} of {len} tasks";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style).with_prefix(name)
}
