//! The worker processes of a local cluster: started, watched, started anew when they die, and gone at the end.
//!
//! A process that was seen to end is buried at once: its attempts are given to others without waiting for the task timeout.

use std::io;
use std::num::NonZeroUsize;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use mr_core::coordinator::Order;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::command::WorkerCommand;
use super::ear::pass_on;
use super::milestones::Milestones;
use crate::cli::Failure;
use crate::programs::signals::ENDING;
use crate::programs::worker_name;

/// How long workers may take to leave after the end of the job.
pub(super) const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// How long a killed worker may take to die. One that waits for a disk may not do so for hours.
const DIE_WITHIN: Duration = Duration::from_secs(2);

/// How long after a death the news may come that this whole program is to end: who presses Ctrl-C means all processes, and ours may not be the
/// first to notice.
const SAME_MOMENT: Duration = Duration::from_millis(100);

/// Whom the watchers are to kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Killing {
    Nobody,
    /// Those who have not registered. They cannot know that it is over, and would look for the coordinator.
    Strangers,
    Everybody,
}

/// The running workers.
pub(super) struct Cluster {
    watchers: JoinSet<()>,
    killing: watch::Sender<Killing>,
}

impl Cluster {
    /// Starts `workers` processes: all of them, or none that is left alone.
    pub(super) async fn start(
        command: WorkerCommand,
        workers: NonZeroUsize,
        orders: &UnboundedSender<Order>,
        milestones: &Arc<Milestones>,
    ) -> Result<Self, Failure> {
        let command = Arc::new(command);
        let deaths = Arc::new(Deaths { limit: 4 * workers.get() as u64 + 4, ..Deaths::default() });
        let mut cluster = Self { watchers: JoinSet::new(), killing: watch::Sender::new(Killing::Nobody) };
        for _ in 0..workers.get() {
            let watcher = Watcher {
                command: command.clone(),
                orders: orders.clone(),
                milestones: milestones.clone(),
                deaths: deaths.clone(),
                killing: cluster.killing.subscribe(),
            };
            match command.spawn() {
                Ok(child) => cluster.watchers.spawn(watcher.watch(child)),
                Err(failure) => {
                    cluster.kill().await;
                    return Err(failure);
                }
            };
        }
        Ok(cluster)
    }

    /// Waits for the workers to leave, now that the job has ended, and kills those that do not; all of them once somebody is in a hurry.
    pub(super) async fn stop(mut self, mut hurried: watch::Receiver<bool>) {
        self.killing.send_replace(Killing::Strangers);
        tokio::select! {
            _ = timeout(LEAVE_WITHIN, self.all_gone()) => {}
            // Its sender lives for as long as there may be signals.
            Ok(_) = hurried.wait_for(|hurried| *hurried) => {}
        }
        self.kill().await;
    }

    /// Kills the workers, and waits until they are dead: what one still wrote would otherwise be there after all has been cleared away.
    pub(super) async fn kill(mut self) {
        self.killing.send_replace(Killing::Everybody);
        let _ = timeout(DIE_WITHIN, self.all_gone()).await;
    }

    async fn all_gone(&mut self) {
        while self.watchers.join_next().await.is_some() {}
    }
}

/// Deaths since the last commit, over all workers.
#[derive(Debug, Default)]
struct Deaths {
    limit: u64,
    in_a_row: AtomicU64,
    commits_seen: AtomicU64,
}

