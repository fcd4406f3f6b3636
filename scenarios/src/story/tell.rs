//! From events to moments: who did what, to which attempt.

use std::collections::BTreeMap;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::{Attempt, AttemptId, MapIndex, Partition, TaskId, WorkerId};
use sim::{Event, FileEvent, LogLine, Loss, Message, Operation, Part};

use super::messages::{ended, said};
use super::moment::{Kind, Lane, Moment, short};
use crate::evidence::map_of;
use crate::notes::{CoordinatorLeft, Counted, Happened, ToldToStop, WorkerLeft, WorkerStarts};
use crate::places::in_job;
use crate::schedule::Schedule;

/// Tells events one after the other.
pub(super) struct Teller<'a> {
    schedule: &'a Schedule,
    nodes: &'a [String],
    /// On which node each worker lives.
    pub(super) workers: BTreeMap<WorkerId, String>,
    /// What was asked in each call, to know what an answer is about.
    asked: BTreeMap<u64, Option<AttemptId>>,
    /// The reduce that made a file of its own last, on each lane: it is the one that reads map outputs there.
    reducing: BTreeMap<Lane, AttemptId>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(schedule: &'a Schedule, nodes: &'a [String]) -> Self {
        Self { schedule, nodes, workers: BTreeMap::new(), asked: BTreeMap::new(), reducing: BTreeMap::new() }
    }

    /// The node of a worker.
    fn home(&self, worker: WorkerId) -> String {
        self.workers.get(&worker).cloned().unwrap_or_else(|| format!("worker {}", worker.0))
    }

    /// A line of the log, once all events are told. It knows a worker by its number, `w1` for the first that registered, which looks like the
    /// name of a node and often is not that of its own.
    pub(super) fn tell_log(&self, line: &LogLine) -> LogLine {
        const FIELD: &str = " worker=w";
        let named = || {
            let (before, rest) = line.text.split_once(FIELD)?;
            let (number, behind) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
            let home = self.workers.get(&WorkerId(number.parse().ok()?))?;
            Some(format!("{before} worker={home}{behind}"))
        };
        LogLine { text: named().unwrap_or_else(|| line.text.clone()), ..line.clone() }
    }

    pub(super) fn tell(&mut self, at: Duration, event: &Event) -> Moment {
        let plain = |node: &sim::Node, kind, words: &str| Moment {
            at,
            lane: Some(node.index()),
            peer: None,
            kind,
            words: words.to_owned(),
            attempt: None,
            path: None,
            failed: None,
            routine: false,
        };
        match event {
            Event::NodeStarted { node, starts: 1 } => plain(node, Kind::Started, "starts"),
            Event::NodeStarted { node, .. } => plain(node, Kind::Started, "starts again, with an empty memory"),
            Event::NodeCrashed { node } => plain(node, Kind::Crashed, "crashes"),
            Event::NodeFinished { node } => plain(node, Kind::Returned, "returns"),
            Event::NodePaused { node } => plain(node, Kind::Paused, "stands still"),
            Event::NodeResumed { node } => plain(node, Kind::Resumed, "goes on"),
            Event::UnsyncedLost { node, appends, names, lost, .. } => {
                let which = lost.to_string();
                let which = if which.is_empty() { which } else { format!(" ({which})") };
                let words = format!("unsynced and gone: {appends} appends, {names} changes of names{which}");
                plain(node, Kind::Undone, &words)
            }
            Event::FaultStruck { fault, kind } => self.fault(at, *fault, kind, Kind::Fault),
            Event::FaultHealed { fault, kind } => self.fault(at, *fault, kind, Kind::Healed),
            Event::MessageSent(message) => self.message(at, message, Kind::Sent, ""),
            Event::MessageDelivered(message) => self.message(at, message, Kind::Received, ""),
            Event::MessageDuplicated(message) => self.message(at, message, Kind::Doubled, "will arrive twice: "),
            Event::MessageLost(message, why @ (Loss::NobodyListens | Loss::Unwanted)) => {
                self.message(at, message, Kind::Unheard, &format!("in vain, {why}: "))
            }
            Event::MessageLost(message, why @ (Loss::Partitioned | Loss::Dropped | Loss::PowerOff)) => {
                self.message(at, message, Kind::Vanished, &format!("lost, {why}: "))
            }
            Event::CalledNobody { node, address, .. } => {
                plain(node, Kind::Said, &format!("calls {address}, which is no node"))
            }
            Event::File(step) => Moment { attempt: self.whose(step), ..file_step(at, step) },
            Event::Note { node, note } => {
                let lane = node.as_ref().map(sim::Node::index);
                let (kind, words, attempt) = match decided(note) {
                    Some(event) => self.decided(event),
                    None => (Kind::Said, said_by_program(note), None),
                };
                let routine = matches!(decided(note), Some(coordinator::Event::AttemptProgressed { .. }));
                Moment { at, lane, peer: None, kind, words, attempt, path: None, failed: None, routine }
            }
        }
    }

    fn fault(&self, at: Duration, fault: usize, name: &str, kind: Kind) -> Moment {
        let planned = self.schedule.faults.get(fault);
        let node = planned.and_then(|fault| fault.what.node());
        let lane: Option<Lane> = node.and_then(|name| self.nodes.iter().position(|node| node == name));
        let words = match (kind, planned) {
            (Kind::Healed, _) | (_, None) => format!("fault {fault} is over: {name}"),
            (_, Some(planned)) => format!("fault {fault}: {}", planned.what),
        };
        Moment { at, lane, peer: None, kind, words, attempt: None, path: None, failed: None, routine: false }
    }

    /// The attempt that a step on files is part of. Reading a map output is the doing of the reduce that reads it; where two reduces run
    /// on one node at once, of the one that began last.
    fn whose(&mut self, step: &FileEvent) -> Option<AttemptId> {
        let lane = step.node.index();
        let owner = attempt_of(&step.path).or_else(|| attempt_of(step.to.as_ref()?))?;
        if step.operation == Operation::Create && matches!(owner.task, TaskId::Reduce(_)) {
            self.reducing.insert(lane, owner);
        }
        let reads = matches!(step.operation, Operation::Open | Operation::Read | Operation::Metadata);
        let reader = self.reducing.get(&lane).filter(|_| reads && map_of(&step.path).is_some());
        Some(reader.copied().unwrap_or(owner))
    }

    fn message(&mut self, at: Duration, message: &Message, kind: Kind, before: &str) -> Moment {
        let said = said(message);
        let attempt = match message.part {
            Part::Request => {
                self.asked.insert(message.call, said.attempt);
                said.attempt
            }
            Part::Reply | Part::Refusal => said.attempt.or_else(|| self.asked.get(&message.call).copied().flatten()),
        };
        let (from, to) = (message.from.index(), message.to.index());
        let (lane, peer) = if matches!(kind, Kind::Received | Kind::Unheard) { (to, from) } else { (from, to) };
        let words = format!("{before}{} to {}: {}", message.from, message.to, said.words);
        let routine = said.routine && matches!(kind, Kind::Sent | Kind::Received | Kind::Unheard);
        Moment { at, lane: Some(lane), peer: Some(peer), kind, words, attempt, path: None, failed: None, routine }
    }

    fn decided(&mut self, event: &coordinator::Event) -> (Kind, String, Option<AttemptId>) {
        use coordinator::Event as E;
        match event {
            E::AppAdopted { app } => (Kind::Said, format!("runs the app {}", app.name), None),
            E::AppForgotten => (Kind::Said, "forgets the app, which was never run".to_owned(), None),
            E::WorkerRegistered { worker, name, .. } => {
                self.workers.insert(*worker, name.clone());
                (Kind::Said, format!("{name} is worker {}", worker.0), None)
            }
            E::WorkerHeard { worker } => (Kind::Said, format!("{} was heard", self.home(*worker)), None),
            E::WorkerLost { worker } => (Kind::WorkerLost, format!("has lost {}", self.home(*worker)), None),
            E::WorkerLeft { worker } => (Kind::Said, format!("{} has left", self.home(*worker)), None),
            E::AttemptAssigned { attempt, worker, backup, .. } => {
                let backup = if *backup { ", as a backup" } else { "" };
                let words = format!("gives {} to {}{backup}", short(*attempt), self.home(*worker));
                (Kind::Assigned, words, Some(*attempt))
            }
            E::AttemptProgressed { attempt, ticks } => {
                (Kind::Said, format!("{} has come to {ticks}", short(*attempt)), Some(*attempt))
            }
            E::CommitGranted { attempt } => (Kind::Granted, format!("lets {} commit", short(*attempt)), Some(*attempt)),
            E::AttemptCommitted { attempt, worker, .. } => {
                let words = format!("{} of {} counts", short(*attempt), self.home(*worker));
                (Kind::Committed, words, Some(*attempt))
            }
            E::AttemptFailed { attempt, reason, .. } => {
                (Kind::Failed, format!("{} has failed: {reason}", short(*attempt)), Some(*attempt))
            }
            E::AttemptStranded { attempt, map, reason, .. } => {
                let words = format!("{} is stranded by {}: {reason}", short(*attempt), short((*map).into()));
                (Kind::Failed, words, Some(*attempt))
            }
            E::MapOutputLost { map, reporter, reason, .. } => {
                let attempt = AttemptId::from(*map);
                let reporter = self.home(*reporter);
                (
                    Kind::Failed,
                    format!("the output of {} is lost, says {reporter}: {reason}", short(attempt)),
                    Some(attempt),
                )
            }
            E::ReportIgnored { attempt, worker } => {
                let words = format!("ignores what {} reports of {}", self.home(*worker), short(*attempt));
                (Kind::Said, words, Some(*attempt))
            }
            E::JobEnded { ending } => (Kind::Ended, ended(ending), None),
        }
    }
}

