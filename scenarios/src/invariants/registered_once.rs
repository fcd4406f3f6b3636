//! A worker that starts is registered once, however often its registration arrives: a copy that comes late, or is asked again because
//! the answer was lost, makes no second worker that nobody is. (Every request can be carried out twice without harm:
//! `mr-core/src/protocol.rs`.)

use std::collections::BTreeMap;
use std::time::Duration;

use mr_core::coordinator;
use sim::{DiskView, Event};

use super::{Invariant, Verdict, decided};
use crate::notes::WorkerStarts;

/// How many registrations each node may still have.
#[derive(Default)]
pub(super) struct RegisteredOnce {
    due: BTreeMap<String, u32>,
}

impl Invariant for RegisteredOnce {
    fn name(&self) -> &'static str {
        "registered_once"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        let Event::Note { node, note } = event else { return Ok(()) };
        if let (Some(node), Some(WorkerStarts)) = (node, note.get()) {
            *self.due.entry(node.name().to_owned()).or_default() += 1;
        }
        let Some(coordinator::Event::WorkerRegistered { worker, name, .. }) = decided(event) else { return Ok(()) };
        match self.due.get_mut(name) {
            Some(due) if *due > 0 => {
                *due -= 1;
                Ok(())
            }
            _ => Err(format!(
                "{name} was registered once more, as worker {}, although no worker has started there since",
                worker.0
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use sim::{Noted, StillDisk};

    use super::*;
    use crate::invariants::testing::{node, registered, watch};

    fn check(history: Vec<Event>) -> Verdict {
        watch(&mut RegisteredOnce::default(), &StillDisk::default(), history)
    }

    fn starts(worker: &str) -> Event {
        Event::Note { node: Some(node(worker)), note: Noted::new(WorkerStarts) }
    }

    #[test]
    fn a_worker_is_registered_anew_when_it_starts_anew() {
        assert_eq!(check(vec![starts("w1"), registered(1, "w1"), starts("w1"), registered(2, "w1")]), Ok(()));
    }

    #[test]
    fn a_second_registration_of_one_start_is_a_broken_promise() {
        let broken = check(vec![starts("w1"), starts("w2"), registered(1, "w1"), registered(2, "w1")]).unwrap_err();
        assert_eq!(broken, "w1 was registered once more, as worker 2, although no worker has started there since");
    }
}
