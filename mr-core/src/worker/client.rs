//! Asking the coordinator, again and again if need be. Every request can be carried out twice without harm, so an answer that
//! does not come is simply asked for again, after pauses that grow and jitter so that a thousand workers do not ask in step.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use world::{Address, CallError, Clock, Network, World};

use super::silence::Silence;
use crate::ids::JobId;
use crate::job::PATIENCE;
use crate::marks;
use crate::protocol::{self, Reply, Request};

/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long nobody may listen where the coordinator has answered before, until it is gone for good: it does not come back, and one that
/// takes its place knows none of its workers. Not at once, because something between the two may refuse for a moment.
const GONE_AFTER: Duration = Duration::from_secs(2);

/// Why the coordinator could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// It did not answer for as long as the worker was told to try, or nobody has listened any more for two seconds.
    #[error("the coordinator has not answered for {} s: {reason}", tried_for.as_secs_f64().round())]
    Lost {
        /// How long it was tried.
        tried_for: Duration,
        /// What went wrong the last time.
        reason: String,
    },
    /// It does not understand this worker, or the worker it.
    #[error("{reason}")]
    Rejected {
        /// The listener's words, or what is wrong with its answer.
        reason: String,
    },
}

/// The coordinator, as seen from a worker.
pub(super) struct Client<W: World> {
    world: W,
    coordinator: Address,
    /// The job that this worker is registered for.
    job: Option<JobId>,
    retry_for: Duration,
    jitter: Mutex<ChaCha8Rng>,
    door: Mutex<Door>,
}

/// Whether somebody listens where the coordinator should.
#[derive(Default)]
struct Door {
    /// The coordinator has answered from there.
    was_open: bool,
    /// The silence since nobody was found to listen there, if nothing else has been heard meanwhile.
    closed: Option<Silence>,
}

impl<W: World> Client<W> {
    /// The coordinator at `coordinator`, given up after `retry_for` without an answer, and sooner when it is gone.
    pub(super) fn new(world: W, coordinator: Address, retry_for: Duration) -> Self {
        let jitter = Mutex::new(ChaCha8Rng::seed_from_u64(world.entropy()));
        Self { world, coordinator, job: None, retry_for, jitter, door: Mutex::default() }
    }

    /// The same, for a worker that is registered for `job`: whoever else listens there by now must not take it for a worker of its own.
    pub(super) fn of(self, job: JobId) -> Self {
        Self { job: Some(job), ..self }
    }

    /// Asks until there is an answer.
    pub(super) async fn ask(&self, request: &Request) -> Result<Reply, ClientError> {
        let mut silence = self.silence();
        let mut pause = FIRST_PAUSE;
        loop {
            let reason = match self.ask_once(request).await {
                Ok(reply) => return Ok(reply),
                Err(CallError::Rejected { reason, .. }) => return Err(ClientError::Rejected { reason }),
                Err(CallError::NoAnswer { reason, .. } | CallError::NobodyListens { reason, .. }) => reason,
            };
            self.world.mark(marks::CALL_REPEATED);
            let silent_for = silence.lasted(self.world.clock().now());
            if let Some(tried_for) = self.gives_up(silent_for) {
                self.world.mark(marks::COORDINATOR_LOST);
                return Err(ClientError::Lost { tried_for, reason });
            }
            self.world.clock().sleep(self.jittered(pause).min(self.retry_for - silent_for)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The silence that begins now, for who looks at it after every call and pauses no longer than this client does.
    pub(super) fn silence(&self) -> Silence {
        Silence::new(self.world.clock().now(), PATIENCE + LONGEST_PAUSE)
    }

    /// Asks once.
    pub(super) async fn ask_once(&self, request: &Request) -> Result<Reply, CallError> {
        let answer = self.call(request).await;
        self.look_at_door(&answer);
        answer
    }

    async fn call(&self, request: &Request) -> Result<Reply, CallError> {
        let call = pin!(self.world.network().call(&self.coordinator, protocol::encode_request(self.job, request)));
        let patience = pin!(self.world.clock().sleep(PATIENCE));
        let address = self.coordinator.clone();
        match select(call, patience).await {
            Either::Left((answer, _)) => protocol::decode(&answer?).map_err(|error| CallError::Rejected {
                address,
                reason: format!("its answer makes no sense: {error}"),
            }),
            Either::Right(_) => {
                let reason = format!("no answer within {} s", PATIENCE.as_secs());
                Err(CallError::NoAnswer { address, reason })
            }
        }
    }

    fn look_at_door(&self, answer: &Result<Reply, CallError>) {
        let now = self.world.clock().now();
        let mut door = self.door();
        door.was_open |= answer.is_ok();
        match answer {
            Err(CallError::NobodyListens { .. }) => {
                door.closed.get_or_insert_with(|| self.silence()).lasted(now);
            }
            _ => door.closed = None,
        }
    }

    /// For how long the coordinator has been tried in vain, if that is long enough: nobody has answered, or nobody listens any more.
    pub(super) fn gives_up(&self, silent_for: Duration) -> Option<Duration> {
        let now = self.world.clock().now();
        let mut door = self.door();
        let was_open = door.was_open;
        let closed_for = door.closed.as_mut().filter(|_| was_open).map(|closed| closed.lasted(now));
        let is_gone = closed_for.is_some_and(|closed_for| closed_for >= GONE_AFTER);
        (is_gone || silent_for >= self.retry_for).then(|| silent_for.max(closed_for.unwrap_or_default()))
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Between half of `pause` and all of it.
    fn jittered(&self, pause: Duration) -> Duration {
        let mut jitter = self.jitter.lock().unwrap_or_else(PoisonError::into_inner);
        pause / 2 + (pause / 2).mul_f64(f64::from(jitter.next_u32()) / f64::from(u32::MAX))
    }
}
