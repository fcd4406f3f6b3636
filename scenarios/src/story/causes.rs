//! What happened before what, and because of it (Lamport 1978, but along the data and not along everything that a node did earlier).
//!
//! A worker at two attempts does two things that have nothing to do with each other, so what an attempt does is a strand of its own.
//! An event is caused by
//!
//! * the event before it on its strand, which for the first is the answer that brought the attempt; a message of the strand that was lost
//!   counts as such an event, because it is why the next is sent;
//! * of a message that arrives: its sending, and what made it two; of an answer: the question, and what the coordinator decided on it;
//! * of a decision about a task: the decision before it on that task, the loss of the worker that had it, and, of giving out a reduce,
//!   the commits of all maps;
//! * of the loss of a worker: what was wrong with its node, and the last message of it that was lost;
//! * of reading, renaming or linking a file: the last change of it; and a power loss changes each file of which it took a name or bytes;
//! * of nothing: an answer that says only that all goes on as before;
//! * of a lost or doubled message: the faults that may have hit it just then; of a step on files that failed or
//!   was spoiled: the fault that did it; of a crash or a pause: its fault.

use std::collections::BTreeMap;

use mr_core::coordinator;
use mr_core::ids::{AttemptId, TaskId, WorkerId};
use mr_core::protocol::Reply;
use sim::{Event, FaultKind, FileEvent, History, Lost, Message, Operation, Part};

use super::band;
use super::messages::answer;
use super::moment::{Kind, Lane, Moment};
use crate::notes::Happened;
use crate::schedule::Schedule;

/// The direct causes of each event, and which events changed each file.
#[derive(Debug, Clone, Default)]
pub(super) struct Causes {
    direct: Vec<Vec<usize>>,
    changes: BTreeMap<String, Vec<usize>>,
}

impl Causes {
    pub(super) fn of(history: &History, moments: &[Moment], schedule: &Schedule, nodes: &[String]) -> Self {
        let mut weaver = Weaver::new(schedule, nodes);
        let told = history.iter().zip(moments).enumerate();
        let direct = told.map(|(index, ((_, event), moment))| weaver.causes(index, event, moment)).collect();
        Self { direct, changes: weaver.changes }
    }

    /// Every change of the file at `path`, and everything that happened before one of these.
    pub(super) fn before(&self, path: &str) -> Vec<bool> {
        let mut reached = vec![false; self.direct.len()];
        let mut waiting: Vec<usize> = self.changes.get(path).cloned().unwrap_or_default();
        while let Some(index) = waiting.pop() {
            if !std::mem::replace(&mut reached[index], true) {
                waiting.extend(&self.direct[index]);
            }
        }
        reached
    }
}

/// Remembers, while it goes through a history, the last event of everything that can be a cause.
struct Weaver<'a> {
    schedule: &'a Schedule,
    nodes: &'a [String],
    /// What an attempt did last on a node.
    strand: BTreeMap<(Lane, AttemptId), usize>,
    /// What a node did last that is about no attempt: when it started, what it was told.
    node: BTreeMap<Lane, usize>,
    sent: BTreeMap<(u64, Part), usize>,
    doubled: BTreeMap<(u64, Part), usize>,
    asked: BTreeMap<u64, usize>,
    /// The last message to or from the coordinator that a worker's node lost.
    missed: BTreeMap<Lane, usize>,
    /// What the coordinator decided last on a task.
    task: BTreeMap<TaskId, usize>,
    map_commits: BTreeMap<TaskId, usize>,
    /// Where each worker lives, who has which task, and where the loss of a worker was decided.
    home: BTreeMap<WorkerId, Lane>,
    holder: BTreeMap<TaskId, WorkerId>,
    lost: BTreeMap<WorkerId, usize>,
    /// The changes of each file.
    changes: BTreeMap<String, Vec<usize>>,
    /// The faults that have struck and are not over, by their place in the plan.
    active: BTreeMap<usize, usize>,
    /// The last fault that hit a node, or its last crash or pause.
    hit: BTreeMap<Lane, usize>,
    /// The last request that reached the coordinator.
    question: Option<usize>,
}

