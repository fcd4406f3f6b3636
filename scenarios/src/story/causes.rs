//! What happened before what, and because of it (Lamport 1978, but along the data and not along everything that a node did earlier).
//!
//! A worker at two attempts does two things that have nothing to do with each other, so what an attempt does is a strand of its own.
//! An event is caused by
//!
//! * the event before it on its strand, which for the first is the answer that brought the attempt;
//! * of a message that arrives: its sending; of an answer: the question, and what the coordinator decided on it;
//! * of a decision about a task: the decision before it on that task, the loss of the worker that had it, and, of giving out a reduce,
//!   the commits of all maps;
//! * of reading a file: the last change of it; of renaming or linking one: that too;
//! * of a crash, a pause, a lost message or a failed step on files: the fault that struck last.

use std::collections::BTreeMap;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, TaskId, WorkerId};
use sim::{Event, History, Part};

use super::moment::{Kind, Lane, Moment};
use crate::notes::Happened;

/// The direct causes of each event.
#[derive(Debug, Clone, Default)]
pub(super) struct Causes(Vec<Vec<usize>>);

impl Causes {
    pub(super) fn of(history: &History, moments: &[Moment]) -> Self {
        let mut weaver = Weaver::default();
        Self(
            history
                .iter()
                .zip(moments)
                .enumerate()
                .map(|(index, (told, moment))| weaver.causes(index, &told.1, moment))
                .collect(),
        )
    }

    /// Everything that happened before one of `targets`, and they themselves.
    pub(super) fn before(&self, targets: impl Iterator<Item = usize>) -> Vec<bool> {
        let mut reached = vec![false; self.0.len()];
        let mut waiting: Vec<usize> = targets.collect();
        while let Some(index) = waiting.pop() {
            if !std::mem::replace(&mut reached[index], true) {
                waiting.extend(&self.0[index]);
            }
        }
        reached
    }
}

/// Remembers, while it goes through a history, the last event of everything that can be a cause.
#[derive(Default)]
struct Weaver {
    /// What an attempt did last on a node.
    strand: BTreeMap<(Lane, AttemptId), usize>,
    /// What a node did last that is about no attempt: when it started, what it was told.
    node: BTreeMap<Lane, usize>,
    sent: BTreeMap<(u64, Part), usize>,
    asked: BTreeMap<u64, usize>,
    /// What the coordinator decided last on a task.
    task: BTreeMap<TaskId, usize>,
    map_commits: BTreeMap<TaskId, usize>,
    /// Who has which task, and where the loss of a worker was decided.
    holder: BTreeMap<TaskId, WorkerId>,
    lost: BTreeMap<WorkerId, usize>,
    /// The last change of each file.
    file: BTreeMap<String, usize>,
    fault: Option<usize>,
    /// The last fault that hit a node, or its last crash or pause.
    hit: BTreeMap<Lane, usize>,
    /// The last request that reached the coordinator.
    question: Option<usize>,
}

impl Weaver {
    fn causes(&mut self, index: usize, event: &Event, moment: &Moment) -> Vec<usize> {
        let mut causes = Vec::new();
        match event {
            Event::MessageSent(message) => {
                self.sent.insert((message.call, message.part), index);
                match message.part {
                    Part::Request => causes.extend(self.on_strand(moment)),
                    Part::Reply | Part::Refusal => {
                        causes.extend(self.asked.get(&message.call));
                        let task = moment.attempt.and_then(|attempt| self.task.get(&attempt.task));
                        causes.extend(task);
                        if moment.words.contains(": read ") {
                            causes.extend(self.map_commits.values());
                        }
                    }
                }
            }
            Event::MessageDelivered(message) => {
                causes.extend(self.sent.get(&(message.call, message.part)));
                if message.part == Part::Request {
                    self.asked.insert(message.call, index);
                    self.question = Some(index);
                } else {
                    self.follow(index, moment);
                }
            }
            Event::MessageDuplicated(message) | Event::MessageLost(message, _) => {
                causes.extend(self.sent.get(&(message.call, message.part)));
                causes.extend(self.fault);
            }
            Event::File(step) => {
                causes.extend(self.on_strand(moment));
                causes.extend(self.file.get(&*step.path));
                causes.extend(step.to.as_ref().and_then(|to| self.file.get(&**to)));
                if moment.kind == Kind::FileFailed {
                    causes.extend(self.fault);
                }
                if matches!(moment.kind, Kind::Written | Kind::Named | Kind::Synced) {
                    let target = step.to.as_ref().unwrap_or(&step.path);
                    self.file.insert(target.to_string(), index);
                }
                self.follow(index, moment);
            }
            Event::FaultStruck { .. } => {
                self.fault = Some(index);
                self.hit.extend(moment.lane.map(|lane| (lane, index)));
            }
            Event::FaultHealed { .. } => causes.extend(self.fault),
            Event::NodeCrashed { .. }
            | Event::NodePaused { .. }
            | Event::NodeResumed { .. }
            | Event::UnsyncedLost { .. } => {
                causes.extend(moment.lane.and_then(|lane| self.hit.get(&lane)).copied().or(self.fault));
                self.hit.extend(moment.lane.map(|lane| (lane, index)));
            }
            Event::NodeStarted { .. } | Event::NodeFinished { .. } => {
                causes.extend(moment.lane.and_then(|lane| self.node.get(&lane)));
                self.follow(index, moment);
            }
            Event::Note { note, .. } => match note.get::<Happened>() {
                Some(happened) => self.decided(index, &happened.event, &mut causes),
                None => {
                    causes.extend(self.on_strand(moment));
                    self.follow(index, moment);
                }
            },
        }
        causes
    }

    /// What came before on the strand of `moment`.
    fn on_strand(&self, moment: &Moment) -> Option<usize> {
        let lane = moment.lane?;
        let own = moment.attempt.and_then(|attempt| self.strand.get(&(lane, attempt)));
        own.or_else(|| self.node.get(&lane)).copied()
    }

    /// What comes next on the strand of `moment` has `index` for its cause.
    fn follow(&mut self, index: usize, moment: &Moment) {
        let Some(lane) = moment.lane else { return };
        match moment.attempt {
            Some(attempt) => self.strand.insert((lane, attempt), index),
            None => self.node.insert(lane, index),
        };
    }

    fn decided(&mut self, index: usize, event: &coordinator::Event, causes: &mut Vec<usize>) {
        use coordinator::Event as E;
        match event {
            E::WorkerLost { worker } => {
                causes.extend(self.hit.values().max());
                self.lost.insert(*worker, index);
                return;
            }
            E::JobEnded { .. } => causes.extend(self.task.values()),
            _ => causes.extend(self.question),
        }
        let attempt = match event {
            E::AttemptAssigned { attempt, worker, .. } => {
                causes.extend(self.holder.insert(attempt.task, *worker).and_then(|holder| self.lost.get(&holder)));
                if matches!(attempt.task, TaskId::Reduce(_)) {
                    causes.extend(self.map_commits.values());
                }
                *attempt
            }
            E::AttemptCommitted { attempt, .. } => {
                if matches!(attempt.task, TaskId::Map(_)) {
                    self.map_commits.insert(attempt.task, index);
                }
                *attempt
            }
            E::CommitGranted { attempt }
            | E::AttemptFailed { attempt, .. }
            | E::AttemptStranded { attempt, .. }
            | E::AttemptProgressed { attempt, .. }
            | E::ReportIgnored { attempt, .. } => *attempt,
            E::MapOutputLost { map, .. } => (*map).into(),
            _ => return,
        };
        causes.extend(self.task.insert(attempt.task, index));
    }
}
