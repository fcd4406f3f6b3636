//! Whether anybody is left to finish a job, and if not, whether the plan has seen to that.
//!
//! A job whose workers have all gone cannot end, whatever the code does. A plan can bring that about: by crashes for good, by telling workers to
//! stop, or by keeping the coordinator from them for longer than they look for it, so that they rightly give up. Then nothing is promised.
//!
//! That must excuse no worker that leaves on its own. So one that gives up is excused only if it has had no answer since the plan began to
//! keep it from the coordinator, and if the plan did so for as long as the worker was told to try, but for the time that a call takes to be
//! given up and that its clock may be off. Nor does it excuse a coordinator that stays although the job has ended.

use std::fmt::Write;
use std::time::Duration;

use mr_core::coordinator;
use sim::{Event, FaultKind, Finished, Node, Part, Report};

use super::decided;
use crate::notes::{ToldToStop, WorkerLeft};
use crate::rehearsal::{COORDINATOR, RETRY_FOR};
use crate::schedule::Schedule;

/// How much shorter than [`RETRY_FOR`] the plan may have kept a worker that gives up from the coordinator.
const CLOCKS_AND_CALLS: Duration = Duration::from_secs(10);

/// Who has gone, and why.
pub(crate) struct NobodyLeft {
    /// For each fault, the workers that it keeps from the coordinator, by their places in the cluster.
    cuts: Vec<Vec<usize>>,
    workers: Vec<Worker>,
    job_ended: bool,
}

/// What is known of one worker.
#[derive(Debug, Clone, Default)]
struct Worker {
    /// How many faults keep it from the coordinator just now, since when at least one has, and for how long some had before.
    cutting: u32,
    since: Duration,
    before: Duration,
    /// For how long it had been cut off in all when it last had an answer, or started.
    heard: Duration,
    told_to_stop: bool,
    gone: Option<Gone>,
}

/// A worker that gave up.
#[derive(Debug, Clone)]
struct Gone {
    at: Duration,
    words: String,
    /// Whether that was the plan's doing.
    excused: bool,
}

impl NobodyLeft {
    /// Of a run of `schedule`, in which nothing has happened yet.
    pub(super) fn new(schedule: &Schedule) -> Self {
        let names: Vec<String> = schedule.cluster.worker_names().collect();
        let cut = |what: &FaultKind| {
            let hit = names.iter().enumerate().filter(|(_, name)| keeps_apart(what, name));
            hit.map(|(worker, _)| worker).collect()
        };
        let cuts = schedule.faults.iter().map(|fault| cut(&fault.what)).collect();
        Self { cuts, workers: vec![Worker::default(); names.len()], job_ended: false }
    }

    /// Looks at one event, which may be a message.
    pub(super) fn see(&mut self, at: Duration, event: &Event) {
        match event {
            Event::MessageDelivered(message) if message.part == Part::Reply => self.hears(&message.to, at),
            Event::NodeStarted { node, .. } => self.starts(node, at),
            Event::FaultStruck { fault, .. } => self.fault(*fault, at, Worker::cut),
            Event::FaultHealed { fault, .. } => self.fault(*fault, at, Worker::reach),
            Event::NodePaused { node } if node.name() == COORDINATOR => {
                self.workers.iter_mut().for_each(|worker| worker.cut(at));
            }
            Event::NodeResumed { node } if node.name() == COORDINATOR => {
                self.workers.iter_mut().for_each(|worker| worker.reach(at));
            }
            Event::Note { node: Some(node), note } => {
                if let Some(coordinator::Event::JobEnded { .. }) = decided(event) {
                    self.job_ended = true;
                }
                let Some(worker) = self.worker(node) else { return };
                worker.told_to_stop |= note.get::<ToldToStop>().is_some();
                if let Some(WorkerLeft(result)) = note.get() {
                    worker.leaves(at, result.as_ref().err());
                }
            }
            _ => {}
        }
    }

    fn worker(&mut self, node: &Node) -> Option<&mut Worker> {
        // The coordinator is the first of the nodes.
        self.workers.get_mut(node.index().checked_sub(1)?)
    }

    fn starts(&mut self, node: &Node, at: Duration) {
        self.hears(node, at);
        if let Some(worker) = self.worker(node) {
            (worker.told_to_stop, worker.gone) = (false, None);
        }
    }

