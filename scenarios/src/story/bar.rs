//! Attempts as bars: from when to when a worker was at one, and what became of it.

use std::collections::BTreeMap;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::AttemptId;
use serde::Serialize;
use sim::{Event, History, Operation};

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
    /// Another attempt was faster, or nobody wanted it any more.
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
                E::AttemptCommitted { attempt, .. } => end(&mut bars, *attempt, *at, Fate::Committed),
                E::AttemptFailed { attempt, .. } | E::AttemptStranded { attempt, .. } => {
                    end(&mut bars, *attempt, *at, Fate::Failed);
                }
                E::MapOutputLost { map, .. } => become_lost(&mut bars, (*map).into()),
                _ => {}
            }
            continue;
        }
        if moment.kind == Kind::Crashed {
            for bar in bars.iter_mut().filter(|bar| Some(bar.lane) == moment.lane && bar.fate == Fate::Unfinished) {
                (bar.to, bar.fate) = (*at, Fate::Died);
            }
        } else if let (Some(attempt), Some(lane)) = (moment.attempt, moment.lane)
            && !is_sweeping(event)
        {
            // What an attempt does after it was committed, or given up, still shows how long its worker was at it.
            for bar in bars.iter_mut().filter(|bar| bar.attempt == attempt && bar.lane == lane) {
                bar.to = bar.to.max(*at);
            }
        }
    }
    supersede(&mut bars);
    bars
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

/// What came to no end of its own, although another attempt of its task did or was begun, was superseded.
fn supersede(bars: &mut [Bar]) {
    for index in 0..bars.len() {
        let (attempt, fate) = (bars[index].attempt, bars[index].fate);
        let another = bars.iter().any(|bar| {
            bar.attempt.task == attempt.task
                && bar.attempt != attempt
                && (bar.fate == Fate::Committed || bar.attempt > attempt)
        });
        if fate == Fate::Unfinished && another {
            bars[index].fate = Fate::Superseded;
        }
    }
}
