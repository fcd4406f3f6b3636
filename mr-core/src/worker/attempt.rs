//! One attempt, from assignment to report: run the task, commit what it made, tell the coordinator.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8Path;
use tracing::{info, warn};
use world::{FileOperation, FileSystem, World};

use super::buffers::SpareBuffers;
use super::client::{Client, ClientError};
use super::files::JobFiles;
use super::questions::Questions;
use crate::app::Guarded;
use crate::counters::Counters;
use crate::ids::{Attempt, AttemptId, MapAttempt, MapIndex, Partition, TaskId};
use crate::job::Split;
use crate::marks;
use crate::protocol::{Assigned, Assignment, Failure, MAX_LISTED_MAPS, Registration, Reply, Request, cut_reason};
use crate::tasks::reduce::MapOutput;
use crate::tasks::{self, Limits, Progress, TaskContext, TaskError};

/// What all attempts of a worker share.
pub(super) struct Bench<W: World> {
    pub(super) world: W,
    pub(super) client: Arc<Client<W>>,
    pub(super) registration: Registration,
    pub(super) app: Guarded,
    pub(super) limits: Limits,
    pub(super) files: JobFiles<W::Files>,
    pub(super) map_commits: Mutex<MapCommits>,
    pub(super) buffers: SpareBuffers,
    pub(super) questions: Questions,
}

/// As much of the coordinator's list of map commits as was needed so far.
#[derive(Default)]
pub(super) struct MapCommits {
    list: Vec<MapAttempt>,
    /// What so many entries of the list come to: nearly all reduces of a job read the same.
    outputs: Option<(u64, Arc<[MapOutput]>)>,
}

impl MapCommits {
    /// What the first `count` entries come to.
    fn outputs<F: FileSystem>(&mut self, count: u64, files: &JobFiles<F>) -> Arc<[MapOutput]> {
        if let Some((of, outputs)) = &self.outputs
            && *of == count
        {
            return Arc::clone(outputs);
        }
        let commits = self.list[..count as usize].iter();
        let latest: BTreeMap<MapIndex, Attempt> = commits.map(|commit| (commit.map, commit.attempt)).collect();
        let maps = latest.into_iter().map(|(map, attempt)| MapAttempt { map, attempt });
        let outputs: Arc<[MapOutput]> = maps.map(|map| MapOutput { map, path: files.map_output(map) }).collect();
        self.outputs = Some((count, Arc::clone(&outputs)));
        outputs
    }
}

/// Why an attempt was not reported as done.
enum Trouble {
    /// It failed; the coordinator should know.
    Failed(Failure),
    /// It was stopped, because nobody wants the result any more.
    Stopped,
    /// The coordinator cannot be asked.
    Client(ClientError),
}

impl<E: Into<TaskError>> From<E> for Trouble {
    fn from(error: E) -> Self {
        match error.into() {
            TaskError::Stopped => Trouble::Stopped,
            TaskError::BadMapOutput { map, reason } => {
                Trouble::Failed(Failure::BadMapOutput { map, reason: cut_reason(&reason), missing: Vec::new() })
            }
            error @ (TaskError::App { .. } | TaskError::File(_) | TaskError::TooLarge { .. }) => {
                Trouble::Failed(Failure::Attempt { reason: cut_reason(&error.to_string()) })
            }
        }
    }
}

/// How often an attempt makes the directories for its files. Each worker that leaves may remove them once more.
const MOST_TRIES: u32 = 10;

/// Whether a task is to be tried again because it did not even begin: there was no directory for `first`, the file that it makes first.
/// Somebody who left has removed it between its making and its use, while it was empty. (Later on it goes only with the job.)
fn lacks_directory<T>(tries: u32, outcome: &Result<T, TaskError>, first: &Utf8Path) -> bool {
    let Err(TaskError::File(error)) = outcome else { return false };
    let is_first = error.operation == FileOperation::Create && error.path == first;
    tries < MOST_TRIES && is_first && error.kind == io::ErrorKind::NotFound
}

