//! The naive model of a coordinator: plain lists, searched from end to end, every rule written out once as the issue states it.
//! It knows no ordered sets, no events and no indices to keep in step, so it is wrong in other ways than the real one.

use std::time::Duration;

use mr_core::counters::Counters;
use mr_core::ids::{Attempt, AttemptId, MapAttempt, MapIndex, Partition, TaskId};

pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
pub(crate) const MAX_FAILURES: u32 = 4;

#[derive(Debug, Clone)]
pub(crate) struct WorkerModel {
    pub(crate) nonce: u64,
    pub(crate) left: bool,
    /// Silent for the timeout, and not heard since.
    pub(crate) lost: bool,
    pub(crate) last_heard: Duration,
    pub(crate) answered: Option<(u64, AttemptId)>,
}

#[derive(Debug, Clone)]
pub(crate) struct AttemptModel {
    pub(crate) id: AttemptId,
    /// Counted from 1, as worker ids are.
    pub(crate) worker: u32,
    pub(crate) ticks: u64,
    pub(crate) since: Duration,
    pub(crate) last_progress: Duration,
    /// How many map commits a reduce is told to read.
    pub(crate) reads: Option<usize>,
    pub(crate) open: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct TaskModel {
    pub(crate) assigned: u32,
    pub(crate) failures: u32,
    /// Who has failed at it, was stranded in it or made a bad output, and when.
    pub(crate) failed_by: Vec<(u32, Duration)>,
    /// Who has said that an output of it is bad, and was believed, and when.
    pub(crate) blamed_by: Vec<(u32, Duration)>,
    pub(crate) committed: Option<Attempt>,
    /// Who made what counts, or counted last.
    pub(crate) made_by: u32,
    /// What the last attempt that counted has counted, even when its output was lost since.
    pub(crate) counted: Counters,
    /// Open attempts that were told to commit, in order.
    pub(crate) granted: Vec<Attempt>,
}

/// What the model expects to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    Registered(u32),
    Refused,
    Heard { obsolete: Vec<AttemptId>, ended: bool },
    Run(AttemptId, Option<usize>),
    Wait,
    Exit,
    MapOutputs(Vec<MapAttempt>),
    Commit,
    Accepted,
    Obsolete,
    UnknownWorker,
    Farewell,
}

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) now: Duration,
    /// The app that is run: the first, or the other one.
    pub(crate) app: Option<bool>,
    pub(crate) workers: Vec<WorkerModel>,
    pub(crate) maps: Vec<TaskModel>,
    pub(crate) reduces: Vec<TaskModel>,
    pub(crate) attempts: Vec<AttemptModel>,
    pub(crate) commits: Vec<MapAttempt>,
    /// What each committed attempt took, of maps and of reduces.
    pub(crate) maps_took: Vec<Duration>,
    pub(crate) reduces_took: Vec<Duration>,
    pub(crate) succeeded: bool,
    pub(crate) failed: bool,
}

impl Model {
    pub(crate) fn new(maps: usize, reduces: usize) -> Self {
        Self {
            now: Duration::ZERO,
            app: None,
            workers: Vec::new(),
            maps: vec![TaskModel::default(); maps],
            reduces: vec![TaskModel::default(); reduces],
            attempts: Vec::new(),
            commits: Vec::new(),
            maps_took: Vec::new(),
            reduces_took: Vec::new(),
            succeeded: false,
            failed: false,
        }
    }

    pub(crate) fn ended(&self) -> bool {
        self.succeeded || self.failed
    }