impl<'a> Weaver<'a> {
    fn new(schedule: &'a Schedule, nodes: &'a [String]) -> Self {
        Self {
            schedule,
            nodes,
            strand: BTreeMap::new(),
            node: BTreeMap::new(),
            sent: BTreeMap::new(),
            doubled: BTreeMap::new(),
            asked: BTreeMap::new(),
            missed: BTreeMap::new(),
            task: BTreeMap::new(),
            map_commits: BTreeMap::new(),
            home: BTreeMap::new(),
            holder: BTreeMap::new(),
            lost: BTreeMap::new(),
            changes: BTreeMap::new(),
            active: BTreeMap::new(),
            hit: BTreeMap::new(),
            question: None,
        }
    }

    fn causes(&mut self, index: usize, event: &Event, moment: &Moment) -> Vec<usize> {
        let mut causes = Vec::new();
        match event {
            Event::MessageSent(message) => self.sent(index, message, moment, &mut causes),
            Event::MessageDelivered(message) => {
                let way = (message.call, message.part);
                causes.extend(self.sent.get(&way));
                causes.extend(self.doubled.get(&way));
                if message.part == Part::Request {
                    self.asked.insert(message.call, index);
                    self.question = Some(index);
                } else if !moment.routine && !matches!(answer(message), Some(Reply::Wait)) {
                    self.follow(index, moment);
                }
            }
            Event::MessageDuplicated(message) => {
                causes.extend(self.sent.get(&(message.call, message.part)));
                causes.extend(self.striking(is_of_network, &ends(message)));
                self.doubled.insert((message.call, message.part), index);
            }
            Event::MessageLost(message, _) => {
                causes.extend(self.sent.get(&(message.call, message.part)));
                causes.extend(self.striking(is_of_network, &ends(message)));
                self.missed(index, message, moment);
            }
            Event::File(step) => self.file_step(index, step, moment, &mut causes),
            Event::UnsyncedLost { node, lost, .. } => self.lose_power(index, node.index(), lost, &mut causes),
            Event::FaultStruck { fault, .. } => {
                self.active.insert(*fault, index);
                self.hit.extend(moment.lane.map(|lane| (lane, index)));
            }
            Event::FaultHealed { fault, .. } => causes.extend(self.active.remove(fault)),
            Event::NodeCrashed { .. } | Event::NodePaused { .. } | Event::NodeResumed { .. } => {
                causes.extend(moment.lane.and_then(|lane| self.hit.get(&lane)));
                self.hit.extend(moment.lane.map(|lane| (lane, index)));
            }
            Event::NodeStarted { .. } | Event::NodeFinished { .. } => {
                causes.extend(moment.lane.and_then(|lane| self.node.get(&lane)));
                self.follow(index, moment);
            }
            Event::CalledNobody { .. } => {
                causes.extend(self.on_strand(moment));
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

    fn sent(&mut self, index: usize, message: &Message, moment: &Moment, causes: &mut Vec<usize>) {
        self.sent.insert((message.call, message.part), index);
        if message.part == Part::Request {
            causes.extend(self.on_strand(moment));
            return;
        }
        causes.extend(self.asked.get(&message.call));
        causes.extend(moment.attempt.and_then(|attempt| self.task.get(&attempt.task)));
        if matches!(answer(message), Some(Reply::MapOutputs { .. })) {
            causes.extend(self.map_commits.values());
        }
    }

    /// A message that never came: whoever asked will ask again because of it, or be given up. A lost heartbeat has no other effect.
    fn missed(&mut self, index: usize, message: &Message, moment: &Moment) {
        let asker = if message.part == Part::Request { message.from.index() } else { message.to.index() };
        self.missed.insert(asker, index);
        if let Some(attempt) = moment.attempt {
            self.strand.insert((asker, attempt), index);
        }
    }

    fn file_step(&mut self, index: usize, step: &FileEvent, moment: &Moment, causes: &mut Vec<usize>) {
        let last = |path: &str| self.changes.get(path).and_then(|changes| changes.last());
        causes.extend(self.on_strand(moment));
        causes.extend(last(&step.path));
        causes.extend(step.to.as_ref().and_then(|to| last(to)));
        causes.extend(step.spoiled_by.and_then(|fault| self.active.get(&fault)));
        // Rot comes to light in a read; if it is the stored bytes that have gone bad, then also for whoever reads them later.
        let stored = |fault: usize| {
            let planned = self.schedule.faults.get(fault);
            planned.is_some_and(|planned| matches!(planned.what, FaultKind::BitRot { stored: true, .. }))
        };
        let rotten = step.operation == Operation::Read && step.spoiled_by.is_some_and(stored);
        let changed = step.result.is_ok() && (rotten || matches!(moment.kind, Kind::Written | Kind::Named));
        if changed {
            let target = step.to.as_ref().unwrap_or(&step.path);
            self.changes.entry(target.to_string()).or_default().push(index);
        }
        self.follow(index, moment);
    }

    /// A power loss undoes the last changes of what it took.
    fn lose_power(&mut self, index: usize, lane: Lane, lost: &Lost, causes: &mut Vec<usize>) {
        causes.extend(self.hit.insert(lane, index));
        for path in lost.paths() {
            let changes = self.changes.entry(path.to_owned()).or_default();
            causes.extend(changes.last());
            changes.push(index);
        }
    }

    /// Where the faults struck that are `of_this_kind`, are not over, and hit one of `lanes`.
    fn striking(&self, of_this_kind: impl Fn(&FaultKind) -> bool, lanes: &[Lane]) -> Vec<usize> {
        let hits = |fault: &usize| {
            let planned = self.schedule.faults.get(*fault);
            planned.is_some_and(|planned| {
                let hit = band::lanes(&planned.what, self.nodes);
                of_this_kind(&planned.what) && hit.iter().any(|lane| lanes.contains(lane))
            })
        };
        self.active.iter().filter(|(fault, _)| hits(fault)).map(|(_, &struck)| struck).collect()
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
                self.lost(index, *worker, causes);
                return;
            }
            E::WorkerRegistered { worker, name, .. } => {
                let lane = self.nodes.iter().position(|node| node == name);
                self.home.extend(lane.map(|lane| (*worker, lane)));
            }
            E::JobEnded { .. } => causes.extend(self.task.values()),
            _ => {}
        }
        causes.extend(self.question);
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

    /// A worker is lost when it was not heard of for a while: nobody asked for that.
    fn lost(&mut self, index: usize, worker: WorkerId, causes: &mut Vec<usize>) {
        self.lost.insert(worker, index);
        let Some(&lane) = self.home.get(&worker) else { return };
        causes.extend(self.hit.get(&lane));
        causes.extend(self.missed.get(&lane));
        causes.extend(self.striking(|_| true, &[lane]));
    }
}

fn ends(message: &Message) -> [Lane; 2] {
    [message.from.index(), message.to.index()]
}

fn is_of_network(fault: &FaultKind) -> bool {
    band::trouble(fault) == Some(band::Trouble::Network)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use sim::Node;

    use super::super::tell::Teller;
    use super::*;
    use crate::scenario::Scenario;

    fn step(worker: usize, operation: Operation, path: &str, to: &str) -> Event {
        let node = Node::new(worker, &format!("w{worker}"));
        let (path, to, result) = (path.into(), Some(to.into()), Ok(()));
        Event::File(FileEvent { node, operation, path, to, result, bytes: 0, digest: 0, spoiled_by: None })
    }

    #[test]
    fn a_power_loss_that_undid_a_choice_is_a_cause_of_the_next() {
        let (first, second, chosen) = ("mr-job-1/reduce-0-1.tmp", "mr-job-1/reduce-0-2.tmp", "mr-job-1/output-0");
        let lost = |worker, path: &str| Event::UnsyncedLost {
            node: Node::new(worker, &format!("w{worker}")),
            appends: 0,
            names: 1,
            digest: 0,
            lost: Lost::from_iter([path]),
        };
        let events = vec![
            step(1, Operation::HardLink, first, chosen),
            lost(1, chosen),
            lost(2, "mr-job-1/map-0-1.tmp"),
            step(2, Operation::HardLink, second, chosen),
            step(2, Operation::Rename, second, "mr-out-0"),
        ];
        let history: History = events.into_iter().map(|event| (Duration::ZERO, event)).collect();
        let schedule = Scenario::parse(Path::new("a.toml"), "about = \"a\"\npromise = \"b\"").unwrap().draw(1);
        let nodes: Vec<String> = ["coordinator", "w1", "w2"].map(str::to_owned).into();
        let mut teller = Teller::new(&schedule, &nodes);
        let moments: Vec<Moment> = history.iter().map(|(at, event)| teller.tell(*at, event)).collect();
        let causes = Causes::of(&history, &moments, &schedule, &nodes);
        assert_eq!(causes.before("mr-out-0"), [true, true, false, true, true]);
    }
}
