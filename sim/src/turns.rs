//! Turns: which task runs next. One runs at a time, and chance, not the executor, says which.
//!
//! madsim's executor picks among runnable tasks by a random number of its own and adds some 75 ns to its clock for every
//! poll, so that one poll more anywhere moves everything after it. Here it never has a choice to make: a task that is woken
//! waits in [`Turns`] until the director (see `run`) gives it a turn, which it hands back when it has been polled. Who is
//! first among those that wait is decided by the hash of the task and of how often it was woken.

use std::any::Any;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::decisions::{Decisions, Matter};

/// A lock on something that no panic can leave half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A task of a node, as those see it who wake it.
pub(crate) struct Task {
    pub(crate) node: usize,
    /// Which start of the node it belongs to.
    pub(crate) start: u32,
    /// Its number among all tasks of the node.
    number: u64,
    wakes: AtomicU64,
    waiting: AtomicBool,
    has_turn: AtomicBool,
    /// How the executor is told to poll it.
    executor: Mutex<Option<Waker>>,
    turns: Arc<Turns>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.waiting.swap(true, Ordering::Relaxed) {
            let wakes = self.wakes.fetch_add(1, Ordering::Relaxed);
            let rank = self.turns.decisions.draw(Matter::Turn, [self.node as u64, self.number, wakes]);
            lock(&self.turns.waiting)
                .push(Waiting { rank: Reverse((rank, self.node, self.number)), task: Arc::clone(self) });
        }
    }
}

struct Waiting {
    rank: Reverse<(u64, usize, u64)>,
    task: Arc<Task>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// The tasks that wait for a turn.
pub(crate) struct Turns {
    decisions: Decisions,
    waiting: Mutex<BinaryHeap<Waiting>>,
    returned: AtomicBool,
    director: Mutex<Option<Waker>>,
}

impl Turns {
    pub(crate) fn new(decisions: Decisions) -> Arc<Self> {
        let (waiting, director) = (Mutex::default(), Mutex::default());
        Arc::new(Self { decisions, waiting, returned: AtomicBool::new(true), director })
    }

    /// A new task, which waits for its first turn.
    pub(crate) fn task(self: &Arc<Self>, node: usize, start: u32, number: u64) -> Arc<Task> {
        let task = Arc::new(Task {
            node,
            start,
            number,
            wakes: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            has_turn: AtomicBool::new(false),
            executor: Mutex::new(None),
            turns: Arc::clone(self),
        });
        task.wake_by_ref();
        task
    }

    /// The first in line.
    pub(crate) fn next(&self) -> Option<Arc<Task>> {
        lock(&self.waiting).pop().map(|waiting| waiting.task)
    }

    /// Lets a task that was taken out of the line queue again.
    pub(crate) fn queue_again(task: &Arc<Task>) {
        task.waiting.store(false, Ordering::Relaxed);
        task.wake_by_ref();
    }

    /// Gives `task` a turn and waits until it hands it back.
    pub(crate) async fn give(&self, task: &Task) {
        self.returned.store(false, Ordering::Relaxed);
        task.has_turn.store(true, Ordering::Relaxed);
        let mut told = false;
        poll_fn(|context| {
            if self.returned.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            if !told {
                told = true;
                let mut director = lock(&self.director);
                if !director.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                    *director = Some(context.waker().clone());
                }
                drop(director);
                // One that was never polled stands in the executor's queue already.
                let executor = lock(&task.executor).clone();
                if let Some(executor) = executor {
                    executor.wake();
                }
            }
            Poll::Pending
        })
        .await;
    }

    fn hand_back(&self) {
        self.returned.store(true, Ordering::Relaxed);
        let director = lock(&self.director).clone();
        if let Some(director) = director {
            director.wake();
        }
    }

    /// Forgets everybody: wakers and tasks hold each other.
    pub(crate) fn clear(&self) {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        let director = lock(&self.director).take();
        drop((waiting, director));
    }
}

/// How a task ended.
pub(crate) type Ending<T> = Result<T, Box<dyn Any + Send>>;

/// A task's future, polled only when the task has a turn. Yields the payload of a panic instead of passing it on.
pub(crate) struct Gated<F> {
    task: Arc<Task>,
    inner: Option<Pin<Box<F>>>,
    waker: Waker,
}

impl<F> Gated<F> {
    pub(crate) fn new(task: Arc<Task>, inner: F) -> Self {
        Self { waker: Waker::from(Arc::clone(&task)), inner: Some(Box::pin(inner)), task }
    }

    /// Drops the future; what its destructors have to say in panic is of no interest any more.
    fn end(&mut self) {
        if let Some(inner) = self.inner.take() {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(inner)));
        }
    }
}

impl<F: Future> Future for Gated<F> {
    type Output = Ending<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let gated = &mut *self;
        let mut executor = lock(&gated.task.executor);
        if executor.is_none() {
            *executor = Some(context.waker().clone());
        }
        drop(executor);
        if !gated.task.has_turn.swap(false, Ordering::Relaxed) {
            return Poll::Pending;
        }
        gated.task.waiting.store(false, Ordering::Relaxed);
        let inner = gated.inner.as_mut().expect("a task is not polled after its end");
        let mut own = Context::from_waker(&gated.waker);
        let polled = catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll(&mut own)));
        let ending = match polled {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(output)) => Some(Ok(output)),
            Err(payload) => Some(Err(payload)),
        };
        if ending.is_some() {
            gated.end();
        }
        gated.task.turns.hand_back();
        ending.map_or(Poll::Pending, Poll::Ready)
    }
}

impl<F> Drop for Gated<F> {
    fn drop(&mut self) {
        self.end();
        lock(&self.task.executor).take();
        if self.task.has_turn.swap(false, Ordering::Relaxed) {
            self.task.turns.hand_back();
        }
    }
}
