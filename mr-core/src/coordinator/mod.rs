//! The coordinator: a pure state machine, and the loop that serves it over a world.
//!
//! [`Coordinator::decide`] reads the state and says what happens and what to answer; [`Coordinator::apply`] makes it so.
//! There is no clock, lock or await inside, so any interleaving of requests, duplicates, late reports and time can be tested
//! as plain function calls. [`serve`] is the one thin driver.
//!
//! The rules, and where they come from:
//!
//! * Maps first, reduces once every map is committed (MapReduce paper, section 3.1).
//! * An attempt without progress gets another beside it, and whichever is done first counts (section 3.3). So does, near the end of a
//!   phase, an attempt that takes much longer than others have (section 3.6, backup tasks).
//! * What a worker has failed at is for another to try next, if there is one.
//! * Only one attempt at a reduce at a time may put its output in place (Hadoop's commit gate).
//! * A bad map output is made again (section 3.3).

mod apply;
mod decide;
mod event;
mod log;
mod progress;
mod serve;
mod task;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use world::Timestamp;

pub use event::Event;
pub use progress::{JobProgress, Phase};
pub use serve::{Observer, Order, serve};

use self::tasks::TaskTable;
use crate::app::AppIdentity;
use crate::counters::Counters;
use crate::ids::{AttemptId, MapAttempt, Partition, TaskId, WorkerId};
use crate::job::{Job, Split};
use crate::protocol::{Assigned, Assignment, Ending, Reply, Request};

/// What is known of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Worker {
    name: String,
    presence: Presence,
    last_heard: Timestamp,
    /// The attempts it is believed to run, committed tasks excepted.
    running: BTreeSet<AttemptId>,
    /// Its latest question that was answered with an attempt.
    answered: Option<(u64, AttemptId)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Present,
    Lost,
    Left,
}

/// The state of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinator {
    job: Job,
    app: Option<AppIdentity>,
    /// What each map reads; empty until the app is known.
    map_inputs: Vec<Vec<Split>>,
    workers: BTreeMap<WorkerId, Worker>,
    nonces: BTreeMap<u64, WorkerId>,
    /// When each present worker was last heard, for finding the silent ones.
    heard: BTreeSet<(Timestamp, WorkerId)>,
    maps: TaskTable,
    reduces: TaskTable,
    /// Every commit of a map, in order; a later one of a map replaces the earlier.
    map_commits: Vec<MapAttempt>,
    attempts: u64,
    retries: u64,
    backups: u64,
    failures: u64,
    counters: Counters,
    ending: Option<Ending>,
}

impl Coordinator {
    /// The coordinator of `job`, before anything happened.
    #[must_use]
    pub fn new(job: Job) -> Self {
        let reduces = TaskTable::new(job.reduces.get() as usize, &job);
        let mut coordinator = Self {
            app: None,
            map_inputs: Vec::new(),
            workers: BTreeMap::new(),
            nonces: BTreeMap::new(),
            heard: BTreeSet::new(),
            maps: TaskTable::new(0, &job),
            reduces,
            map_commits: Vec::new(),
            attempts: 0,
            retries: 0,
            backups: 0,
            failures: 0,
            counters: Counters::default(),
            ending: None,
            job,
        };
        if let Some(app) = coordinator.job.app.clone() {
            coordinator.adopt(app);
        }
        coordinator
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// How the job ended, if it has.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Whether no worker is left that could still be told of the end: each said goodbye or fell silent.
    #[must_use]
    pub fn everyone_left(&self) -> bool {
        self.heard.is_empty()
    }

    /// How many workers are registered and not silent.
    #[must_use]
    pub fn present_workers(&self) -> usize {
        self.heard.len()
    }

    /// What map `index` reads; none before the app is known or when there is no such map.
    #[must_use]
    pub fn map_input(&self, index: crate::ids::MapIndex) -> Option<&[Split]> {
        self.map_inputs.get(index.0 as usize).map(Vec::as_slice)
    }

    /// The moment after `now` at which something changes although nobody asks: a task becomes overdue, an attempt a straggler, a worker
    /// lost.
    #[must_use]
    pub fn next_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        let silence = self.heard.first().map(|&(heard, _)| heard + self.job.task_timeout);
        [self.maps.next_deadline(now), self.reduces.next_deadline(now), silence].into_iter().flatten().min()
    }

