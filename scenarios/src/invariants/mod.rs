//! What must hold at every step, and at the end: one promise a file, each with its source and with tests of its own on histories
//! made by hand.

mod agreement;
mod backup_tasks;
mod commits_are_real;
mod committed_inputs;
mod counters;
mod done_once;
mod everyone_agrees;
mod fails_honestly;
mod finishes;
mod gives_up_cleanly;
mod idle_workers;
mod leaves_when_told;
mod left_to_others;
mod maps_before_reduces;
mod nobody_left;
mod not_reissued_in_time;
mod nothing_left;
mod outputs;
mod private_files;
mod prompt;
mod quiet_after_end;
mod registered_once;
mod slots_respected;
mod struck;
#[cfg(test)]
mod testing;
mod words;
mod work_done_once;

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::time::Duration;

use mr_core::coordinator;
use sim::{DiskView, Event, Finished, Observer, Operation, Report};

pub use self::agreement::Run;
pub(crate) use self::agreement::{AGREEMENT, Agreement};
use self::backup_tasks::BackupTasks;
use self::commits_are_real::CommitsAreReal;
use self::committed_inputs::CommittedInputs;
use self::counters::CountersAreExact;
use self::done_once::DoneOnce;
use self::everyone_agrees::EveryoneAgrees;
use self::fails_honestly::FailsHonestly;
pub(crate) use self::finishes::Bounds;
use self::gives_up_cleanly::GivesUpCleanly;
use self::leaves_when_told::LeavesWhenTold;
use self::left_to_others::LeftToOthers;
use self::maps_before_reduces::MapsBeforeReduces;
use self::nobody_left::NobodyLeft;
use self::not_reissued_in_time::NotReissuedInTime;
use self::nothing_left::NothingLeft;
use self::outputs::Outputs;
use self::private_files::PrivateFiles;
use self::prompt::Prompt;
use self::quiet_after_end::QuietAfterEnd;
use self::registered_once::RegisteredOnce;
use self::slots_respected::SlotsRespected;
pub(crate) use self::words::{in_words, promises};
use self::work_done_once::WorkDoneOnce;
use crate::notes::Happened;
use crate::oracle::Expected;
use crate::schedule::{AppChoice, Schedule};

/// Whether `event` is about a message. None is shown to a promise: what they bring about is.
fn is_message(event: &Event) -> bool {
    matches!(
        event,
        Event::MessageSent(_) | Event::MessageDuplicated(_) | Event::MessageDelivered(_) | Event::MessageLost(..)
    )
}

/// Holds, or the sentence that says what was broken: expected and found, with the first wrong byte, record or event.
pub(crate) type Verdict = Result<(), String>;

/// One promise, watching one run.
pub(crate) trait Invariant {
    /// Its name: that of its file.
    fn name(&self) -> &'static str;

    /// The steps on files that are shown to it. They are most of what happens, and most promises have nothing to say about them;
    /// [`Invariant::check`] sees no other.
    fn watches(&self) -> &'static [Operation] {
        &[]
    }

    /// Looks at one event, which is no message. The disk is as the event left it.
    fn check(&mut self, at: Duration, event: &Event, disk: &DiskView<'_>) -> Verdict;

    /// Looks at the end of a run in which every node has finished.
    fn check_end(&mut self, disk: &DiskView<'_>) -> Verdict {
        let _ = disk;
        Ok(())
    }
}

/// What the coordinator decided, if that is what `event` tells.
fn decided(event: &Event) -> Option<&coordinator::Event> {
    happened(event).map(|happened| &happened.event)
}

/// What happened in the coordinator, and when by its own clock, if that is what `event` tells.
fn happened(event: &Event) -> Option<&Happened> {
    match event {
        Event::Note { note, .. } => note.get(),
        _ => None,
    }
}

/// Which kind of promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Judgement {
    /// Something happened that must never happen.
    Safety,
    /// Something did not happen although every fault had healed.
    Liveness,
    /// The program under test panicked.
    Panic,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The promise's name: that of its file in `scenarios/src/invariants`, or `no_panic`, which has none.
    pub promise: &'static str,
    /// Of which kind it is.
    pub judgement: Judgement,
    /// How it was broken.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.what)
    }
}

/// What a run comes to.
pub(crate) struct Judged {
    /// The promise broken, if one was.
    pub(crate) broken: Option<Broken>,
    /// A hash of the outputs, if all are there.
    pub(crate) outputs: Option<u64>,
    /// Why nobody was left to finish the job, if that was the plan's doing.
    pub(crate) nobody_left: Option<String>,
}

