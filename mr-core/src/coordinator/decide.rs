//! What happens on each request, and what it is answered. Reads the state, changes nothing.

use std::collections::BTreeMap;

use world::Timestamp;

use super::task::Task;
use super::tasks::Pick;
use super::{Coordinator, Event, Presence, Worker};
use crate::app::AppIdentity;
use crate::counters::Counters;
use crate::ids::{Attempt, AttemptId, JobId, MapAttempt, TaskId, WorkerId};
use crate::protocol::{
    AttemptProgress, Ending, Failure, MAX_LISTED_MAPS, MAX_NAME_BYTES, Registration, Reply, Request, cut_reason,
};

/// What is wrong with the output of a map that is not there.
const MISSING: &str = "the file is missing";

impl Coordinator {
    /// What happens when `request` arrives at `now`, and the reply. [`Reply::Wait`] means that there is nothing to say yet: the
    /// driver may keep the request and decide again when something has happened.
    #[must_use]
    pub fn decide(&self, now: Timestamp, request: &Request) -> (Vec<Event>, Reply) {
        let Some(worker) = request.worker() else {
            let Request::Register { nonce, app, name } = request else { return (Vec::new(), Reply::UnknownWorker) };
            return self.register(*nonce, app, name);
        };
        if !self.knows(worker) {
            return (Vec::new(), reply_to_stranger(request));
        }
        let mut events = vec![Event::WorkerHeard { worker }];
        let reply = self.decide_for(now, worker, request, &mut events);
        (events, reply)
    }

    /// The reply to a request that was meant for another job, `job`, or for none that it names, and must not be decided on. Only who
    /// registers need not know whose worker it will be.
    #[must_use]
    pub fn turn_away(&self, job: Option<JobId>, request: &Request) -> Option<Reply> {
        let is_ours = job == Some(self.job.id) || request.worker().is_none();
        (!is_ours).then(|| reply_to_stranger(request))
    }

    /// [`Coordinator::decide`] for a request that arrived earlier and was answered with [`Reply::Wait`]: being heard was
    /// recorded then.
    #[must_use]
    pub fn decide_again(&self, now: Timestamp, request: &Request) -> (Vec<Event>, Reply) {
        let mut events = Vec::new();
        let reply = match request.worker().filter(|&worker| self.knows(worker)) {
            Some(worker) => self.decide_for(now, worker, request, &mut events),
            None => Reply::UnknownWorker,
        };
        (events, reply)
    }

    fn decide_for(&self, now: Timestamp, worker: WorkerId, request: &Request, events: &mut Vec<Event>) -> Reply {
        match request {
            Request::Register { .. } => Reply::UnknownWorker,
            Request::Heartbeat { running, .. } => self.heartbeat(worker, running, events),
            Request::AskTask { question, .. } => self.ask_task(now, worker, *question, events),
            Request::MapOutputs { known, .. } => self.map_outputs(*known),
            Request::AskCommit { attempt, .. } => self.ask_commit(now, worker, *attempt, events),
            Request::Done { attempt, counters, .. } => self.done(worker, *attempt, *counters, events),
            Request::Failed { attempt, failure, .. } => self.failed(now, worker, *attempt, failure, events),
            Request::Goodbye { .. } => {
                events.push(Event::WorkerLeft { worker });
                if self.brought_app_in_vain(worker) {
                    events.push(Event::AppForgotten);
                }
                Reply::Farewell
            }
        }
    }

    /// Whether nobody is left but `worker`, and none was ever given anything to do: an app that cannot even start must not keep others out.
    fn brought_app_in_vain(&self, worker: WorkerId) -> bool {
        let gone = |(id, known): (&WorkerId, &Worker)| *id == worker || known.presence == Presence::Left;
        self.app_has_not_run() && self.workers.iter().all(gone)
    }

    /// Whether all who have brought the app are silent, and none was ever given anything to do: it may have killed them.
    fn app_has_died_out(&self) -> bool {
        self.app_has_not_run() && self.heard.is_empty()
    }

    /// Whether the app came with a worker, and nothing of it was ever run.
    fn app_has_not_run(&self) -> bool {
        self.job.app.is_none() && self.ending.is_none() && self.attempts == 0
    }