    /// Whether an attempt could be given out to some worker, or everybody is to be sent home.
    #[must_use]
    pub fn has_work(&self, now: Timestamp) -> bool {
        self.ending.is_some() || self.open_phase().1.has_work(now)
    }

    /// The phase whose tasks are given out: reduces only while every map is committed.
    fn open_phase(&self) -> (fn(usize) -> TaskId, &TaskTable) {
        if self.app.is_some() && self.maps.all_committed() {
            (|index| TaskId::Reduce(Partition(index as u32)), &self.reduces)
        } else {
            (|index| TaskId::Map(crate::ids::MapIndex(index as u32)), &self.maps)
        }
    }

    /// The table that `task` is in, and its place there.
    fn table(&self, task: TaskId) -> (&TaskTable, usize) {
        match task {
            TaskId::Map(map) => (&self.maps, map.0 as usize),
            TaskId::Reduce(partition) => (&self.reduces, partition.0 as usize),
        }
    }

    /// The table that `task` is in, and its place there, to be changed.
    fn table_mut(&mut self, task: TaskId) -> (&mut TaskTable, usize) {
        match task {
            TaskId::Map(map) => (&mut self.maps, map.0 as usize),
            TaskId::Reduce(partition) => (&mut self.reduces, partition.0 as usize),
        }
    }

    /// The assignment of `attempt`, as it would be told to a worker: the same whenever it is told.
    fn assignment(&self, attempt: AttemptId) -> Assignment {
        let (table, index) = self.table(attempt.task);
        let running = table.get(index).and_then(|task| task.running.get(&attempt.attempt));
        let map_outputs = running.map_or(self.map_commits.len() as u64, |running| running.map_commits);
        let work = match attempt.task {
            TaskId::Map(map) => Assigned::Map { splits: self.map_inputs[map.0 as usize].clone() },
            TaskId::Reduce(partition) => Assigned::Reduce { partition, map_outputs },
        };
        Assignment { attempt, work }
    }

    fn adopt(&mut self, app: AppIdentity) {
        self.map_inputs = self.job.map_inputs(app.input);
        self.maps = TaskTable::new(self.map_inputs.len(), &self.job);
        self.app = Some(app);
    }

    fn forget_app(&mut self) {
        self.app = None;
        self.map_inputs = Vec::new();
        self.maps = TaskTable::new(0, &self.job);
    }
}

/// Decides on `request` and applies what follows: what a driver does, in one step.
pub fn step(coordinator: &mut Coordinator, now: Timestamp, request: &Request) -> (Vec<Event>, Reply) {
    step_observed(coordinator, now, request, |_, _| {})
}

/// [`step`], with each event shown to `observe` when it is part of the state.
fn step_observed(
    coordinator: &mut Coordinator,
    now: Timestamp,
    request: &Request,
    mut observe: impl FnMut(&Event, &Coordinator),
) -> (Vec<Event>, Reply) {
    let (mut events, mut reply) = coordinator.decide(now, request);
    coordinator.apply_all(now, &events, &mut observe);
    // What comes along with a report is asked of a coordinator that knows of the report.
    if let Some(question) = request.question_along().filter(|_| reply == Reply::Accepted) {
        let (assigned, answer) = coordinator.decide_again(now, &question);
        if matches!(answer, Reply::Run(_) | Reply::Exit(_)) {
            coordinator.apply_all(now, &assigned, &mut observe);
            events.extend(assigned);
            reply = answer;
        }
    }
    (events, reply)
}
