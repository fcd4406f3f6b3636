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
    /// The power of a node comes back on which nothing starts any more.
    PowerOn(usize),
    /// A node's clock may have reached somebody's hour.
    Alarm(usize),
    /// Somebody's time is up.
    Wake(Waker),
    /// A message arrives. Boxed, because what is on the agenda is moved about.
    Deliver(Box<Parcel>),
    /// A call turns out to be to a name that nobody has.
    Unknown(u64),
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
    order: Order,
    action: Action,
}

/// Seconds, nanoseconds of the second, and number, in 64, 32 and 32 bits: what is compared all the time is compared in one step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Order(u128);

impl Order {
    fn new(at: Duration, number: u32) -> Self {
        Self(u128::from(at.as_secs()) << 64 | u128::from(at.subsec_nanos()) << 32 | u128::from(number))
    }

    fn at(self) -> Duration {
        Duration::new((self.0 >> 64) as u64, (self.0 >> 32) as u32)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
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
        other.order.cmp(&self.order)
    }
}

/// What will happen, earliest first.
#[derive(Default)]
pub(crate) struct Agenda {
    entries: BinaryHeap<Entry>,
    planned: u32,
}

impl Agenda {
    /// Plans `action` for `at`, behind what is planned for then already.
    ///
    /// # Panics
    ///
    /// When more than four thousand million things were planned, for which a run would take an hour.
    pub(crate) fn add(&mut self, at: Duration, action: Action) {
        self.entries.push(Entry { order: Order::new(at, self.planned), action });
        self.planned = self.planned.checked_add(1).expect("a run plans fewer than four thousand million things");
    }

    /// When the next thing happens.
    pub(crate) fn next_time(&self) -> Option<Duration> {
        self.entries.peek().map(|entry| entry.order.at())
    }

    /// The next thing to happen.
    pub(crate) fn pop(&mut self) -> Option<Action> {
        self.entries.pop().map(|entry| entry.action)
    }
}
