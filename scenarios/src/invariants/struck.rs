//! Whom faults have struck. Of a node that was struck some promises say nothing any more, and of nobody once the coordinator was, or whoever
//! may be hit by what hits everybody.

use std::collections::BTreeSet;

use sim::{Event, Fault};

use crate::rehearsal::COORDINATOR;
use crate::schedule::Schedule;

/// Whom the faults of a plan have struck so far.
pub(super) struct Struck {
    faults: Vec<Fault>,
    nodes: BTreeSet<String>,
    everybody: bool,
}

impl Struck {
    /// Nobody yet.
    pub(super) fn new(schedule: &Schedule) -> Self {
        Self { faults: schedule.faults.clone(), nodes: BTreeSet::new(), everybody: false }
    }

    /// A fault strikes, if that is what `event` is.
    pub(super) fn see(&mut self, event: &Event) {
        let Event::FaultStruck { fault, .. } = event else { return };
        let Some(fault) = self.faults.get(*fault) else { return };
        let mut nodes = fault.what.nodes().peekable();
        self.everybody |= nodes.peek().is_none();
        for node in nodes {
            self.everybody |= node == COORDINATOR;
            self.nodes.insert(node.to_owned());
        }
    }

    /// Whether `node` is among them.
    pub(super) fn has(&self, node: &str) -> bool {
        self.everybody || self.nodes.contains(node)
    }
}