impl<W: World> Bench<W> {
    /// Runs `assignment` and reports on it. Yields what is to be done next, if the report was answered with that.
    pub(super) async fn run(
        &self,
        assignment: Assignment,
        progress: Arc<Progress>,
    ) -> Result<Option<Reply>, ClientError> {
        let id = assignment.attempt;
        let worker = self.registration.worker;
        info!(%worker, task = %id.task, attempt = id.attempt.0, "attempt started");
        let outcome = match assignment.work {
            Assigned::Map { splits } => self.map(id, &splits, progress.clone()).await,
            Assigned::Reduce { partition, map_outputs } => {
                self.reduce(id, partition, map_outputs, progress.clone()).await
            }
        };
        let report = match outcome {
            Ok(counters) => Request::Done { worker, attempt: id, counters, question: self.questions.open() },
            Err(trouble) => {
                // A reduce that has put its output in place has done so under other names.
                self.files.discard(self.world.clock(), id).await;
                match trouble {
                    Trouble::Client(error) => return Err(error),
                    Trouble::Failed(failure) if !progress.is_stopped() => {
                        warn!(%worker, task = %id.task, attempt = id.attempt.0, ?failure, "attempt failed");
                        Request::Failed { worker, attempt: id, failure }
                    }
                    Trouble::Failed(_) | Trouble::Stopped => {
                        // The job may be over, its directory gone, and made anew by this very attempt.
                        self.files.remove_empty_directories(self.world.clock()).await;
                        self.world.mark(marks::ATTEMPT_STOPPED);
                        info!(%worker, task = %id.task, attempt = id.attempt.0, "attempt stopped");
                        return Ok(None);
                    }
                }
            }
        };
        self.report(id, &report).await
    }

    /// Tells the coordinator how `id` went, and removes what is of no further use. Yields the answer to the question that came along.
    async fn report(&self, id: AttemptId, report: &Request) -> Result<Option<Reply>, ClientError> {
        let reply = self.client.ask(report).await;
        if matches!(reply, Ok(Reply::Run(_) | Reply::Exit(_))) {
            return reply.map(Some);
        }
        if report.question_along().is_some() {
            self.questions.put_off();
        }
        match reply {
            Ok(Reply::Obsolete) => {
                self.world.mark(marks::WORK_IN_VAIN);
                self.files.discard(self.world.clock(), id).await;
            }
            Ok(_) => {}
            Err(error) => {
                // The output of a reduce has its name by now; what may be left is a second one. That of a map may count already.
                if matches!(id.task, TaskId::Reduce(_)) {
                    self.files.discard(self.world.clock(), id).await;
                }
                return Err(error);
            }
        }
        Ok(None)
    }

    async fn map(&self, id: AttemptId, splits: &[Split], progress: Arc<Progress>) -> Result<Counters, Trouble> {
        let TaskId::Map(map) = id.task else { return Err(Trouble::Stopped) };
        self.spare_inputs(splits)?;
        let (context, temporary) = (self.context(id, progress), self.files.temporary(id));
        let mut buffer = self.buffers.take();
        let mut tries = 0;
        let mapped = loop {
            self.files.create_directories().await?;
            let mapped = tasks::map::execute(&context, splits, &temporary, &mut buffer).await;
            tries += 1;
            if !lacks_directory(tries, &mapped, &temporary) {
                break mapped;
            }
        };
        self.buffers.give_back(buffer);
        let counters = mapped?;
        self.files.commit_map(MapAttempt { map, attempt: id.attempt }).await?;
        Ok(counters)
    }

    /// Fails if this job's outputs would go where one of `splits` is read from.
    fn spare_inputs(&self, splits: &[Split]) -> Result<(), Trouble> {
        let reduces = self.registration.reduces;
        match splits.iter().find(|split| self.files.would_overwrite(Utf8Path::new(&split.path), reduces)) {
            Some(Split { path, .. }) => Err(Trouble::Failed(Failure::Attempt {
                reason: format!(
                    "the input {path} would be overwritten by an output of this job: give the workers another directory with --out"
                ),
            })),
            None => Ok(()),
        }
    }

