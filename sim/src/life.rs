//! How nodes live: they start, stand still, lose their process or their power, and start anew.
//!
//! A process and its machine are two things. One that crashed starts when it was to, but not before its machine has power; and power that comes
//! back starts only what was to start.

use std::time::Duration;

use crate::agenda::Action;
use crate::history::Event;
use crate::state::{NodeState, Order, State};
use crate::turns::Turns;

/// Where a node stands between its first start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// It will start, for the first time or again.
    Awaited,
    /// Its program runs.
    Running,
    /// It crashed and stays down.
    Dead,
    /// Its program returned.
    Finished,
}

impl State {
    /// Puts all first starts on the agenda, behind the faults that strike at the same time.
    pub(crate) fn schedule_starts(&mut self) {
        for (index, node) in self.nodes.iter().enumerate() {
            self.agenda.add(node.starts_at, Action::Start(index));
        }
    }

    pub(crate) fn power_on(&mut self, index: usize) {
        if !std::mem::replace(&mut self.nodes[index].has_power, true) {
            // What callers still ask on connections that the machine no longer knows, it refuses now.
            self.close_sockets(index);
        }
    }

    /// A node's program starts, if it has not been put off.
    pub(crate) fn start(&mut self, index: usize) {
        let node = &self.nodes[index];
        if node.life != Life::Awaited || node.starts_at != self.now {
            return;
        }
        self.power_on(index);
        let node = &mut self.nodes[index];
        node.starts += 1;
        node.life = Life::Running;
        let event = Event::NodeStarted { node: node.node.clone(), starts: node.starts };
        self.tell(event);
        self.orders.push(Order::Start(index));
    }

    fn start_at(&mut self, index: usize, at: Duration) {
        self.nodes[index].starts_at = at;
        self.agenda.add(at, Action::Start(index));
    }

    /// A node's program returned.
    pub(crate) fn finish(&mut self, index: usize) {
        self.nodes[index].life = Life::Finished;
        self.close_sockets(index);
        self.tell(Event::NodeFinished { node: self.node(index) });
        self.orders.push(Order::End(index));
    }

    /// A node's process dies; it starts anew after `restart_after`, if ever.
    pub(crate) fn crash(&mut self, index: usize, restart_after: Option<Duration>) {
        self.close_sockets(index);
        self.die(index, restart_after);
    }

    /// A node's machine has no power any more, and with it its process dies: nobody is left to tell its callers. What it did not sync goes
    /// when everybody who watches has seen what happened before.
    pub(crate) fn lose_power(&mut self, index: usize, restart_after: Option<Duration>) {
        self.ops.forget(index);
        self.without_power.push(index);
        let back = restart_after.map(|after| self.now + after);
        let node = &mut self.nodes[index];
        node.has_power = false;
        match (node.life, back) {
            (Life::Running, _) => {
                node.door = None;
                self.die(index, restart_after);
            }
            // One that crashed before starts anew when it would have, but not in the dark.
            (Life::Awaited, Some(back)) if back > node.starts_at => self.start_at(index, back),
            (Life::Awaited, None) => {
                node.life = Life::Dead;
                // Its tasks have ended with its process; but now nobody waits for it any more.
                self.orders.push(Order::End(index));
            }
            (Life::Awaited | Life::Finished | Life::Dead, Some(back)) => self.agenda.add(back, Action::PowerOn(index)),
            (Life::Finished | Life::Dead, None) => {}
        }
    }

    /// Machines whose power went lose what they did not sync; says whether there were any.
    pub(crate) fn lose_power_that_went(&mut self) -> bool {
        let machines = std::mem::take(&mut self.without_power);
        machines.iter().for_each(|&index| self.lose_unsynced(index));
        !machines.is_empty()
    }

    fn die(&mut self, index: usize, restart_after: Option<Duration>) {
        let now = self.now;
        let node = &mut self.nodes[index];
        node.life = if restart_after.is_some() { Life::Awaited } else { Life::Dead };
        node.end_pause(now);
        node.parked.clear();
        if let Some(after) = restart_after {
            self.start_at(index, now + after);
        }
        self.tell(Event::NodeCrashed { node: self.node(index) });
        self.orders.push(Order::End(index));
    }

    /// A node stands still for `duration`, or as long as another pause lasts that it is in.
    pub(crate) fn pause(&mut self, index: usize, duration: Duration) {
        let until = self.now + duration;
        let node = &mut self.nodes[index];
        if node.paused_until.is_none() {
            node.paused_since = self.now;
            let event = Event::NodePaused { node: node.node.clone() };
            self.tell(event);
        }
        let node = &mut self.nodes[index];
        node.paused_until = node.paused_until.max(Some(until));
        self.agenda.add(until, Action::Resume(index));
    }

    pub(crate) fn resume(&mut self, index: usize) {
        let now = self.now;
        let node = &mut self.nodes[index];
        if node.paused_until.is_none_or(|until| until > now) {
            return;
        }
        node.end_pause(now);
        node.parked.drain(..).for_each(|task| Turns::queue_again(&task));
        let event = Event::NodeResumed { node: node.node.clone() };
        self.tell(event);
    }
}

impl NodeState {
    fn end_pause(&mut self, now: Duration) {
        if self.paused_until.take().is_some() {
            self.paused_for += now - self.paused_since;
        }
    }
}
