//! Only one attempt of a task counts: a task is committed again only after its output was found bad, and a reduce never.
//! (MapReduce paper, section 3.3: "the master ignores the message" of a second completion.)

use std::collections::BTreeSet;

use mr_core::ids::TaskId;
use sim::Event;

use crate::rehearsal::{Committed, Lost};

/// The tasks that are committed at present.
#[derive(Default)]
pub(super) struct DoneOnce {
    committed: BTreeSet<TaskId>,
}

impl DoneOnce {
    pub(super) fn check(&mut self, event: &Event) -> Result<(), String> {
        let Event::Note { note, .. } = event else { return Ok(()) };
        if let Some(Lost(map)) = note.get() {
            self.committed.remove(&TaskId::Map(map.map));
        }
        match note.get() {
            Some(Committed(attempt)) if !self.committed.insert(attempt.task) => {
                Err(format!("{attempt} was committed although another attempt counts"))
            }
            _ => Ok(()),
        }
    }
}
