//! The worker processes of a local cluster: started, watched, started anew when they die, and gone at the end.
//!
//! A process that was seen to end is buried at once: its attempts are given to others without waiting for the task timeout.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use mr_core::coordinator::Order;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::command::WorkerCommand;
use crate::cli::Failure;
use crate::programs::worker_name;

/// How long workers may take to leave after the end of the job.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// How long a killed worker may take to die. One that waits for a disk may not do so for hours.
const DIE_WITHIN: Duration = Duration::from_secs(2);

/// How far the job has come, as far as it matters to those who watch the workers.
#[derive(Debug, Default)]
pub(super) struct Milestones {
    commits: AtomicU64,
    ended: AtomicBool,
}

impl Milestones {
    /// One more task was committed: dying workers still get somewhere.
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// The job has ended: from now on workers leave by themselves. To be called before any of them can know.
    pub(super) fn ended(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// The running workers.
pub(super) struct Cluster {
    watchers: JoinSet<()>,
    /// Whether those who are still there are to be killed.
    killing: watch::Sender<bool>,
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
        let mut cluster = Self { watchers: JoinSet::new(), killing: watch::Sender::new(false) };
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

    /// Waits for the workers to leave, now that the job has ended, and kills those that do not.
    pub(super) async fn stop(mut self) {
        let _ = timeout(LEAVE_WITHIN, self.all_gone()).await;
        self.kill().await;
    }

    /// Kills the workers, and waits until they are dead: what one still wrote would otherwise be there after all has been cleared away.
    pub(super) async fn kill(mut self) {
        self.killing.send_replace(true);
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
    killing: watch::Receiver<bool>,
}

impl Watcher {
    async fn watch(mut self, mut child: Child) {
        loop {
            let name = child.id().map(worker_name).unwrap_or_default();
            let ended = tokio::select! {
                ended = child.wait() => ended,
                () = self.told_to_kill() => {
                    // It may have died by itself meanwhile.
                    let _ = child.kill().await;
                    return;
                }
            };
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
            match self.successor(code, &status) {
                Ok(successor) => child = successor,
                Err(reason) => return self.order(Order::Abort(reason)),
            }
        }
    }

    async fn told_to_kill(&mut self) {
        // Without a sender the cluster is gone, and the workers with it.
        let _ = self.killing.wait_for(|killing| *killing).await;
    }

    /// A new process in place of one that ended as `status` says, and with the exit code `code` if there was one; else the reason why there
    /// is no point.
    fn successor(&self, code: Option<i32>, status: &str) -> Result<Child, String> {
        if let Some(code @ 2..=3) = code {
            return Err(format!("the workers cannot work (exit code {code}, see their message above)"));
        }
        if self.deaths.one_more(self.milestones.commits()) {
            let count = self.deaths.limit + 1;
            return Err(format!(
                "{count} worker processes died in a row without finishing a task (the last: {status})"
            ));
        }
        self.command.spawn().map_err(|error| error.to_string())
    }

    fn order(&self, order: Order) {
        // A coordinator that has finished needs no orders.
        let _ = self.orders.unbounded_send(order);
    }
}
