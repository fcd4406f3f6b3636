//! The signs of life a worker gives while its attempts run, and what it learns in return.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::mpsc::UnboundedSender;
use world::{CallError, Clock, World};

use super::client::{Client, ClientError};
use crate::ids::AttemptId;
use crate::protocol::{AttemptProgress, Ending, Registration, Reply, Request};
use crate::tasks::Progress;

/// What a heartbeat tells the worker's main loop.
pub(super) enum Signal {
    /// The job has ended.
    Ended(Ending),
    /// The coordinator is gone.
    Lost(ClientError),
    /// The coordinator is another one.
    Forgotten,
}

/// The attempts a worker runs, shared with its heartbeats.
#[derive(Clone, Default)]
pub(super) struct RunningAttempts(Arc<Mutex<BTreeMap<AttemptId, Arc<Progress>>>>);

impl RunningAttempts {
    /// Adds `attempt`; none when it already runs.
    pub(super) fn start(&self, attempt: AttemptId) -> Option<Arc<Progress>> {
        let progress = Arc::new(Progress::default());
        let mut running = self.lock();
        if running.contains_key(&attempt) {
            return None;
        }
        running.insert(attempt, progress.clone());
        Some(progress)
    }

    /// Takes `attempt` off.
    pub(super) fn end(&self, attempt: AttemptId) {
        self.lock().remove(&attempt);
    }

    /// Asks those in `attempts` that run to stop.
    fn stop(&self, attempts: &[AttemptId]) {
        let running = self.lock();
        for progress in attempts.iter().filter_map(|attempt| running.get(attempt)) {
            progress.stop();
        }
    }

    /// Asks all to stop, and names them.
    pub(super) fn stop_all(&self) -> Vec<AttemptId> {
        let running = self.lock();
        for progress in running.values() {
            progress.stop();
        }
        running.keys().copied().collect()
    }

    fn progress(&self) -> Vec<AttemptProgress> {
        let running = self.lock();
        running.iter().map(|(&attempt, progress)| AttemptProgress { attempt, ticks: progress.ticks() }).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AttemptId, Arc<Progress>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends heartbeats until there is something to signal or the main loop has gone.
pub(super) async fn beat<W: World>(
    world: W,
    client: Arc<Client<W>>,
    registration: Registration,
    running: RunningAttempts,
    signals: UnboundedSender<Signal>,
) {
    let worker = registration.worker;
    let mut silence = client.silence();
    loop {
        world.clock().sleep(registration.heartbeat_interval).await;
        if signals.is_closed() {
            return;
        }
        let answer = client.ask_once(&Request::Heartbeat { worker, running: running.progress() }).await;
        let signal = match answer {
            Ok(Reply::Heard { ended: Some(ending), .. }) => Signal::Ended(ending),
            Ok(Reply::Heard { obsolete, ended: None }) => {
                running.stop(&obsolete);
                silence = client.silence();
                continue;
            }
            Ok(_) => Signal::Forgotten,
            Err(CallError::Rejected { reason, .. }) => Signal::Lost(ClientError::Rejected { reason }),
            Err(CallError::NoAnswer { reason, .. } | CallError::NobodyListens { reason, .. }) => {
                let silent_for = silence.lasted(world.clock().now());
                let Some(tried_for) = client.gives_up(silent_for) else { continue };
                Signal::Lost(ClientError::Lost { tried_for, reason })
            }
        };
        // A main loop that has gone needs no signal.
        let _ = signals.unbounded_send(signal);
        return;
    }
}