/// What the coordinator decided, if that is what `note` tells.
fn decided(note: &sim::Noted) -> Option<&coordinator::Event> {
    note.get::<Happened>().map(|happened| &happened.event)
}

fn said_by_program(note: &sim::Noted) -> String {
    if let Some(Counted(counters)) = note.get() {
        return format!(
            "has counted {} map and {} reduce records",
            counters.map_output_records, counters.reduce_input_records
        );
    }
    if let Some(CoordinatorLeft(ending)) = note.get() {
        return format!("the coordinator is done: {}", ended(ending));
    }
    if note.get::<WorkerStarts>().is_some() {
        return "a worker begins".into();
    }
    if note.get::<ToldToStop>().is_some() {
        return "the worker is told to stop".into();
    }
    match note.get() {
        Some(WorkerLeft(Ok(ending))) => format!("the worker is done: {}", ended(ending)),
        Some(WorkerLeft(Err(error))) => format!("the worker gives up: {error}"),
        None => format!("{note:?}"),
    }
}

fn file_step(at: Duration, step: &FileEvent) -> Moment {
    let kind = match step.operation {
        _ if step.result.is_err() && !is_harmless(step) || step.spoiled_by.is_some() => Kind::FileFailed,
        Operation::Open | Operation::Read | Operation::Metadata | Operation::ReadDir => Kind::Read,
        Operation::Create | Operation::Append => Kind::Written,
        Operation::Sync | Operation::SyncDir => Kind::Synced,
        _ => Kind::Named,
    };
    let mut words = format!("{} {}", step.operation, shortened(&step.path));
    if let Some(to) = &step.to {
        words.push_str(&format!(" to {}", shortened(to)));
    }
    if step.bytes > 0 {
        words.push_str(&format!(", {} B", step.bytes));
    }
    if let Err(error) = step.result {
        words.push_str(&format!(": {error}"));
    }
    match (step.spoiled_by, step.result) {
        (None, _) => {}
        (Some(fault), Ok(())) => words.push_str(&format!(", a bit of it wrong by fault {fault}")),
        (Some(fault), Err(_)) => words.push_str(&format!(", by fault {fault}")),
    }
    let target = step.to.as_ref().unwrap_or(&step.path);
    Moment {
        at,
        lane: Some(step.node.index()),
        peer: None,
        kind,
        words,
        attempt: None,
        path: Some(target.to_string()),
        failed: step.result.err(),
        routine: false,
    }
}

