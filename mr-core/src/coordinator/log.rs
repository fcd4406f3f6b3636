//! The coordinator's log: one `tracing` event for everything a person would want to read afterwards.

use std::time::Duration;

use tracing::{debug, info, warn};

use super::{Coordinator, Event};
use crate::ids::{AttemptId, TaskId, WorkerId};
use crate::protocol::Ending;

impl Coordinator {
    /// Logs `event`, after it was applied.
    pub(super) fn log(&self, event: &Event) {
        match event {
            Event::AppAdopted { app } => info!(%app, maps = self.map_inputs.len(), "the first worker brought the app"),
            Event::AppForgotten => {
                info!("the app was never run, and who brought it has left: the next worker brings the app");
            }
            Event::WorkerRegistered { worker, name, .. } => info!(%worker, name, "worker registered"),
            Event::WorkerHeard { .. } | Event::AttemptProgressed { .. } => {}
            Event::WorkerLost { worker } => {
                warn!(%worker, silent_for = ?self.job.task_timeout, "worker lost");
                self.warn_if_alone();
            }
            Event::WorkerLeft { worker } => {
                info!(%worker, "worker left");
                self.warn_if_alone();
            }
            Event::AttemptAssigned { attempt, worker, backup, .. } => self.log_assignment(*attempt, worker, *backup),
            Event::CommitGranted { attempt } => {
                debug!(task = %attempt.task, attempt = attempt.attempt.0, "commit granted");
            }
            Event::AttemptCommitted { attempt, worker, .. } => {
                info!(%worker, task = %attempt.task, attempt = attempt.attempt.0, "committed");
            }
            Event::AttemptFailed { attempt, worker, reason } => {
                warn!(%worker, task = %attempt.task, attempt = attempt.attempt.0, reason, "attempt failed");
            }
            Event::AttemptStranded { attempt, worker, map, reason } => {
                warn!(%worker, task = %attempt.task, attempt = attempt.attempt.0, bad = %map, reason, "attempt stranded by a bad map output");
            }
            Event::MapOutputLost { map, maker, reporter, reason } => {
                warn!(worker = %maker, %reporter, task = %TaskId::Map(map.map), attempt = map.attempt.0, reason, "map output lost, the map runs again");
            }
            Event::ReportIgnored { attempt, worker } => {
                info!(%worker, task = %attempt.task, attempt = attempt.attempt.0, "report ignored, the attempt does not count");
            }
            Event::JobEnded { ending: Ending::Succeeded } => info!("job succeeded"),
            Event::JobEnded { ending: Ending::Failed { reason } } => warn!(reason, "job failed"),
        }
    }

    fn log_assignment(&self, id: AttemptId, worker: &WorkerId, backup: bool) {
        let attempt = id.attempt.0;
        if !backup {
            self.warn_of_silence(id);
        }
        match id.task {
            TaskId::Map(map) => match self.map_input(map).unwrap_or_default() {
                [split] => {
                    let (file, offset, len) = (&split.path, split.offset, split.len);
                    info!(%worker, task = %id.task, attempt, backup, file, offset, len, "assigned");
                }
                splits => {
                    let files: Vec<&str> = splits.iter().map(|split| split.path.as_str()).collect();
                    info!(%worker, task = %id.task, attempt, backup, ?files, "assigned");
                }
            },
            TaskId::Reduce(partition) => {
                info!(%worker, task = %id.task, attempt, backup, file = %format_args!("mr-out-{partition}"), "assigned");
            }
        }
    }

    /// Says so if `id` was given out because whoever works at its task shows no progress: nobody would else hear of an app that loops for ever.
    fn warn_of_silence(&self, id: AttemptId) {
        let (table, index) = self.table(id.task);
        let Some(running) = table.get(index).map(|task| &task.running) else { return };
        let (others, own) = (running.iter().filter(|(other, _)| **other != id.attempt), running.get(&id.attempt));
        let Some((own, (silent, last))) = own.zip(others.max_by_key(|(_, other)| other.last_progress)) else { return };
        // To the millisecond: more digits only look like news.
        let silent_for = Duration::from_millis((own.since - last.last_progress).as_millis() as u64);
        warn!(
            worker = %last.worker, task = self.describe(id.task), attempt = silent.0, ?silent_for, also_given_to = %own.worker,
            "no progress, the task was given to another worker as well"
        );
    }

    fn warn_if_alone(&self) {
        if self.everyone_left() && self.ending.is_none() {
            warn!("no workers left; the job waits until new ones come");
        }
    }
}
