//! Attempts as bars: from when to when a worker was at one, and what became of it.
//!
//! A worker that computes for long takes no step on files and has nothing to say but its heartbeats; these name what it runs, and so they
//! show that it is still at it. What became of an attempt is for the coordinator to decide: that another one was begun beside it means only that
//! nobody wanted to wait.

use std::collections::BTreeMap;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::AttemptId;
use serde::Serialize;
use sim::{Event, History, Operation};

use super::messages::running;
use super::moment::{Kind, Lane, Moment};
use crate::notes::Happened;

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is the one that counts.
    Committed,
    /// It failed, or could not go on; or its output was lost later.
    Failed,
    /// Its worker died at it.
    Died,
    /// The coordinator has decided that another attempt counts.
    Superseded,
    /// The run ended before anything became of it.
    Unfinished,
}

/// An attempt on a worker's lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The attempt.
    pub attempt: AttemptId,
    /// Whose lane.
    pub lane: Lane,
    /// When it was given out.
    pub from: Duration,
    /// When the last was heard or seen of it.
    pub to: Duration,
    /// What became of it.
    pub fate: Fate,
}

/// The bars of a run. `lanes` tells on which lane a worker's name lives.
pub(super) fn bars(history: &History, moments: &[Moment], lane_of: impl Fn(&str) -> Option<Lane>) -> Vec<Bar> {
    let mut workers = BTreeMap::new();
    let mut bars: Vec<Bar> = Vec::new();
    for ((at, event), moment) in history.iter().zip(moments) {
        if let Event::Note { note, .. } = event
            && let Some(Happened { event, .. }) = note.get()
        {
            use coordinator::Event as E;
            match event {
                E::WorkerRegistered { worker, name, .. } => {
                    workers.insert(*worker, lane_of(name));
                }
                E::AttemptAssigned { attempt, worker, .. } => {
                    if let Some(lane) = workers.get(worker).copied().flatten() {
                        bars.push(Bar { attempt: *attempt, lane, from: *at, to: *at, fate: Fate::Unfinished });
                    }
                }
                E::AttemptCommitted { attempt, .. } => {
                    end(&mut bars, *attempt, *at, Fate::Committed);
                    supersede(&mut bars, *attempt);
                }
                E::AttemptFailed { attempt, .. } | E::AttemptStranded { attempt, .. } => {
                    end(&mut bars, *attempt, *at, Fate::Failed);
                }
                E::MapOutputLost { map, .. } => become_lost(&mut bars, (*map).into()),
                _ => {}
            }
            continue;
        }
        if let (Event::MessageSent(message), Some(lane)) = (event, moment.lane) {
            running(message).into_iter().for_each(|attempt| go_on(&mut bars, attempt, lane, *at));
        }
        if moment.kind == Kind::Crashed {
            for bar in bars.iter_mut().filter(|bar| Some(bar.lane) == moment.lane && bar.fate == Fate::Unfinished) {
                (bar.to, bar.fate) = (*at, Fate::Died);
            }
        } else if let (Some(attempt), Some(lane)) = (moment.attempt, moment.lane)
            && !is_sweeping(event)
        {
            // What an attempt does after it was committed, or given up, still shows how long its worker was at it.
            go_on(&mut bars, attempt, lane, *at);
        }
    }
    bars
}

/// A worker is still at an attempt.
fn go_on(bars: &mut [Bar], attempt: AttemptId, lane: Lane, at: Duration) {
    for bar in bars.iter_mut().filter(|bar| bar.attempt == attempt && bar.lane == lane) {
        bar.to = bar.to.max(at);
    }
}

/// Whether a worker reads or removes the file of an attempt: that is not the attempt's work.
fn is_sweeping(event: &Event) -> bool {
    let is_file = |step: &sim::FileEvent| {
        matches!(step.operation, Operation::RemoveFile | Operation::Open | Operation::Read | Operation::Metadata)
    };
    matches!(event, Event::File(step) if is_file(step))
}

