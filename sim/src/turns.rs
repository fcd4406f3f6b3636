//! Turns: which task runs next. One runs at a time, and chance, not an executor, says which.
//!
//! madsim's executor picks among runnable tasks by a random number of its own and adds some 75 ns to its clock for every
//! poll, so that one poll more anywhere moves everything after it. So the director (see `run`) polls the tasks of the nodes
//! itself: one that is woken waits in [`Turns`] until it is given a turn. Who is first among those that wait is decided by
//! the hash of the task and of how often it was woken. Their futures are on the [`Stage`].

use std::any::Any;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::LocalBoxFuture;

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
    turns: Arc<Turns>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Looking and writing are two steps here, because a run has one thread, and a step that is both costs more than all the rest.
    fn wake_by_ref(self: &Arc<Self>) {
        if !self.waiting.load(Ordering::Relaxed) {
            self.waiting.store(true, Ordering::Relaxed);
            let wakes = self.wakes.load(Ordering::Relaxed);
            self.wakes.store(wakes + 1, Ordering::Relaxed);
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
}

impl Turns {
    pub(crate) fn new(decisions: Decisions) -> Arc<Self> {
        Arc::new(Self { decisions, waiting: Mutex::default() })
    }

    /// A new task, which waits for its first turn.
    pub(crate) fn task(self: &Arc<Self>, node: usize, start: u32, number: u64) -> Arc<Task> {
        let task = Arc::new(Task {
            node,
            start,
            number,
            wakes: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
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

    /// Forgets everybody: tasks and their line hold each other.
    pub(crate) fn clear(&self) {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        drop(waiting);
    }
}

/// The payload of a panic.
pub(crate) type Panic = Box<dyn Any + Send>;

/// What a task does, and how it is woken.
struct Part {
    future: LocalBoxFuture<'static, ()>,
    waker: Waker,
}

/// The futures of all tasks: by node, and by number among all tasks of the node.
#[derive(Default)]
pub(crate) struct Stage(Vec<Vec<Option<Part>>>);

impl Stage {
    /// Puts the future of a new task on the stage.
    pub(crate) fn enter(&mut self, task: Arc<Task>, future: LocalBoxFuture<'static, ()>) {
        let (node, number) = (task.node, task.number as usize);
        if self.0.len() <= node {
            self.0.resize_with(node + 1, Vec::new);
        }
        let tasks = &mut self.0[node];
        if tasks.len() <= number {
            tasks.resize_with(number + 1, || None);
        }
        tasks[number] = Some(Part { future, waker: Waker::from(task) });
    }

    /// Gives `task` a turn. One that has ended does nothing with it.
    ///
    /// # Errors
    ///
    /// When it panics: the payload.
    pub(crate) fn give_turn(&mut self, task: &Task) -> Result<(), Panic> {
        task.waiting.store(false, Ordering::Relaxed);
        let place = self.0.get_mut(task.node).and_then(|tasks| tasks.get_mut(task.number as usize));
        let Some(place) = place else { return Ok(()) };
        let Some(Part { future, waker }) = place else { return Ok(()) };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(waker))));
        let ended = match polled {
            Ok(Poll::Pending) => return Ok(()),
            Ok(Poll::Ready(())) => Ok(()),
            Err(payload) => Err(payload),
        };
        leave(place);
        ended
    }

    /// Ends all tasks of a node.
    pub(crate) fn clear(&mut self, node: usize) {
        self.0.get_mut(node).into_iter().flatten().for_each(leave);
    }

    /// Ends all tasks of all nodes.
    pub(crate) fn clear_all(&mut self) {
        self.0.iter_mut().flatten().for_each(leave);
    }
}

/// Drops a future; what its destructors have to say in panic is of no interest any more.
fn leave(place: &mut Option<Part>) {
    if let Some(part) = place.take() {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(part)));
    }
}
