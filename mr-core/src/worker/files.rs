//! Where a job's files lie, and how an output gets its name.
//!
//! Everything temporary is in a directory of the job's own, `mr-job-ID`: next to the outputs, and, if intermediate files are to
//! lie elsewhere, there as well. Every name in it carries task and attempt, so no two attempts ever meet:
//!
//! ```text
//! mr-job-ID/map-3-2          what attempt 2 of map 3 wrote, complete
//! mr-job-ID/map-3-2.tmp      the same, still being written
//! mr-job-ID/map-3-2.spill-0  one of its spills
//! mr-job-ID/reduce-5-1.tmp   what attempt 1 of reduce 5 would have as mr-out-5
//! mr-job-ID/output-5         the one output of reduce 5 that counts
//! mr-job-ID/reduce-5-2.link  the same, about to be put in place by an attempt that was not the first
//! mr-out-5                   the same file under its public name
//! ```
//!
//! # Why an output cannot change once it is visible
//!
//! The coordinator tells one attempt at a time to commit, but it cannot stop an attempt that was told so, slept, and woke up
//! long after another took its place. The file system can: `output-5` is made by a hard link, which fails when the name exists,
//! so the first attempt to get there wins for good. Whoever comes later, whether the winner was too slow or died half-way, puts
//! *that* file in place, and renaming a file over itself does nothing (POSIX `rename`). The link is durable before anybody can see the
//! output, so that a power loss does not undo the choice. When the job has ended the directory
//! goes, and with it everything a sleeper could still rename: what attempts have written first, durably, what decides among them last.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use world::{Clock, FileError, FileSystem};

use crate::ids::{AttemptId, JobId, MapAttempt, Partition, Reduces, TaskId};

/// What the name of an output that counts begins with, in the job's directory.
const CHOICE: &str = "output-";
/// How often clearing away is tried: others may still drop files into a directory, and a disk may err once in a while.
const SWEEP_ROUNDS: u32 = 10;
/// The pause after the first round; it doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// What is to be cleared away.
#[derive(Clone, Copy)]
enum Sweep {
    /// The files of an attempt.
    LeftBy(AttemptId),
    /// Those of them that are not complete.
    Unfinished(AttemptId),
    /// The job's directories with all that is in them.
    Everything,
    /// The job's directories, if nothing is in them.
    Empty,
}

/// Where a job's files lie.
pub(super) struct JobFiles<F: FileSystem> {
    files: F,
    /// Intermediate files.
    scratch: Utf8PathBuf,
    /// Outputs before they have their name; in the directory of the outputs, because a rename cannot leave a file system.
    staging: Utf8PathBuf,
    out: Utf8PathBuf,
}

impl<F: FileSystem> JobFiles<F> {
    /// The files of `job`, with intermediate ones below `dir` and outputs in `out`.
    pub(super) fn new(files: F, job: JobId, dir: &Utf8Path, out: &Utf8Path) -> Self {
        let name = format!("mr-job-{job}");
        Self { files, scratch: dir.join(&name), staging: out.join(&name), out: out.to_owned() }
    }