    /// What the counters must say: the sum over the attempts that counted last.
    pub(crate) fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for task in self.maps.iter().chain(&self.reduces) {
            sum += task.counted;
        }
        sum
    }

    pub(crate) fn register(&mut self, nonce: u64, app: bool) -> Expected {
        if self.ended() {
            return Expected::Exit;
        }
        if let Some(i) = self.workers.iter().position(|worker| worker.nonce == nonce) {
            self.hears(i as u32 + 1);
            return Expected::Registered(i as u32 + 1);
        }
        if self.app.is_some_and(|adopted| adopted != app) {
            let in_vain = self.attempts.is_empty() && self.workers.iter().all(|worker| worker.left || worker.lost);
            if !in_vain {
                return Expected::Refused;
            }
            // Whoever is silent and comes back has the wrong app.
            self.workers.iter_mut().for_each(|worker| worker.left = true);
        }
        self.app = Some(app);
        self.workers.push(WorkerModel { nonce, left: false, lost: false, last_heard: self.now, answered: None });
        Expected::Registered(self.workers.len() as u32)
    }

    /// Whoever has been silent for the timeout is taken for dead.
    pub(crate) fn expire(&mut self) {
        for worker in &mut self.workers {
            worker.lost |= worker.last_heard + TIMEOUT <= self.now;
        }
    }

    pub(crate) fn heartbeat(&mut self, worker: u32, running: &[(AttemptId, u64)]) -> Expected {
        if !self.hears(worker) {
            return Expected::UnknownWorker;
        }
        let mut obsolete = Vec::new();
        for &(id, ticks) in running {
            let now = self.now;
            match self.open_attempt(worker, id) {
                None => obsolete.push(id),
                Some(attempt) if ticks > attempt.ticks => {
                    attempt.ticks = ticks;
                    attempt.last_progress = now;
                }
                Some(_) => {}
            }
        }
        Expected::Heard { obsolete, ended: self.ended() }
    }

    pub(crate) fn ask_task(&mut self, worker: u32, question: u64) -> Expected {
        if !self.hears(worker) {
            return Expected::UnknownWorker;
        }
        if self.ended() {
            return Expected::Exit;
        }
        if let Some((answered, id)) = self.workers[worker as usize - 1].answered
            && question <= answered
        {
            let again = self.open_attempt(worker, id).filter(|_| question == answered);
            return again.map_or(Expected::Obsolete, |attempt| Expected::Run(id, attempt.reads));
        }
        let Some(task) = self.pick(worker) else { return Expected::Wait };
        let model = self.task_mut(task).expect("picked tasks exist");
        model.assigned += 1;
        let id = AttemptId { task, attempt: Attempt(model.assigned) };
        let reads = matches!(task, TaskId::Reduce(_)).then_some(self.commits.len());
        let (since, last_progress) = (self.now, self.now);
        self.attempts.push(AttemptModel { id, worker, ticks: 0, since, last_progress, reads, open: true });
        self.workers[worker as usize - 1].answered = Some((question, id));
        Expected::Run(id, reads)
    }

    /// A question asked along with a report: nobody waits for an answer to it.
    pub(crate) fn ask_along(&mut self, worker: u32, question: u64) -> Option<Expected> {
        Some(self.ask_task(worker, question)).filter(|answer| matches!(answer, Expected::Run(..) | Expected::Exit))
    }

    /// First a task nobody works on; else the one longest without progress, if that is longer than the timeout and somebody
    /// else works on it; else one that straggles. Reduces only when every map is committed. None that the worker has failed at lately,
    /// if others are there who have not.
    pub(crate) fn pick(&self, worker: u32) -> Option<TaskId> {
        let maps_done = self.maps.iter().all(|map| map.committed.is_some());
        let open: Vec<TaskId> = if maps_done {
            (0..self.reduces.len() as u32).map(|i| TaskId::Reduce(Partition(i))).collect()
        } else {
            (0..self.maps.len() as u32).map(|i| TaskId::Map(MapIndex(i))).collect()
        };
        let open: Vec<TaskId> = open.into_iter().filter(|&task| self.task(task).committed.is_none()).collect();
        let is_for_others = |task: &TaskId| self.leaves_to_others(worker, &self.task(*task).failed_by);
        let attempts_at = |task: TaskId| self.attempts.iter().filter(move |a| a.open && a.id.task == task);
        if let Some(&idle) = open.iter().find(|&task| attempts_at(*task).next().is_none() && !is_for_others(task)) {
            return Some(idle);
        }
        let last_progress = |task: TaskId| attempts_at(task).map(|a| a.last_progress).max().unwrap_or_default();
        let by_others = |task: &TaskId| attempts_at(*task).all(|a| a.worker != worker) && !is_for_others(task);
        let overdue = open.iter().copied().filter(|&task| last_progress(task) + TIMEOUT <= self.now);
        if let Some(overdue) = overdue.filter(by_others).min_by_key(|&task| last_progress(task)) {
            return Some(overdue);
        }
        // Near the end of the phase: of those at which one attempt works in time, and has for too long, the one at work for longest.
        let (tasks, took) = match maps_done {
            true => (self.reduces.len(), &self.reduces_took),
            false => (self.maps.len(), &self.maps_took),
        };
        let some_task_waits = open.iter().any(|&task| attempts_at(task).next().is_none());
        if some_task_waits || took.is_empty() || (tasks - open.len()) * 2 < tasks {
            return None;
        }
        let long = (took.iter().sum::<Duration>() * 2 / took.len() as u32).max(TIMEOUT);
        let in_time = |task: TaskId| attempts_at(task).filter(|a| a.last_progress + TIMEOUT > self.now);
        let alone_since = |task: TaskId| {
            let mut in_time = in_time(task);
            in_time.next().filter(|_| in_time.next().is_none()).map(|a| a.since)
        };
        let straggles = |task: TaskId| alone_since(task).filter(|&since| since + long <= self.now);
        let straggling = open.into_iter().filter(|task| by_others(task) && straggles(*task).is_some());
        straggling.min_by_key(|&task| alone_since(task))
    }

    /// Whether `worker` has had trouble within the timeout, and others are there who have not.
    fn leaves_to_others(&self, worker: u32, trouble: &[(u32, Duration)]) -> bool {
        let lately = |worker: u32| trouble.iter().any(|&(who, at)| who == worker && at + TIMEOUT > self.now);
        let mut there = (1..).zip(&self.workers).filter(|(_, known)| !known.left && !known.lost).map(|(id, _)| id);
        lately(worker) && there.any(|other| !lately(other))
    }

    pub(crate) fn map_outputs(&mut self, worker: u32, known: u64) -> Expected {
        if !self.hears(worker) {
            return Expected::UnknownWorker;
        }
        Expected::MapOutputs(self.commits.iter().skip(known as usize).copied().collect())
    }

    pub(crate) fn ask_commit(&mut self, worker: u32, id: AttemptId) -> Expected {
        if !self.hears(worker) {
            return Expected::UnknownWorker;
        }
        let now = self.now;
        if self.ended() || matches!(id.task, TaskId::Map(_)) || self.open_attempt(worker, id).is_none() {
            return Expected::Obsolete;
        }
        let granted = &self.task(id.task).granted;
        let (told, is_last) = (granted.contains(&id.attempt), granted.last() == Some(&id.attempt));
        let others = self.attempts.iter().filter(|a| a.open && a.id.task == id.task && a.id != id);
        let in_time = others.filter(|a| granted.contains(&a.id.attempt)).any(|a| a.last_progress + TIMEOUT > now);
        let waits = in_time && !is_last;
        // Asking is a sign of progress: an attempt that waits for its turn is not stalled. Two that were told would wait for each other.
        if !waits || !told {
            self.open_attempt(worker, id).expect("checked above").last_progress = now;
        }
        if waits {
            return Expected::Wait;
        }
        if is_last {
            return Expected::Commit;
        }
        self.task_mut(id.task).expect("open attempts have tasks").granted.push(id.attempt);
        Expected::Commit
    }

    pub(crate) fn done(&mut self, worker: u32, id: AttemptId, counters: Counters) -> Expected {
        if !self.hears(worker) {
            return Expected::UnknownWorker;
        }
        let counts = |task: &TaskModel| task.committed == Some(id.attempt);
        if self.find_task(id.task).is_some_and(counts) {
            return Expected::Accepted;
        }
        if self.ended() || self.open_attempt(worker, id).is_none() {
            return Expected::Obsolete;
        }
        let permitted = matches!(id.task, TaskId::Map(_)) || self.task(id.task).granted.contains(&id.attempt);
        if !permitted {
            return Expected::Obsolete;
        }
        let took = self.now - self.open_attempt(worker, id).expect("checked above").since;
        match id.task {
            TaskId::Map(_) => self.maps_took.push(took),
            TaskId::Reduce(_) => self.reduces_took.push(took),
        }
        let task = self.task_mut(id.task).expect("open attempts have tasks");
        task.committed = Some(id.attempt);
        task.made_by = worker;
        task.counted = counters;
        task.granted.clear();
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.id.task == id.task) {
            attempt.open = false;
        }
        if let TaskId::Map(map) = id.task {
            self.commits.push(MapAttempt { map, attempt: id.attempt });
        }
        self.succeeded = self.reduces.iter().all(|reduce| reduce.committed.is_some());
        Expected::Accepted
    }

    /// A failed attempt; `bad_maps` names the maps whose outputs were to blame, if any.
    pub(crate) fn failed(&mut self, worker: u32, id: AttemptId, bad_maps: &[MapAttempt]) -> Expected {
        if !self.hears(worker) {
            return Expected::UnknownWorker;
        }
        if self.ended() || self.open_attempt(worker, id).is_none() {
            return Expected::Obsolete;
        }
        let now = self.now;
        self.open_attempt(worker, id).expect("checked above").open = false;
        self.task_mut(id.task).expect("open attempts have tasks").granted.retain(|granted| *granted != id.attempt);
        let task = self.task_mut(id.task).expect("open attempts have tasks");
        task.failed_by.push((worker, now));
        if bad_maps.is_empty() {
            task.failures += 1;
            self.failed = task.failures >= MAX_FAILURES;
        }
        for map in bad_maps {
            let Some(task) = self.find_task(TaskId::Map(map.map)) else { continue };
            let believed = !self.leaves_to_others(worker, &task.blamed_by);
            if believed && task.committed == Some(map.attempt) {
                let task = self.task_mut(TaskId::Map(map.map)).expect("it was found");
                task.failures += 1;
                task.committed = None;
                task.failed_by.push((task.made_by, now));
                task.blamed_by.push((worker, now));
                self.failed |= task.failures >= MAX_FAILURES;
            }
        }
        Expected::Accepted
    }

    pub(crate) fn goodbye(&mut self, worker: u32) -> Expected {
        if self.hears(worker) {
            self.workers[worker as usize - 1].left = true;
            // An app of which nothing was run goes with the last who has it.
            let stays = self.ended() || !self.attempts.is_empty() || self.workers.iter().any(|known| !known.left);
            self.app = self.app.filter(|_| stays);
            for i in 0..self.attempts.len() {
                if self.attempts[i].worker == worker && self.attempts[i].open {
                    self.attempts[i].open = false;
                    let id = self.attempts[i].id;
                    self.task_mut(id.task).expect("it was given out").granted.retain(|granted| *granted != id.attempt);
                }
            }
        }
        Expected::Farewell
    }

    /// `worker` was heard just now; says whether it is one of those who work here.
    fn hears(&mut self, worker: u32) -> bool {
        let index = (worker as usize).checked_sub(1);
        let worker = index.and_then(|index| self.workers.get_mut(index)).filter(|worker| !worker.left);
        let now = self.now;
        worker.map(|worker| (worker.lost, worker.last_heard) = (false, now)).is_some()
    }

    fn open_attempt(&mut self, worker: u32, id: AttemptId) -> Option<&mut AttemptModel> {
        self.attempts.iter_mut().find(|attempt| attempt.open && attempt.id == id && attempt.worker == worker)
    }

    fn find_task(&self, task: TaskId) -> Option<&TaskModel> {
        match task {
            TaskId::Map(map) => self.maps.get(map.0 as usize),
            TaskId::Reduce(partition) => self.reduces.get(partition.0 as usize),
        }
    }

    fn task(&self, task: TaskId) -> &TaskModel {
        self.find_task(task).expect("the model asks for tasks that exist")
    }

    fn task_mut(&mut self, task: TaskId) -> Option<&mut TaskModel> {
        match task {
            TaskId::Map(map) => self.maps.get_mut(map.0 as usize),
            TaskId::Reduce(partition) => self.reduces.get_mut(partition.0 as usize),
        }
    }
}