impl Deaths {
    /// Counts one more death; whether there have now been too many without a commit in between.
    fn one_more(&self, commits: u64) -> bool {
        if self.commits_seen.swap(commits, Ordering::Relaxed) != commits {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
        self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1 > self.limit
    }
}

/// Watches one worker process and its successors.
struct Watcher {
    command: Arc<WorkerCommand>,
    orders: UnboundedSender<Order>,
    milestones: Arc<Milestones>,
    deaths: Arc<Deaths>,
    killing: watch::Receiver<Killing>,
}

impl Watcher {
    async fn watch(mut self, mut child: Child) {
        loop {
            let name = child.id().map(worker_name).unwrap_or_default();
            let words = tokio::spawn(pass_on(child.stderr.take()));
            let ended = tokio::select! {
                ended = child.wait() => ended,
                () = self.told_to_kill(&name) => {
                    // It may have died by itself meanwhile.
                    let _ = child.kill().await;
                    return;
                }
            };
            // Before anything is said of its end. What it started may say more for as long as it lives.
            let _ = timeout(SAME_MOMENT, words).await;
            if is_of_a_signal_to_all(&ended) {
                sleep(SAME_MOMENT).await;
            }
            self.order(Order::Bury(name.clone()));
            if self.milestones.has_ended() {
                return;
            }
            let (code, status) = match ended {
                Ok(status) => (status.code(), status.to_string()),
                Err(error) => (None, format!("unknown, {error}")),
            };
            // Whatever the exit code: an app may end its process with the very ones that a worker leaves with at the end.
            tracing::warn!(worker = name, status, "worker process died");
            match self.successor(&name, code, &status) {
                Ok(successor) => child = successor,
                Err(reason) => return self.order(Order::Abort(reason)),
            }
        }
    }

    async fn told_to_kill(&mut self, name: &str) {
        let from = |known| if known { Killing::Everybody } else { Killing::Strangers };
        let milestones = &self.milestones;
        // Without a sender the cluster is gone, and the workers with it.
        let _ = self.killing.wait_for(|killing| *killing >= from(milestones.knows(name))).await;
    }

    /// A new process in place of the worker `name`, which ended as `status` says, and with the exit code `code` if there was one; else the
    /// reason why there is no point.
    fn successor(&self, name: &str, code: Option<i32>, status: &str) -> Result<Child, String> {
        // One that left before it had anything to do has said why, and the next would say the same. Later the code may be the app's.
        if let Some(code @ 2..=3) = code.filter(|_| !self.milestones.has_worked(name)) {
            return Err(format!("the workers cannot work (exit code {code}, see their message above)"));
        }
        if self.deaths.one_more(self.milestones.commits()) {
            let count = self.deaths.limit + 1;
            let doing = self.milestones.was_doing(name).map(|doing| format!(", while it was at {doing}"));
            return Err(format!(
                "{count} worker processes died in a row without finishing a task (the last: {status}){}",
                doing.unwrap_or_default()
            ));
        }
        self.command.spawn().map_err(|error| error.to_string())
    }

    fn order(&self, order: Order) {
        // A coordinator that has finished needs no orders.
        let _ = self.orders.unbounded_send(order);
    }
}

/// Whether a worker ended as all processes of this program do when somebody wants it to end.
fn is_of_a_signal_to_all(ended: &io::Result<ExitStatus>) -> bool {
    let signal = ended.as_ref().ok().and_then(ExitStatusExt::signal);
    ENDING.iter().any(|ending| signal == Some(ending.as_raw_value()))
}

#[cfg(test)]
mod tests {
    use futures::channel::mpsc;
    use futures::future::{Either, select};
    use std::pin::pin;

    use mr_core::ids::WorkerId;

    use super::*;

    #[tokio::test]
    async fn in_the_end_those_who_never_came_are_not_waited_for() {
        let command = Arc::new(WorkerCommand::sleeping());
        let (orders, _) = mpsc::unbounded();
        let milestones = Arc::new(Milestones::default());
        let killing = watch::Sender::new(Killing::Nobody);
        let watcher = || Watcher {
            command: command.clone(),
            orders: orders.clone(),
            milestones: milestones.clone(),
            deaths: Arc::default(),
            killing: killing.subscribe(),
        };
        let [known, stranger] = [(); 2].map(|()| command.spawn().unwrap());
        milestones.registered(&worker_name(known.id().unwrap()), WorkerId(1));
        let (known, stranger) = (pin!(watcher().watch(known)), pin!(watcher().watch(stranger)));
        milestones.ended();
        killing.send_replace(Killing::Strangers);
        let Either::Right(((), known)) = select(known, stranger).await else { panic!("the other stays") };
        killing.send_replace(Killing::Everybody);
        known.await;
    }
}