/// What several workers do at once, and only one of them must succeed in.
fn is_harmless(step: &FileEvent) -> bool {
    use std::io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotFound};
    matches!(step.result, Err(AlreadyExists | NotFound | DirectoryNotEmpty))
}

/// A path without the job's directory, which is the same all the time.
pub(super) fn shortened(path: &str) -> &str {
    in_job(path).map_or(path, |(_, name)| name)
}

/// Whose file it is: the attempt that the name of one in a job's directory carries.
pub(crate) fn attempt_of(path: &str) -> Option<AttemptId> {
    let name = shortened(path);
    let name = name.split_once('.').map_or(name, |(name, _)| name);
    let (task, numbers) = name.split_once('-')?;
    let (task_number, attempt) = numbers.split_once('-')?;
    let number = task_number.parse().ok()?;
    let task = match task {
        "map" => TaskId::Map(MapIndex(number)),
        "reduce" => TaskId::Reduce(Partition(number)),
        _ => return None,
    };
    Some(AttemptId { task, attempt: Attempt(attempt.parse().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_tells_whose_it_is() {
        let told = |path| attempt_of(path).map(short);
        assert_eq!(told("mr-job-00ff/map-3-2.tmp"), Some("map 3.2".into()));
        assert_eq!(told("mr-job-00ff/map-3-2.spill-0"), Some("map 3.2".into()));
        assert_eq!(told("mr-job-00ff/reduce-5-1.link"), Some("reduce 5.1".into()));
        assert_eq!(told("mr-job-00ff/output-5"), None);
        assert_eq!(told("mr-out-5"), None);
        assert_eq!(told("input-0"), None);
    }
}