    async fn reduce(
        &self,
        id: AttemptId,
        partition: Partition,
        map_outputs: u64,
        progress: Arc<Progress>,
    ) -> Result<Counters, Trouble> {
        let inputs = self.map_outputs(map_outputs).await.map_err(Trouble::Client)?;
        self.buffers.free();
        let context = self.context(id, progress);
        // The answer may have come when nobody wanted this attempt any more.
        context.tick()?;
        let (temporary, mut tries) = (self.files.temporary(id), 0);
        let reduced = loop {
            self.files.create_directories().await?;
            let reduced = tasks::reduce::execute(&context, partition, &inputs, &temporary).await;
            tries += 1;
            if !lacks_directory(tries, &reduced, &temporary) {
                break reduced;
            }
        };
        let mut reduced = reduced.map_err(Trouble::from);
        if let Err(Trouble::Failed(Failure::BadMapOutput { map, missing, .. })) = &mut reduced {
            *missing = self.missing(&inputs, *map).await;
        }
        let counters = reduced?;
        self.await_permission(id, &context.progress).await?;
        if !self.files.commit_reduce(partition, id).await? {
            self.world.mark(marks::OUTPUT_CHOSEN);
        }
        Ok(counters)
    }

    fn context(&self, attempt: AttemptId, progress: Arc<Progress>) -> TaskContext<W> {
        TaskContext {
            world: self.world.clone(),
            app: self.app.clone(),
            combine: self.registration.combine,
            reduces: self.registration.reduces,
            limits: self.limits,
            job: self.registration.job,
            attempt,
            scratch: self.files.scratch(attempt),
            progress,
        }
    }

    /// Waits until the coordinator tells this attempt to commit, or that it is no longer wanted.
    async fn await_permission(&self, attempt: AttemptId, progress: &Progress) -> Result<(), Trouble> {
        let request = Request::AskCommit { worker: self.registration.worker, attempt };
        loop {
            match self.client.ask(&request).await.map_err(Trouble::Client)? {
                Reply::Commit => return Ok(()),
                Reply::Wait if !progress.is_stopped() => {}
                _ => return Err(Trouble::Stopped),
            }
        }
    }

    /// The outputs to read for a reduce that was assigned when the list of commits had `count` entries: of each map the
    /// attempt that was committed last by then.
    async fn map_outputs(&self, count: u64) -> Result<Arc<[MapOutput]>, ClientError> {
        let worker = self.registration.worker;
        loop {
            let known = {
                let mut commits = self.map_commits.lock().unwrap_or_else(PoisonError::into_inner);
                if commits.list.len() as u64 >= count {
                    return Ok(commits.outputs(count, &self.files));
                }
                commits.list.len()
            };
            let reply = self.client.ask(&Request::MapOutputs { worker, known: known as u64 }).await?;
            let Reply::MapOutputs { commits: more } = reply else {
                let reason = "the coordinator would not say which map outputs to read".to_owned();
                return Err(ClientError::Rejected { reason });
            };
            let mut commits = self.map_commits.lock().unwrap_or_else(PoisonError::into_inner);
            // Another slot may have asked the same in the meantime.
            if commits.list.len() == known {
                commits.list.extend(more);
            }
        }
    }

    /// Which of `inputs`, besides that of `bad`, are not there. None, when not a single one is: then this worker looks in the wrong place,
    /// or the job is over.
    async fn missing(&self, inputs: &[MapOutput], bad: MapAttempt) -> Vec<MapAttempt> {
        let Ok(there) = self.files.scratch_names().await else { return Vec::new() };
        let is_listed = |input: &&MapOutput| input.path.file_name().is_some_and(|name| there.contains(name));
        let (listed, unlisted): (Vec<_>, Vec<_>) = inputs.iter().partition(is_listed);
        let mut missing = Vec::new();
        if listed.is_empty() {
            return missing;
        }
        for input in unlisted.into_iter().filter(|input| input.map != bad).take(MAX_LISTED_MAPS) {
            // A list may be older than a file: some file systems keep it for a while.
            if self.files.is_gone(&input.path).await {
                missing.push(input.map);
            }
        }
        missing
    }
}
