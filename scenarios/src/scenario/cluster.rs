//! Who works in a scenario, and how fast its world is: from ranges to one cluster.

use std::time::Duration;

use serde::Deserialize;
use sim::{Chance, Spread};
use toml::Spanned;

use super::between::{Between, Count, Odds};
use super::problem::{Problem, first_problem, unwritten};
use crate::schedule::{ClusterShape, Models, WorkerShape, check};

/// The `[cluster]` of a scenario file.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ClusterRanges {
    /// How many workers are there from the start.
    pub(super) workers: Spanned<Between<Count>>,
    /// How many attempts each runs at once.
    slots: Spanned<Between<Count>>,
    /// The job's task timeout.
    task_timeout: Spanned<Between<Duration>>,
    /// How many attempts of a task may fail.
    max_failures: Between<Count>,
    /// Whether stragglers get backups: the chance of it.
    backup_tasks: Odds,
    /// Whether intermediate files lie in a directory of their own: the chance of it.
    apart: Odds,
    /// Workers that come later.
    pub(super) late: Option<Spanned<Others>>,
    /// Workers that are told to stop.
    pub(super) stopped: Option<Spanned<Others>>,
}

impl Default for ClusterRanges {
    fn default() -> Self {
        Self {
            workers: unwritten(Between { low: Count(1), high: Count(4) }),
            slots: unwritten(Between { low: Count(1), high: Count(2) }),
            task_timeout: unwritten(Between { low: Duration::from_millis(500), high: Duration::from_secs(5) }),
            // Faults make attempts fail through no fault of the app's.
            max_failures: Between::exactly(Count(1000)),
            backup_tasks: Odds(0.5),
            apart: Odds(0.1),
            late: None,
            stopped: None,
        }
    }
}

/// Workers beside those that are there from start to end, and when that happens which sets them apart.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Others {
    workers: Between<Count>,
    after: Between<Duration>,
}

impl ClusterRanges {
    /// What a plan could not have of what is drawn from it: where in the file, and what.
    pub(super) fn problem(&self) -> Option<Problem> {
        let others = [&self.late, &self.stopped].into_iter().flatten();
        let others = others.map(|others| (others.span(), check::workers(self.most_workers())));
        first_problem(
            [
                (self.workers.span(), self.workers.get_ref().check(|workers| check::workers(workers.0 as usize))),
                (self.slots.span(), self.slots.get_ref().check(|slots| check::slots(slots.0))),
                (self.task_timeout.span(), self.task_timeout.get_ref().check(check::task_timeout)),
            ]
            .into_iter()
            .chain(others),
        )
    }

    /// How many workers there are in the largest cluster.
    pub(super) fn most_workers(&self) -> usize {
        let others = [&self.late, &self.stopped].into_iter().flatten();
        let others: usize = others.map(|others| others.get_ref().workers.high.0 as usize).sum();
        self.workers.get_ref().high.0 as usize + others
    }

    pub(super) fn draw(&self, stream: &mut Chance) -> ClusterShape {
        let mut workers = Vec::new();
        let slots = self.slots.get_ref();
        for _ in 0..self.workers.get_ref().draw(stream).0 {
            workers.push(WorkerShape::steady(slots.draw(stream).0));
        }
        if let Some(late) = self.late.as_ref().map(Spanned::get_ref) {
            for _ in 0..late.workers.draw(stream).0 {
                let steady = WorkerShape::steady(slots.draw(stream).0);
                workers.push(WorkerShape { start_after: late.after.draw(stream), ..steady });
            }
        }
        if let Some(stopped) = self.stopped.as_ref().map(Spanned::get_ref) {
            for _ in 0..stopped.workers.draw(stream).0 {
                let steady = WorkerShape::steady(slots.draw(stream).0);
                workers.push(WorkerShape { stop_after: Some(stopped.after.draw(stream)), ..steady });
            }
        }
        ClusterShape {
            workers,
            task_timeout: self.task_timeout.get_ref().draw(stream),
            max_failures: self.max_failures.draw(stream).0,
            backup_tasks: self.backup_tasks.draw(stream),
            apart: self.apart.draw(stream),
        }
    }
}

/// The `[models]` of a scenario file. What is absent is as the simulator has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ModelRanges {
    /// How long a message typically takes; a fifth of it at least, twenty times at most.
    message: Option<Between<Duration>>,
    /// How long a file operation typically takes; a fifth of it at least, twenty times at most.
    file_operation: Option<Between<Duration>>,
    /// What computing costs for a byte of input.
    compute_per_byte: Between<Duration>,
    /// What computing costs for a record.
    compute_per_record: Option<Between<Duration>>,
}

impl Default for ModelRanges {
    /// Computing takes up to as long as everything else together, so that faults strike in the middle of it too.
    fn default() -> Self {
        Self {
            message: None,
            file_operation: None,
            compute_per_byte: Between { low: Duration::from_nanos(10), high: Duration::from_micros(100) },
            compute_per_record: None,
        }
    }
}

fn around(typical: Duration) -> Spread {
    Spread { min: typical / 5, typical, max: (typical * 20).min(sim::MAX_DURATION) }
}

impl ModelRanges {
    pub(super) fn draw(&self, stream: &mut Chance) -> Models {
        let mut models = Models::default();
        if let Some(message) = self.message {
            models.network.latency = around(message.draw(stream));
        }
        if let Some(operation) = self.file_operation {
            models.disk.latency = around(operation.draw(stream));
        }
        models.compute.nanos_per_byte = self.compute_per_byte.draw(stream).as_nanos() as f64;
        if let Some(cost) = self.compute_per_record {
            models.compute.nanos_per_record = cost.draw(stream).as_nanos() as f64;
        }
        models
    }
}