    /// Makes the job's directories, unless another worker has. Nothing is durable yet: who leaves may still remove them, and another make them anew.
    pub(super) async fn create_directories(&self) -> Result<(), FileError> {
        for directory in self.directories() {
            match self.files.create_dir(directory).await {
                Err(error) if error.kind != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the name of `directory` durable, in which a file of this worker lies: so nobody removes it any more, and it is the one that
    /// stays. Whoever made it may lose power before it is durable, and with it everything that others have in it. Where nothing has
    /// changed a sync costs next to nothing.
    async fn keep(&self, directory: &Utf8Path) -> Result<(), FileError> {
        let parent = directory.parent().filter(|parent| !parent.as_str().is_empty());
        self.files.sync_dir(parent.unwrap_or(Utf8Path::new("."))).await
    }

    /// The prefix of the names of everything that `attempt` keeps for itself.
    pub(super) fn scratch(&self, attempt: AttemptId) -> Utf8PathBuf {
        self.scratch.join(attempt_name(attempt))
    }

    /// Where `attempt` writes what it is to commit.
    pub(super) fn temporary(&self, attempt: AttemptId) -> Utf8PathBuf {
        let directory = match attempt.task {
            TaskId::Map(_) => &self.scratch,
            TaskId::Reduce(_) => &self.staging,
        };
        directory.join(format!("{}.tmp", attempt_name(attempt)))
    }

    /// The complete output of a map attempt.
    pub(super) fn map_output(&self, map: MapAttempt) -> Utf8PathBuf {
        self.scratch.join(attempt_name(map.into()))
    }

    /// The names of all intermediate files.
    pub(super) async fn scratch_names(&self) -> Result<BTreeSet<String>, FileError> {
        Ok(self.files.read_dir(&self.scratch).await?.into_iter().collect())
    }

    /// Whether there is no file at `path`. One of which nobody knows is not gone.
    pub(super) async fn is_gone(&self, path: &Utf8Path) -> bool {
        self.files.metadata(path).await.is_err_and(|error| error.kind == io::ErrorKind::NotFound)
    }

    /// Whether the file `input` is the public place of one of `reduces` outputs, as far as its name tells: a job must not write over what it
    /// reads, and may have to read again.
    pub(super) fn would_overwrite(&self, input: &Utf8Path, reduces: Reduces) -> bool {
        let number: Option<u32> = input.file_name().and_then(|name| name.strip_prefix("mr-out-")?.parse().ok());
        let output =
            number.filter(|&number| number < reduces.get()).map(|number| self.out.join(format!("mr-out-{number}")));
        output.is_some_and(|output| parts(input).eq(parts(&output)))
    }

    /// Gives the synced temporary file of a map attempt its name, durably.
    pub(super) async fn commit_map(&self, map: MapAttempt) -> Result<(), FileError> {
        self.keep(&self.scratch).await?;
        self.files.rename(&self.temporary(map.into()), &self.map_output(map)).await?;
        self.files.sync_dir(&self.scratch).await
    }

    /// Puts the output of `partition` in place, durably: that of `attempt`, or that of the attempt which got there first. Says whether it
    /// was the former.
    pub(super) async fn commit_reduce(&self, partition: Partition, attempt: AttemptId) -> Result<bool, FileError> {
        self.keep(&self.staging).await?;
        let staged = self.temporary(attempt);
        let chosen = self.staging.join(format!("{CHOICE}{partition}"));
        let own = self.link_unless_there(&staged, &chosen).await?;
        // A choice that a power loss could take back would be made again, after others have seen the first.
        self.files.sync_dir(&self.staging).await?;
        if own {
            // If another has put it in place by now, this name stays until the directory goes.
            self.publish(&staged, partition).await?;
            return Ok(true);
        }
        let link = self.staging.join(format!("{}.link", attempt_name(attempt)));
        self.link_unless_there(&chosen, &link).await?;
        self.publish(&link, partition).await?;
        // The link is still there if it was renamed over the same file.
        self.remove_if_there(&link).await?;
        self.remove_if_there(&staged).await?;
        Ok(false)
    }

    /// Turns `name` into the public one of `partition`, durably.
    async fn publish(&self, name: &Utf8Path, partition: Partition) -> Result<(), FileError> {
        self.files.rename(name, &self.out.join(format!("mr-out-{partition}"))).await?;
        self.files.sync_dir(&self.out).await
    }

    /// Whether it was not there.
    async fn link_unless_there(&self, from: &Utf8Path, to: &Utf8Path) -> Result<bool, FileError> {
        match self.files.hard_link(from, to).await {
            Err(error) if error.kind != io::ErrorKind::AlreadyExists => Err(error),
            linked => Ok(linked.is_ok()),
        }
    }

    /// Removes everything that an attempt of no further use has left.
    pub(super) async fn discard(&self, clock: &impl Clock, attempt: AttemptId) {
        self.sweep(clock, Sweep::LeftBy(attempt)).await;
    }

    /// Removes what an attempt has not completed. A map output that has its name may count already, for all that this worker knows.
    pub(super) async fn discard_unfinished(&self, clock: &impl Clock, attempt: AttemptId) {
        self.sweep(clock, Sweep::Unfinished(attempt)).await;
    }

    /// Removes the job's directories with all that is in them. Several workers may do so at once.
    pub(super) async fn remove_all(&self, clock: &impl Clock) {
        self.sweep(clock, Sweep::Everything).await;
    }

    /// Removes the job's directories if they are empty: for a worker that leaves without knowing whether the job goes on. It
    /// may have slept through the job's end and made them anew. Whoever still works makes them again.
    pub(super) async fn remove_empty_directories(&self, clock: &impl Clock) {
        self.sweep(clock, Sweep::Empty).await;
    }

    /// Tries it again while it fails, with longer and longer pauses.
    async fn sweep(&self, clock: &impl Clock, sweep: Sweep) {
        for directory in self.directories() {
            let mut pause = FIRST_PAUSE;
            for round in 1..=SWEEP_ROUNDS {
                match self.sweep_once(sweep, directory).await {
                    Ok(()) => break,
                    Err(error) if round == SWEEP_ROUNDS => {
                        tracing::warn!(%error, "something of the job stays behind in its directory; it can be removed by hand");
                    }
                    Err(_) => clock.sleep(pause).await,
                }
                pause *= 2;
            }
        }
    }

    async fn sweep_once(&self, sweep: Sweep, directory: &Utf8Path) -> Result<(), FileError> {
        match sweep {
            Sweep::LeftBy(attempt) => {
                let own = attempt_name(attempt);
                self.remove_those(directory, |name| name == own || is_unfinished(name, &own)).await
            }
            Sweep::Unfinished(attempt) => {
                let own = attempt_name(attempt);
                self.remove_those(directory, |name| is_unfinished(name, &own)).await
            }
            Sweep::Everything => self.remove_with_contents(directory).await,
            Sweep::Empty => self.remove_if_empty(directory).await,
        }
    }

    /// Removes the files of a directory whose name is one of `those`.
    async fn remove_those(&self, directory: &Utf8Path, those: impl Fn(&str) -> bool) -> Result<(), FileError> {
        let mut names = self.names(directory).await?.unwrap_or_default();
        names.retain(|name| those(name));
        self.remove_each(directory, names).await
    }

    async fn remove_with_contents(&self, directory: &Utf8Path) -> Result<(), FileError> {
        let Some(names) = self.names(directory).await? else { return Ok(()) };
        // What decides which output counts goes last: who was told to commit and has slept since must find its own file gone
        // before it could decide anew.
        let (choices, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.starts_with(CHOICE));
        self.remove_each(directory, others).await?;
        if !choices.is_empty() {
            // A power loss may take back one removal and not the next.
            unless_gone(self.files.sync_dir(directory).await)?;
        }
        self.remove_each(directory, choices).await?;
        unless_gone(self.files.remove_dir(directory).await)
    }

    /// One in use, or gone, is as it should be.
    async fn remove_if_empty(&self, directory: &Utf8Path) -> Result<(), FileError> {
        match self.files.remove_dir(directory).await {
            Err(error) if error.kind == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => unless_gone(removed),
        }
    }

    /// What is in a directory, if there is one.
    async fn names(&self, directory: &Utf8Path) -> Result<Option<Vec<String>>, FileError> {
        match self.files.read_dir(directory).await {
            Err(error) if error.kind == io::ErrorKind::NotFound => Ok(None),
            names => names.map(Some),
        }
    }

    fn directories(&self) -> impl Iterator<Item = &Utf8Path> {
        let staging = (self.staging != self.scratch).then_some(self.staging.as_path());
        [Some(self.scratch.as_path()), staging].into_iter().flatten()
    }

    async fn remove_each(&self, directory: &Utf8Path, names: Vec<String>) -> Result<(), FileError> {
        for name in names {
            self.remove_if_there(&directory.join(name)).await?;
        }
        Ok(())
    }

    async fn remove_if_there(&self, path: &Utf8Path) -> Result<(), FileError> {
        unless_gone(self.files.remove_file(path).await)
    }
}

/// The parts of `path` that lead somewhere else.
fn parts(path: &Utf8Path) -> impl Iterator<Item = Utf8Component<'_>> {
    path.components().filter(|part| *part != Utf8Component::CurDir)
}

/// What is not there any more has been removed by somebody else, which is as well.
fn unless_gone(result: Result<(), FileError>) -> Result<(), FileError> {
    match result {
        Err(error) if error.kind == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Whether `name` is that of a file which the attempt called `own` has not completed.
fn is_unfinished(name: &str, own: &str) -> bool {
    name.strip_prefix(own).is_some_and(|extension| extension.starts_with('.'))
}

/// The name of what `attempt` has completed, and what all its names begin with.
fn attempt_name(attempt: AttemptId) -> String {
    match attempt.task {
        TaskId::Map(map) => format!("map-{}-{}", map.0, attempt.attempt.0),
        TaskId::Reduce(partition) => format!("reduce-{}-{}", partition.0, attempt.attempt.0),
    }
}
