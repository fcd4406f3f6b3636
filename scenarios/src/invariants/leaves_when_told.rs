//! A worker that is told to stop leaves soon, and says goodbye first, so that its tasks go to others at once. (`mr_core::worker::run`; who
//! needs a machine for something else should not make a job wait for the task timeout.)
//!
//! It may clear away what is half done, however much that is: soon is counted from the last file that it removed or looked for. What is *not*
//! promised: anything of a node that a fault has struck, of any once the coordinator was, or once the job has ended; and a goodbye from a worker
//! that cannot know yet that it was registered.

use std::collections::BTreeMap;
use std::time::Duration;

use mr_core::coordinator;
use mr_core::ids::WorkerId;
use mr_core::worker::STOP_WITHIN;
use sim::{DiskView, Event, Operation};

use super::idle_workers::IdleWorkers;
use super::struck::Struck;
use super::{Invariant, Verdict, decided};
use crate::notes::{ToldToStop, WorkerLeft};
use crate::schedule::Schedule;

/// Who was told to stop, and whom the coordinator still counts on.
pub(super) struct LeavesWhenTold {
    struck: Struck,
    within: Duration,
    longest_message: Duration,
    /// When each was told, or cleared something away since.
    told: BTreeMap<String, Duration>,
    /// The worker that each node was registered as, and when.
    registered: BTreeMap<String, (WorkerId, Duration)>,
    ended: bool,
}

impl LeavesWhenTold {
    pub(super) fn new(schedule: &Schedule) -> Self {
        Self {
            struck: Struck::new(schedule),
            within: STOP_WITHIN + IdleWorkers::allowance(schedule),
            longest_message: schedule.models.network.latency.max,
            told: BTreeMap::new(),
            registered: BTreeMap::new(),
            ended: false,
        }
    }

    fn decided(&mut self, at: Duration, event: &coordinator::Event) -> Verdict {
        match event {
            coordinator::Event::WorkerRegistered { worker, name, .. } => {
                self.registered.insert(name.clone(), (*worker, at));
            }
            coordinator::Event::WorkerLeft { worker } => self.registered.retain(|_, (known, _)| known != worker),
            coordinator::Event::JobEnded { .. } => {
                self.ended = true;
                return self.told.iter().try_for_each(|(node, told)| self.in_time(at, node, *told));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether `node`, which leaves at `at` or is still there, has not had long enough for it.
    fn in_time(&self, at: Duration, node: &str, told: Duration) -> Verdict {
        let took = at.saturating_sub(told);
        if took <= self.within || self.struck.has(node) {
            return Ok(());
        }
        Err(format!("{node} was told to stop and was still there {:.3} s later", took.as_secs_f64()))
    }

    fn left(&self, at: Duration, node: &str, told: Duration) -> Verdict {
        if self.ended || self.struck.has(node) {
            return Ok(());
        }
        self.in_time(at, node, told)?;
        match self.registered.get(node) {
            Some((worker, since)) if *since + self.longest_message < told => Err(format!(
                "{node} was told to stop and left, but the coordinator still counts on worker {}",
                worker.0
            )),
            _ => Ok(()),
        }
    }
}

impl Invariant for LeavesWhenTold {
    fn name(&self) -> &'static str {
        "leaves_when_told"
    }

    fn watches(&self) -> &'static [Operation] {
        &[Operation::ReadDir, Operation::RemoveFile, Operation::RemoveDir]
    }

    fn check(&mut self, at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        self.struck.see(event);
        match event {
            Event::File(step) => {
                if let Some(told) = self.told.get_mut(step.node.name()) {
                    *told = at;
                }
            }
            Event::Note { node: Some(node), note } if note.get::<ToldToStop>().is_some() => {
                self.told.insert(node.name().to_owned(), at);
            }
            Event::Note { node: Some(node), note } if note.get::<WorkerLeft>().is_some() => {
                if let Some(told) = self.told.remove(node.name()) {
                    return self.left(at, node.name(), told);
                }
            }
            _ => {}
        }
        decided(event).map_or(Ok(()), |event| self.decided(at, event))
    }
}

#[cfg(test)]
mod tests {
    use sim::{Fault, FaultKind, Noted, StillDisk, Trigger};

    use super::*;
    use crate::invariants::testing::{happened, node, registered, schedule, step, succeeded};

    fn note_of(worker: &str, note: Noted) -> Event {
        Event::Note { node: Some(node(worker)), note }
    }

    fn told() -> Event {
        note_of("w1", Noted::new(ToldToStop))
    }

    fn goodbye() -> Event {
        happened(0, coordinator::Event::WorkerLeft { worker: WorkerId(1) })
    }

    fn left() -> Event {
        note_of("w1", Noted::new(WorkerLeft(Err("told to stop".into()))))
    }

    /// A history that begins with the registration of w1, in a schedule whose fault 0 hits w2 and whose fault 1 hits w1; each event so
    /// many milliseconds after the start.
    fn check(history: Vec<(u64, Event)>) -> Verdict {
        let mut schedule = schedule();
        schedule.faults = ["w2", "w1"]
            .map(|node| FaultKind::Pause { node: node.into(), duration: Duration::ZERO })
            .map(|what| Fault { when: Trigger::At(Duration::ZERO), what })
            .to_vec();
        let mut invariant = LeavesWhenTold::new(&schedule);
        let history = [vec![(0, registered(1, "w1"))], history].concat();
        history.iter().try_for_each(|(millis, event)| {
            invariant.check(Duration::from_millis(*millis), event, &StillDisk::default().view())
        })
    }

    #[test]
    fn who_is_told_to_stop_says_goodbye_and_leaves() {
        assert_eq!(check(vec![(1000, told()), (1010, goodbye()), (1011, left())]), Ok(()));
        let silent = check(vec![(1000, told()), (1011, left())]).unwrap_err();
        assert_eq!(silent, "w1 was told to stop and left, but the coordinator still counts on worker 1");
        let late = check(vec![(1000, told()), (1010, goodbye()), (2500, left())]).unwrap_err();
        assert_eq!(late, "w1 was told to stop and was still there 1.500 s later");
        assert_eq!(check(vec![(1000, told()), (2500, succeeded())]), Err(late), "it never left");
    }

    #[test]
    fn clearing_away_may_take_its_time() {
        let removed = || step("w1", Operation::RemoveFile, "mr-job-1/map-0-1.tmp", None);
        let cleared = vec![(1000, told()), (1400, removed()), (1800, removed()), (1810, goodbye()), (1811, left())];
        assert_eq!(check(cleared), Ok(()));
    }

    #[test]
    fn nothing_is_promised_of_who_was_struck_nor_of_a_goodbye_that_nobody_needs() {
        let strikes = |fault| (500, Event::FaultStruck { fault, kind: "pause" });
        assert!(check(vec![strikes(0), (1000, told()), (9000, left())]).is_err(), "it hit somebody else");
        assert_eq!(check(vec![strikes(1), (1000, told()), (9000, left())]), Ok(()));
        assert_eq!(check(vec![(1000, told()), (1005, succeeded()), (9000, left())]), Ok(()));
        assert_eq!(check(vec![(0, told()), (1, left())]), Ok(()), "it has not heard yet that it was registered");
    }
}