/// All promises, watching one run.
pub(crate) struct Promises {
    invariants: Vec<Box<dyn Invariant>>,
    /// The places of those that watch a step, for each kind of step.
    watchers: [Vec<usize>; Operation::COUNT],
    /// Who is there to work.
    nobody_left: NobodyLeft,
    /// The first that was broken.
    broken: Option<Broken>,
    /// How many outputs all runs of the workload must agree on, if they must.
    partitions: Option<usize>,
    /// A hash of the outputs as they were left, if all of them are there.
    outputs: Option<u64>,
}

impl Promises {
    /// Promises about `schedule`, of which `expected` must come.
    pub(crate) fn new(schedule: &Schedule, expected: &Expected) -> Self {
        let signed = schedule.workload.app == AppChoice::Signed;
        let maps = schedule.workload.maps(&schedule.cluster);
        let partitions = schedule.workload.reduces as usize;
        let outputs = Outputs::new(expected);
        let invariants: Vec<Box<dyn Invariant>> = vec![
            Box::new(if signed { outputs.signed() } else { outputs }),
            Box::new(CommitsAreReal::new(schedule)),
            Box::new(DoneOnce::default()),
            Box::new(MapsBeforeReduces::new(maps)),
            Box::new(NotReissuedInTime::new(schedule.cluster.task_timeout)),
            Box::new(LeftToOthers::new(schedule.cluster.task_timeout)),
            Box::new(RegisteredOnce::default()),
            Box::new(SlotsRespected::new(schedule)),
            Box::new(CommittedInputs::new(schedule)),
            Box::new(WorkDoneOnce::new(schedule)),
            Box::new(Prompt::new(schedule)),
            Box::new(BackupTasks::new(schedule)),
            Box::new(PrivateFiles::default()),
            Box::new(CountersAreExact::new(expected)),
            Box::new(FailsHonestly::new(schedule, expected)),
            Box::new(QuietAfterEnd::default()),
            Box::new(EveryoneAgrees::new(schedule)),
            Box::new(GivesUpCleanly::default()),
            Box::new(LeavesWhenTold::new(schedule)),
            Box::new(NothingLeft::default()),
        ];
        let mut watchers = [const { Vec::new() }; Operation::COUNT];
        for (place, invariant) in invariants.iter().enumerate() {
            invariant.watches().iter().for_each(|&step| watchers[step as usize].push(place));
        }
        // What is signed differs from run to run, as it may.
        let partitions = if signed { None } else { Some(partitions) };
        let nobody_left = NobodyLeft::new(schedule);
        Self { invariants, watchers, nobody_left, broken: None, partitions, outputs: None }
    }

    /// Has the promise at `place` look at `event`.
    fn ask(&mut self, place: usize, at: Duration, event: &Event, disk: &DiskView<'_>) -> ControlFlow<String> {
        let invariant = &mut self.invariants[place];
        let Err(what) = invariant.check(at, event, disk) else { return ControlFlow::Continue(()) };
        let broken = Broken { promise: invariant.name(), judgement: Judgement::Safety, what };
        let verdict = broken.to_string();
        self.broken = Some(broken);
        ControlFlow::Break(verdict)
    }

    /// What the run comes to.
    pub(crate) fn verdict(self, report: &Report) -> Judged {
        let nobody_left = self.nobody_left.why(report);
        let by_plan = nobody_left.is_some() && self.nobody_left.is_excused(report);
        let finishes = || if by_plan { None } else { finishes::judge(report, nobody_left.as_deref()) };
        let broken = self.broken.or_else(finishes);
        Judged { nobody_left: nobody_left.filter(|_| by_plan && broken.is_none()), broken, outputs: self.outputs }
    }
}

impl Observer for Promises {
    fn observe(&mut self, at: Duration, event: &Event, disk: &DiskView<'_>) -> ControlFlow<String> {
        self.nobody_left.see(at, event);
        match event {
            Event::File(step) => {
                let kind = step.operation as usize;
                (0..self.watchers[kind].len()).try_for_each(|nth| self.ask(self.watchers[kind][nth], at, event, disk))
            }
            event if is_message(event) => ControlFlow::Continue(()),
            _ => (0..self.invariants.len()).try_for_each(|place| self.ask(place, at, event, disk)),
        }
    }

    fn ended(&mut self, _at: Duration, finished: &Finished, disk: &DiskView<'_>) {
        if *finished != Finished::AllNodesDone {
            return;
        }
        self.broken = self.invariants.iter_mut().find_map(|invariant| {
            let what = invariant.check_end(disk).err()?;
            Some(Broken { promise: invariant.name(), judgement: Judgement::Safety, what })
        });
        self.outputs = self.partitions.and_then(|partitions| outputs_hash(partitions, disk));
    }
}

fn outputs_hash(partitions: usize, disk: &DiskView<'_>) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    for partition in 0..partitions {
        disk.read(&format!("mr-out-{partition}"))?.hash(&mut hasher);
    }
    Some(hasher.finish())
}