    /// Whether `worker` registered and has not said goodbye.
    fn knows(&self, worker: WorkerId) -> bool {
        self.workers.get(&worker).is_some_and(|known| known.presence != Presence::Left)
    }

    /// The workers that have been silent for too long at `now`.
    #[must_use]
    pub fn expire(&self, now: Timestamp) -> Vec<Event> {
        let silent = self.heard.iter().take_while(|(heard, _)| *heard + self.job.task_timeout <= now);
        silent.map(|&(_, worker)| Event::WorkerLost { worker }).collect()
    }

    /// The worker that registered under `name` is known to be dead: its attempts need not be waited for.
    #[must_use]
    pub fn bury(&self, name: &str) -> Vec<Event> {
        let dead = self.workers.iter().filter(|(_, worker)| worker.name == name && worker.presence != Presence::Left);
        dead.map(|(&worker, _)| Event::WorkerLeft { worker }).collect()
    }

    /// Ends the job before its time, because of something outside it.
    #[must_use]
    pub fn abort(&self, reason: &str) -> Vec<Event> {
        if self.ending.is_some() {
            return Vec::new();
        }
        vec![Event::JobEnded { ending: Ending::Failed { reason: reason.to_owned() } }]
    }

    fn register(&self, nonce: u64, app: &AppIdentity, name: &str) -> (Vec<Event>, Reply) {
        if let Some(ending) = &self.ending {
            return (Vec::new(), Reply::TooLate { job: self.job.id, ending: ending.clone() });
        }
        if let Some(&worker) = self.nonces.get(&nonce) {
            // A late copy of the request must not bring a worker back that has said goodbye.
            let events = if self.knows(worker) { vec![Event::WorkerHeard { worker }] } else { Vec::new() };
            return (events, self.registration(worker));
        }
        let mut events = Vec::new();
        if [name, &app.name, &app.version].into_iter().any(|text| text.len() > MAX_NAME_BYTES) {
            let reason = format!("a worker and its app may have names of at most {MAX_NAME_BYTES} bytes");
            return (events, Reply::Refused { reason });
        }
        match &self.app {
            Some(job_app) if job_app != app => {
                if !self.app_has_died_out() {
                    return (events, Reply::Refused { reason: other_app(job_app, app) });
                }
                let dead = self.workers.iter().filter(|(_, worker)| worker.presence == Presence::Lost);
                events.extend(dead.map(|(&worker, _)| Event::WorkerLeft { worker }));
                events.extend([Event::AppForgotten, Event::AppAdopted { app: app.clone() }]);
            }
            Some(_) => {}
            None => events.push(Event::AppAdopted { app: app.clone() }),
        }
        let worker = WorkerId(self.workers.last_key_value().map_or(1, |(last, _)| last.0 + 1));
        events.push(Event::WorkerRegistered { worker, nonce, name: name.to_owned() });
        (events, self.registration(worker))
    }

    fn registration(&self, worker: WorkerId) -> Reply {
        Reply::Registered(Registration {
            worker,
            job: self.job.id,
            reduces: self.job.reduces,
            app_argument: self.job.app_argument.clone(),
            combine: self.job.combine,
            heartbeat_interval: self.job.heartbeat_interval(),
        })
    }

    fn heartbeat(&self, worker: WorkerId, running: &[AttemptProgress], events: &mut Vec<Event>) -> Reply {
        let mut obsolete = Vec::new();
        for progress in running {
            match self.ticks_of(worker, progress.attempt) {
                None => obsolete.push(progress.attempt),
                Some(ticks) if progress.ticks > ticks => {
                    events.push(Event::AttemptProgressed { attempt: progress.attempt, ticks: progress.ticks });
                }
                Some(_) => {}
            }
        }
        Reply::Heard { obsolete, ended: self.ending.clone() }
    }

