//! The agenda: what will happen at which virtual time. Of two things at one time, what was planned first happens first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::task::Waker;
use std::time::Duration;

use crate::files::OpId;
use crate::network::Parcel;

/// Something that will happen.
pub(crate) enum Action {
    /// A node starts, for the first time or again.
    Start(usize),
    /// A node's clock may have reached somebody's hour.
    Alarm(usize),
    /// Somebody's time is up.
    Wake(Waker),
    /// A message arrives. Boxed, because what is on the agenda is moved about.
    Deliver(Box<Parcel>),
    /// A step on files takes effect.
    Effect(OpId),
    /// A fault of the plan strikes.
    Strike(usize),
    /// A fault of the plan is over.
    Heal(usize),
    /// A node's pause may be over.
    Resume(usize),
}

struct Entry {
    at: Duration,
    number: u64,
    action: Action,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// The earliest is the greatest, as the heap wants it.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// What will happen, earliest first.
#[derive(Default)]
pub(crate) struct Agenda {
    entries: BinaryHeap<Entry>,
    planned: u64,
}

impl Agenda {
    pub(crate) fn add(&mut self, at: Duration, action: Action) {
        self.entries.push(Entry { at, number: self.planned, action });
        self.planned += 1;
    }

    /// When the next thing happens.
    pub(crate) fn next_time(&self) -> Option<Duration> {
        self.entries.peek().map(|entry| entry.at)
    }

    /// The next thing to happen.
    pub(crate) fn pop(&mut self) -> Option<Action> {
        self.entries.pop().map(|entry| entry.action)
    }
}