fn end(bars: &mut [Bar], attempt: AttemptId, at: Duration, fate: Fate) {
    for bar in bars.iter_mut().filter(|bar| bar.attempt == attempt) {
        (bar.to, bar.fate) = (bar.to.max(at), fate);
    }
}

/// A map whose output is lost counted once, and does not any more. Its worker was at it no longer than before.
fn become_lost(bars: &mut [Bar], attempt: AttemptId) {
    bars.iter_mut().filter(|bar| bar.attempt == attempt).for_each(|bar| bar.fate = Fate::Failed);
}

/// `counts` is the one that counts, and so no other of its task will.
fn supersede(bars: &mut [Bar], counts: AttemptId) {
    let others = |bar: &&mut Bar| bar.attempt.task == counts.task && bar.attempt != counts;
    for bar in bars.iter_mut().filter(others).filter(|bar| bar.fate == Fate::Unfinished) {
        bar.fate = Fate::Superseded;
    }
}

#[cfg(test)]
mod tests {
    use mr_core::counters::Counters;
    use mr_core::ids::{Attempt, MapIndex, TaskId, WorkerId};
    use sim::{Node, Noted};
    use world::Timestamp;

    use super::super::tell::Teller;
    use super::*;
    use crate::scenario::Scenario;

    /// From when to when, and its fate, of each attempt in a history of what the coordinator decided in so many seconds.
    fn told(decided: Vec<(u64, coordinator::Event)>) -> Vec<(u32, u64, u64, Fate)> {
        let nodes: Vec<String> = ["coordinator", "w1", "w2"].map(str::to_owned).into();
        let note = |(at, event)| {
            let happened = Happened { at: Timestamp::from_origin(Duration::from_secs(at)), event };
            let node = Some(Node::new(0, "coordinator"));
            (Duration::from_secs(at), Event::Note { node, note: Noted::new(happened) })
        };
        let history: History = decided.into_iter().map(note).collect();
        let text = "about = \"a\"\npromise = \"b\"";
        let schedule = Scenario::parse(std::path::Path::new("a.toml"), text).unwrap().draw(1);
        let mut teller = Teller::new(&schedule, &nodes);
        let moments: Vec<Moment> = history.iter().map(|(at, event)| teller.tell(*at, event)).collect();
        let lane_of = |name: &str| nodes.iter().position(|node| node == name);
        let told = |bar: &Bar| (bar.attempt.attempt.0, bar.from.as_secs(), bar.to.as_secs(), bar.fate);
        bars(&history, &moments, lane_of).iter().map(told).collect()
    }

    fn map(attempt: u32) -> AttemptId {
        AttemptId { task: TaskId::Map(MapIndex(0)), attempt: Attempt(attempt) }
    }

    #[test]
    fn an_attempt_is_superseded_when_another_counts_and_not_when_another_is_begun() {
        use coordinator::Event as E;
        let registered =
            |number: u32| E::WorkerRegistered { worker: WorkerId(number), nonce: 1, name: format!("w{number}") };
        let given =
            |number| E::AttemptAssigned { attempt: map(number), worker: WorkerId(number), question: 1, backup: false };
        let counts = |number| E::AttemptCommitted {
            attempt: map(number),
            worker: WorkerId(number),
            counters: Counters::default(),
        };
        let begun = vec![(0, registered(1)), (0, registered(2)), (1, given(1)), (3, given(2))];
        assert_eq!(told(begun.clone()), [(1, 1, 1, Fate::Unfinished), (2, 3, 3, Fate::Unfinished)]);
        let second = [begun.clone(), vec![(5, counts(2))]].concat();
        assert_eq!(told(second), [(1, 1, 1, Fate::Superseded), (2, 3, 5, Fate::Committed)]);
        let first = [begun, vec![(5, counts(1))]].concat();
        assert_eq!(told(first), [(1, 1, 5, Fate::Committed), (2, 3, 3, Fate::Superseded)]);
    }
}