    fn ask_task(&self, now: Timestamp, worker: WorkerId, question: u64, events: &mut Vec<Event>) -> Reply {
        if let Some(ending) = &self.ending {
            return Reply::Exit(ending.clone());
        }
        if let Some((answered, attempt)) = self.workers[&worker].answered
            && question <= answered
        {
            let repeat = question == answered && self.is_running(worker, attempt);
            return if repeat { Reply::Run(self.assignment(attempt)) } else { Reply::Obsolete };
        }
        let (name, table) = self.open_phase();
        let may = |task: &Task| !self.leaves_to_others(now, worker, &task.failed_by);
        let Some(pick) = table.next_for(worker, now, may) else { return Reply::Wait };
        let (index, backup) = match pick {
            Pick::Idle(index) | Pick::Overdue(index) => (index, false),
            Pick::Straggling(index) => (index, true),
        };
        let next = table.get(index).map_or(1, |task| task.assigned + 1);
        let attempt = AttemptId { task: name(index), attempt: Attempt(next) };
        events.push(Event::AttemptAssigned { attempt, worker, question, backup });
        Reply::Run(self.assignment(attempt))
    }

    /// Whether `worker` has had `trouble` lately, and others are there who have not: what is wrong may be wrong with its machine, which
    /// would else use up all the failures of a task while the others are busy.
    fn leaves_to_others(&self, now: Timestamp, worker: WorkerId, trouble: &BTreeMap<WorkerId, Timestamp>) -> bool {
        let lately = |worker| trouble.get(&worker).is_some_and(|&since| since + self.job.task_timeout > now);
        lately(worker) && self.heard.iter().any(|&(_, other)| !lately(other))
    }

    fn map_outputs(&self, known: u64) -> Reply {
        let from = usize::try_from(known).unwrap_or(usize::MAX).min(self.map_commits.len());
        let to = self.map_commits.len().min(from + MAX_LISTED_MAPS);
        Reply::MapOutputs { commits: self.map_commits[from..to].to_vec() }
    }

    fn ask_commit(&self, now: Timestamp, worker: WorkerId, attempt: AttemptId, events: &mut Vec<Event>) -> Reply {
        let Some(ticks) = self.ticks_of(worker, attempt) else { return Reply::Obsolete };
        if self.ending.is_some() || matches!(attempt.task, TaskId::Map(_)) {
            return Reply::Obsolete;
        }
        let progressed = Event::AttemptProgressed { attempt, ticks };
        let (table, index) = self.table(attempt.task);
        let granted = table.get(index).map_or(&[][..], |task| &task.granted);
        // One that has ended holds nothing any more; who was told before it, and still runs, does.
        let mut holders = granted.iter().copied().filter(|&told| table.running(index, told).is_some());
        if holders.clone().next_back() == Some(attempt.attempt) {
            events.push(progressed);
            return Reply::Commit;
        }
        // Not only the last: one that was told before it may have been slow, and be back.
        if holders.any(|told| told != attempt.attempt && !table.is_overdue(index, told, now)) {
            // Who waits for its turn is not stalled. But two that were told, and wait for each other, would keep each other in time for ever.
            events.extend((!granted.contains(&attempt.attempt)).then_some(progressed));
            return Reply::Wait;
        }
        events.extend([progressed, Event::CommitGranted { attempt }]);
        Reply::Commit
    }

    fn done(&self, worker: WorkerId, attempt: AttemptId, counters: Counters, events: &mut Vec<Event>) -> Reply {
        let (table, index) = self.table(attempt.task);
        let task = table.get(index);
        if table.is_committed(index, attempt.attempt) {
            return Reply::Accepted;
        }
        // A reduce that was once told to commit has put an output in place, even if the permission has since moved on.
        let permitted = match attempt.task {
            TaskId::Map(_) => true,
            TaskId::Reduce(_) => task.is_some_and(|task| task.granted.contains(&attempt.attempt)),
        };
        if self.ending.is_some() || !permitted || !self.is_running(worker, attempt) {
            events.push(Event::ReportIgnored { attempt, worker });
            return Reply::Obsolete;
        }
        events.push(Event::AttemptCommitted { attempt, worker, counters });
        let last_reduce = matches!(attempt.task, TaskId::Reduce(_)) && table.committed() + 1 == table.len();
        if last_reduce {
            events.push(Event::JobEnded { ending: Ending::Succeeded });
        }
        Reply::Accepted
    }