    fn hears(&mut self, node: &Node, at: Duration) {
        let Some(worker) = self.worker(node) else { return };
        worker.heard = worker.cut_off_for(at);
    }

    fn fault(&mut self, fault: usize, at: Duration, change: fn(&mut Worker, Duration)) {
        for &worker in self.cuts.get(fault).into_iter().flatten() {
            change(&mut self.workers[worker], at);
        }
    }

    /// Why nobody is left, if time was up for a coordinator without workers.
    pub(super) fn why(&self, report: &Report) -> Option<String> {
        let Finished::TimeLimit { unfinished } = &report.finished else { return None };
        if unfinished.iter().any(|node| node.name() != COORDINATOR) {
            return None;
        }
        let mut words = "nobody was left".to_owned();
        for (place, (node, gone)) in self.gone(report).enumerate() {
            let _ = write!(words, "{} {node} ", if place == 0 { ":" } else { "," });
            let _ = match gone {
                None if report.dead.contains(node) => write!(words, "had crashed"),
                None => write!(words, "had left in peace"),
                Some(Gone { at, words: why, .. }) => write!(words, "gave up at {:.3} s ({why})", at.as_secs_f64()),
            };
        }
        Some(words)
    }

    /// Whether that was the plan's doing, for each of them.
    pub(super) fn is_excused(&self, report: &Report) -> bool {
        let by_plan = |node: &Node, gone: Option<&Gone>| match gone {
            None => report.dead.contains(node),
            Some(gone) => gone.excused,
        };
        !self.job_ended && self.gone(report).all(|(node, gone)| by_plan(node, gone))
    }

    /// The workers that are not there any more, and how they left, if they did not crash.
    fn gone<'a>(&'a self, report: &'a Report) -> impl Iterator<Item = (&'a Node, Option<&'a Gone>)> {
        let workers = report.nodes.iter().filter(|node| node.name() != COORDINATOR);
        workers.zip(&self.workers).map(|(node, worker)| {
            let dead = report.dead.contains(node);
            (node, worker.gone.as_ref().filter(|_| !dead))
        })
    }
}

impl Worker {
    fn cut(&mut self, at: Duration) {
        if self.cutting == 0 {
            self.since = at;
        }
        self.cutting += 1;
    }

    fn reach(&mut self, at: Duration) {
        self.before = self.cut_off_for(at);
        self.since = at;
        self.cutting = self.cutting.saturating_sub(1);
    }

    /// For how long it has been kept from the coordinator, in all.
    fn cut_off_for(&self, at: Duration) -> Duration {
        let now = if self.cutting > 0 { at.saturating_sub(self.since) } else { Duration::ZERO };
        self.before + now
    }

    fn leaves(&mut self, at: Duration, error: Option<&String>) {
        let cut_off = self.cut_off_for(at).saturating_sub(self.heard);
        let excused = self.told_to_stop || cut_off + CLOCKS_AND_CALLS >= RETRY_FOR;
        self.gone = error.map(|words| Gone { at, words: words.clone(), excused });
    }
}

