//! Making events true. Nothing is decided here and nothing can fail: replaying the events of a run rebuilds its state.

use world::Timestamp;

use super::task::{Committed, Running};
use super::{Coordinator, Event, Presence, Worker};
use crate::counters::Counters;
use crate::ids::{AttemptId, MapAttempt, TaskId, WorkerId};

impl Coordinator {
    /// Makes `events`, which happened at `now`, part of the state in their order, and shows each to `observe` when it is.
    pub(super) fn apply_all(&mut self, now: Timestamp, events: &[Event], mut observe: impl FnMut(&Event, &Self)) {
        for event in events {
            self.apply(now, event);
            observe(event, self);
        }
    }

    /// Makes `event`, which happened at `now`, part of the state.
    pub fn apply(&mut self, now: Timestamp, event: &Event) {
        match event {
            Event::AppAdopted { app } => self.adopt(app.clone()),
            Event::AppForgotten => self.forget_app(),
            Event::WorkerRegistered { worker, nonce, name } => self.add_worker(now, *worker, *nonce, name),
            Event::WorkerHeard { worker } => self.set_presence(*worker, Presence::Present, now),
            Event::WorkerLost { worker } => self.set_presence(*worker, Presence::Lost, now),
            Event::WorkerLeft { worker } => self.remove_worker(now, *worker),
            Event::AttemptAssigned { attempt, worker, question, backup } => {
                self.backups += u64::from(*backup);
                self.retries += u64::from(attempt.attempt.0 > 1 && !backup);
                self.assign(now, *attempt, *worker, *question);
            }
            Event::AttemptProgressed { attempt, ticks } => self.progress_attempt(now, *attempt, *ticks),
            Event::CommitGranted { attempt } => {
                let (table, index) = self.table_mut(attempt.task);
                table.update(index, |task| task.granted.push(attempt.attempt));
            }
            Event::AttemptCommitted { attempt, worker, counters } => {
                self.commit(now, *attempt, *worker, *counters);
            }
            Event::AttemptFailed { attempt, worker, .. } => {
                self.failures += 1;
                self.end_attempt(*attempt);
                let (table, index) = self.table_mut(attempt.task);
                table.leave_to_others(index, *worker, now);
                table.update(index, |task| task.failures += 1);
            }
            Event::AttemptStranded { attempt, worker, .. } => {
                self.end_attempt(*attempt);
                let (table, index) = self.table_mut(attempt.task);
                table.leave_to_others(index, *worker, now);
            }
            Event::MapOutputLost { map, maker, reporter, .. } => {
                self.failures += 1;
                let (table, index) = self.table_mut(TaskId::Map(map.map));
                table.leave_to_others(index, *maker, now);
                table.update(index, |task| {
                    task.committed = None;
                    task.failures += 1;
                    task.blamed_by.insert(*reporter, now);
                });
            }
            Event::ReportIgnored { .. } => {}
            Event::JobEnded { ending } => self.ending = Some(ending.clone()),
        }
    }

    fn add_worker(&mut self, now: Timestamp, worker: WorkerId, nonce: u64, name: &str) {
        self.nonces.insert(nonce, worker);
        let known = Worker {
            name: name.to_owned(),
            presence: Presence::Present,
            last_heard: now,
            running: Default::default(),
            answered: None,
        };
        self.workers.insert(worker, known);
        self.heard.insert((now, worker));
    }

    fn set_presence(&mut self, id: WorkerId, presence: Presence, now: Timestamp) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        self.heard.remove(&(worker.last_heard, id));
        worker.presence = presence;
        if presence == Presence::Present {
            worker.last_heard = now;
            self.heard.insert((now, id));
        }
    }

    fn remove_worker(&mut self, now: Timestamp, id: WorkerId) {
        self.set_presence(id, Presence::Left, now);
        let running = self.workers.get(&id).map(|worker| worker.running.clone()).unwrap_or_default();
        for attempt in running {
            self.end_attempt(attempt);
        }
    }

    fn assign(&mut self, now: Timestamp, attempt: AttemptId, id: WorkerId, question: u64) {
        self.attempts += 1;
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.running.insert(attempt);
            worker.answered = Some((question, attempt));
        }
        let map_commits = self.map_commits.len() as u64;
        let running = Running { worker: id, since: now, ticks: 0, last_progress: now, map_commits };
        let (table, index) = self.table_mut(attempt.task);
        table.update(index, |task| {
            task.assigned = task.assigned.max(attempt.attempt.0);
            task.running.insert(attempt.attempt, running);
        });
    }

    fn progress_attempt(&mut self, now: Timestamp, attempt: AttemptId, ticks: u64) {
        let (table, index) = self.table_mut(attempt.task);
        table.update(index, |task| {
            if let Some(running) = task.running.get_mut(&attempt.attempt) {
                running.ticks = running.ticks.max(ticks);
                running.last_progress = now;
            }
        });
    }

    fn commit(&mut self, now: Timestamp, attempt: AttemptId, worker: WorkerId, counters: Counters) {
        let (table, index) = self.table(attempt.task);
        let since = table.running(index, attempt.attempt).map(|running| running.since);
        let others: Vec<_> = table.get(index).into_iter().flat_map(|task| task.running.keys().copied()).collect();
        for other in others {
            self.end_attempt(AttemptId { task: attempt.task, attempt: other });
        }
        let (table, index) = self.table_mut(attempt.task);
        if let Some(since) = since {
            table.measure(since, now);
        }
        let mut before = Counters::default();
        table.update(index, |task| {
            task.committed = Some(Committed { attempt: attempt.attempt, by: worker });
            before = std::mem::replace(&mut task.counted, counters);
        });
        self.counters -= before;
        self.counters += counters;
        if let TaskId::Map(map) = attempt.task {
            self.map_commits.push(MapAttempt { map, attempt: attempt.attempt });
        }
    }

    fn end_attempt(&mut self, attempt: AttemptId) {
        let (table, index) = self.table_mut(attempt.task);
        let mut ended = None;
        table.update(index, |task| ended = task.running.remove(&attempt.attempt));
        if let Some(worker) = ended.and_then(|running| self.workers.get_mut(&running.worker)) {
            worker.running.remove(&attempt);
        }
    }
}