    fn failed(
        &self,
        now: Timestamp,
        worker: WorkerId,
        attempt: AttemptId,
        failure: &Failure,
        events: &mut Vec<Event>,
    ) -> Reply {
        if self.ending.is_some() || !self.is_running(worker, attempt) {
            events.push(Event::ReportIgnored { attempt, worker });
            return Reply::Obsolete;
        }
        let hopeless = match failure {
            Failure::Attempt { reason } => {
                let reason = cut_reason(reason);
                events.push(Event::AttemptFailed { attempt, worker, reason: reason.clone() });
                self.hopeless(attempt.task, &reason)
            }
            Failure::BadMapOutput { map, reason, missing } => {
                let reason = cut_reason(reason);
                events.push(Event::AttemptStranded { attempt, worker, map: *map, reason: reason.clone() });
                let mut bad: BTreeMap<MapAttempt, &str> = missing.iter().map(|map| (*map, MISSING)).collect();
                bad.insert(*map, &reason);
                self.lose(now, worker, &bad, events)
            }
        };
        events.extend(hopeless.map(|ending| Event::JobEnded { ending }));
        Reply::Accepted
    }

    /// Throws away the outputs that `reporter` could not read, as far as they count, and says how the job ends if that is once too often. Who
    /// has had an output of a map thrown away lately is not believed when it cannot read the next one either: others may.
    fn lose(
        &self,
        now: Timestamp,
        reporter: WorkerId,
        bad: &BTreeMap<MapAttempt, &str>,
        events: &mut Vec<Event>,
    ) -> Option<Ending> {
        let mut ending = None;
        for (&map, &reason) in bad {
            let Some(task) = self.maps.get(map.map.0 as usize) else { continue };
            let Some(committed) = task.committed.filter(|committed| committed.attempt == map.attempt) else { continue };
            if self.leaves_to_others(now, reporter, &task.blamed_by) {
                continue;
            }
            events.push(Event::MapOutputLost { map, maker: committed.by, reporter, reason: reason.to_owned() });
            let hopeless = || self.hopeless(TaskId::Map(map.map), &format!("its output is bad: {reason}"));
            ending = ending.or_else(hopeless);
        }
        ending
    }

    /// How the job ends if `task` has failed once more: not at all, while it may be tried again.
    fn hopeless(&self, task: TaskId, failed: &str) -> Option<Ending> {
        let (table, index) = self.table(task);
        let failures = table.get(index).map_or(0, |task| task.failures) + 1;
        if failures < self.job.max_failures {
            return None;
        }
        let times = if failures == 1 { "once".to_owned() } else { format!("{failures} times, the last time") };
        Some(Ending::Failed { reason: format!("{} failed {times}: {failed}", self.describe(task)) })
    }

    /// A task and the files it is about, for people.
    #[must_use]
    pub fn describe(&self, task: TaskId) -> String {
        match task {
            TaskId::Map(map) => match self.map_input(map) {
                Some([split]) if split.offset > 0 => format!("{task} ({} from byte {})", split.path, split.offset),
                Some([split]) => format!("{task} ({})", split.path),
                Some([first, .., last]) => format!("{task} ({} to {})", first.path, last.path),
                Some([]) | None => task.to_string(),
            },
            TaskId::Reduce(partition) => format!("{task} (mr-out-{partition})"),
        }
    }

    /// Whether `worker` runs `attempt` and its task is still open.
    fn is_running(&self, worker: WorkerId, attempt: AttemptId) -> bool {
        self.ticks_of(worker, attempt).is_some()
    }

    /// How far `attempt` had come when last heard of; none when `worker` does not run it or its task is committed.
    fn ticks_of(&self, worker: WorkerId, attempt: AttemptId) -> Option<u64> {
        let (table, index) = self.table(attempt.task);
        table.running(index, attempt.attempt).filter(|running| running.worker == worker).map(|running| running.ticks)
    }
}

/// What is answered to a worker that is not, or not any more, one of this job's: another job may have one of the same number.
fn reply_to_stranger(request: &Request) -> Reply {
    if matches!(request, Request::Goodbye { .. }) { Reply::Farewell } else { Reply::UnknownWorker }
}

/// Why a worker with `app` cannot work for a job that runs `job_app`.
fn other_app(job_app: &AppIdentity, app: &AppIdentity) -> String {
    if job_app.name == app.name && job_app.version == app.version {
        let [job_input, input] = [job_app, app].map(|app| app.input);
        return format!(
            "this job runs another build of the app {app}: it reads {job_input}, and this worker's reads {input}"
        );
    }
    format!("this job runs the app {job_app}, but this worker has {app}")
}