/// Whether a fault may keep answers of the coordinator from `worker`.
fn keeps_apart(what: &FaultKind, worker: &str) -> bool {
    let (FaultKind::Partition { from, to, .. }
    | FaultKind::Lossy { from, to, .. }
    | FaultKind::Delaying { from, to, .. }) = what
    else {
        return false;
    };
    let has = |nodes: &[String], node: &str| nodes.is_empty() || nodes.iter().any(|name| name == node);
    let way = |one: &str, other: &str| has(from, one) && has(to, other);
    way(worker, COORDINATOR) || way(COORDINATOR, worker)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use sim::{Noted, Recording};

    use super::*;
    use crate::invariants::testing::{node, succeeded};
    use crate::rehearsal::rehearse;
    use crate::scenario::Scenario;

    const CUT_OFF: &str = r#"
[[faults]]
when = { at = "1ms" }
what = { partition = { from = ["coordinator"], to = ["everybody"], both_ways = 0.0, duration = "80s" } }
"#;

    fn schedule(faults: &str) -> Schedule {
        let text = format!("about = \"a\"\npromise = \"b\"\n[cluster]\nworkers = 2\n{faults}");
        Scenario::parse(Path::new("a.toml"), &text).unwrap().draw(1)
    }

    /// Why nobody was left, in a run that breaks no promise.
    fn nobody_left(faults: &str) -> Option<String> {
        let rehearsal = rehearse(&schedule(faults), Recording::Nothing);
        assert_eq!(rehearsal.broken, None, "{faults}");
        rehearsal.nobody_left
    }

    #[test]
    fn a_plan_that_leaves_nobody_breaks_no_promise() {
        let crash = "[[faults]]\nwhen = { at = \"1ms\" }\nwhat = { crash = { node = \"every worker\" } }";
        assert_eq!(nobody_left(crash).unwrap(), "nobody was left: w1 had crashed, w2 had crashed");
        let pause =
            "[[faults]]\nwhen = { at = \"1ms\" }\nwhat = { pause = { node = \"coordinator\", duration = \"90s\" } }";
        for faults in [CUT_OFF, pause] {
            let why = nobody_left(faults).unwrap();
            assert!(why.contains("w1 gave up at 6") && why.contains("w2 gave up at 6"), "{why}");
        }
    }

    #[test]
    fn a_plan_that_leaves_somebody_has_its_job_finished() {
        assert_eq!(nobody_left("[[faults]]\nwhen = { at = \"1ms\" }\nwhat = { crash = { node = \"w1\" } }"), None);
        assert_eq!(nobody_left(&CUT_OFF.replace("80s", "30s")), None);
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What is said, and whether it is excused, when time was up for the coordinator after `history`, in which it was cut off or not.
    fn judged(history: &[(u64, Event)], dead: &[&str]) -> (String, bool) {
        let mut watcher = NobodyLeft::new(&schedule(CUT_OFF));
        history.iter().for_each(|(at, event)| watcher.see(seconds(*at), event));
        let report = Report {
            finished: Finished::TimeLimit { unfinished: vec![node("coordinator")] },
            virtual_time: seconds(200),
            healed_at: seconds(81),
            events: 0,
            history_hash: 0,
            faults_by_kind: BTreeMap::new(),
            marks: BTreeMap::new(),
            nodes: ["coordinator", "w1", "w2"].map(node).to_vec(),
            dead: dead.iter().map(|name| node(name)).collect(),
            history: None,
            log: Vec::new(),
        };
        (watcher.why(&report).unwrap(), watcher.is_excused(&report))
    }

    fn gives_up(name: &str) -> Event {
        let note = Noted::new(WorkerLeft(Err("no answer".into())));
        Event::Note { node: Some(node(name)), note }
    }

    #[test]
    fn who_gives_up_sooner_than_it_was_told_to_is_not_excused() {
        let struck = || (1, Event::FaultStruck { fault: 0, kind: "partition" });
        let healed = |at| (at, Event::FaultHealed { fault: 0, kind: "partition" });
        assert!(judged(&[struck(), (61, gives_up("w1"))], &["w2"]).1, "as it was told to");
        assert!(judged(&[struck(), healed(58), (62, gives_up("w1"))], &["w2"]).1, "a call was under way");
        let (why, excused) = judged(&[struck(), (6, gives_up("w1"))], &["w2"]);
        assert!(!excused, "after five seconds");
        assert_eq!(why, "nobody was left: w1 gave up at 6.000 s (no answer), w2 had crashed");
        assert!(!judged(&[struck(), healed(30), (62, gives_up("w1"))], &["w2"]).1, "it could have gone on");
        assert!(!judged(&[(61, gives_up("w1"))], &["w2"]).1, "nothing was in its way");
        let again = (55, Event::NodeStarted { node: node("w1"), starts: 2 });
        assert!(!judged(&[struck(), again, (61, gives_up("w1"))], &["w2"]).1, "it had just begun");
    }

    #[test]
    fn who_leaves_in_peace_or_stays_after_the_end_is_not_excused() {
        let note = Noted::new(WorkerLeft(Ok(mr_core::protocol::Ending::Succeeded)));
        let peace = Event::Note { node: Some(node("w1")), note };
        assert!(!judged(&[(1, peace)], &["w2"]).1);
        assert!(judged(&[], &["w1", "w2"]).1);
        assert!(!judged(&[(1, succeeded())], &["w1", "w2"]).1, "what is left is only to leave");
        let told = Event::Note { node: Some(node("w1")), note: Noted::new(ToldToStop) };
        assert!(judged(&[(1, told), (2, gives_up("w1"))], &["w2"]).1);
    }
}
