//! The state of a simulated world: everything that its nodes share, behind one lock.
//!
//! Whatever a node does to the world happens here, at one virtual instant, and is written down as an [`Event`]. Only the
//! director (see `run`) moves time and carries out what the agenda holds; tasks of nodes merely plan it.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::future::BoxFuture;
use world::Work;

use crate::agenda::{Action, Agenda};
use crate::clock::NodeClock;
use crate::decisions::{Decisions, Matter};
use crate::faults::Faults;
use crate::files::{Disk, Ops};
use crate::history::{Event, Node};
use crate::network::{Calls, Door};
use crate::plan::{Operation, Plan};
use crate::settings::Settings;
use crate::turns::{Task, Turns, lock};

/// The most that two clocks differ when a run starts.
const CLOCK_ORIGINS: Duration = Duration::from_secs(3600);

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

/// What the world knows of a node.
pub(crate) struct NodeState {
    pub(crate) node: Node,
    first_start: Duration,
    pub(crate) life: Life,
    /// How often it has been started.
    pub(crate) starts: u32,
    pub(crate) clock: NodeClock,
    pub(crate) door: Option<Door>,
    /// Whether the machine has power: without, not even its operating system answers.
    pub(crate) has_power: bool,
    pub(crate) paused_until: Option<Duration>,
    paused_since: Duration,
    /// How long it has stood still, in pauses that are over.
    paused_for: Duration,
    /// Tasks that were woken during a pause.
    pub(crate) parked: Vec<Arc<Task>>,
    /// How many operations of each kind it began; the address of what chance decides about the next.
    pub(crate) begun: [u64; Operation::COUNT],
    /// How many operations of each kind succeeded; what triggers count.
    pub(crate) succeeded: [u64; Operation::COUNT],
    pub(crate) tasks: u64,
    pub(crate) entropy: u64,
    slowness: f64,
}

/// What only the director can do, who has the tasks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// Start the program of a node.
    Start(usize),
    /// End all tasks of a node.
    End(usize),
}

/// Everything that the nodes of a run share.
pub(crate) struct State {
    pub(crate) now: Duration,
    pub(crate) decisions: Decisions,
    pub(crate) settings: Settings,
    /// Whether what messages say is kept, because the history is, or because somebody who watches reads it.
    pub(crate) keeps_messages: bool,
    /// The node whose task had the last turn.
    pub(crate) on_turn: usize,
    pub(crate) agenda: Agenda,
    pub(crate) nodes: Vec<NodeState>,
    pub(crate) names: BTreeMap<Arc<str>, usize>,
    pub(crate) calls: Calls,
    pub(crate) disk: Disk,
    pub(crate) ops: Ops,
    pub(crate) faults: Faults,
    /// Machines whose power went, and whose unsynced writes have not gone with it yet.
    pub(crate) without_power: Vec<usize>,
    /// How many events have happened.
    pub(crate) told: usize,
    /// Events that nobody has seen yet; all of them happened now.
    pub(crate) outbox: Vec<Event>,
    pub(crate) orders: Vec<Order>,
    /// Tasks that have been spawned and are not on the stage yet.
    pub(crate) newcomers: Vec<(Arc<Task>, BoxFuture<'static, ()>)>,
    /// How often each mark was hit.
    pub(crate) marks: BTreeMap<&'static str, u64>,
    pub(crate) panicked: Option<(Node, String)>,
}

impl State {
    pub(crate) fn new(settings: &Settings, plan: &Plan, keeps_messages: bool) -> Self {
        Self {
            now: Duration::ZERO,
            decisions: Decisions::new(settings.seed),
            settings: settings.clone(),
            keeps_messages,
            on_turn: 0,
            agenda: Agenda::default(),
            nodes: Vec::new(),
            names: BTreeMap::new(),
            calls: Calls::default(),
            disk: Disk::default(),
            ops: Ops::default(),
            faults: Faults::new(plan),
            without_power: Vec::new(),
            told: 0,
            outbox: Vec::new(),
            orders: Vec::new(),
            newcomers: Vec::new(),
            marks: BTreeMap::new(),
            panicked: None,
        }
    }

    /// Adds a node.
    pub(crate) fn add_node(&mut self, name: &str, first_start: Duration) {
        let index = self.nodes.len();
        let node = Node::new(index, name);
        assert!(
            self.names.insert(name.into(), index).is_none(),
            "two nodes are called {name}; give each a name of its own"
        );
        let origin = self.decisions.fraction(Matter::ClockOrigin, [index as u64, 0, 0]);
        self.nodes.push(NodeState {
            slowness: self.settings.compute.slowness.get(name).copied().unwrap_or(1.0),
            node,
            first_start,
            life: Life::Awaited,
            starts: 0,
            clock: NodeClock::new(CLOCK_ORIGINS.mul_f64(origin)),
            door: None,
            has_power: true,
            paused_until: None,
            paused_since: Duration::ZERO,
            paused_for: Duration::ZERO,
            parked: Vec::new(),
            begun: [0; Operation::COUNT],
            succeeded: [0; Operation::COUNT],
            tasks: 0,
            entropy: 0,
        });
    }

    /// Puts all first starts on the agenda, behind the faults that strike at the same time.
    pub(crate) fn schedule_starts(&mut self) {
        for (index, node) in self.nodes.iter().enumerate() {
            self.agenda.add(node.first_start, Action::Start(index));
        }
    }

    pub(crate) fn node(&self, index: usize) -> Node {
        self.nodes[index].node.clone()
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.told += 1;
        self.outbox.push(event);
    }

    /// Counts an operation that begins and yields its number, from 0.
    pub(crate) fn begin(&mut self, node: usize, operation: Operation) -> u64 {
        let begun = &mut self.nodes[node].begun[operation as usize];
        *begun += 1;
        *begun - 1
    }

    /// The time that `work` takes a node now.
    pub(crate) fn cost(&self, index: usize, work: Work) -> Duration {
        let (model, node) = (&self.settings.compute, &self.nodes[index]);
        let nanos = work.bytes as f64 * model.nanos_per_byte + work.records as f64 * model.nanos_per_record;
        let slowness = node.slowness * self.faults.compute_slowness(node.node.name());
        Duration::from_nanos((nanos * slowness) as u64)
    }

    /// Whether this start of the node is the one that runs.
    pub(crate) fn lives(&self, node: usize, start: u32) -> bool {
        self.nodes[node].life == Life::Running && self.nodes[node].starts == start
    }

    /// Carries out what the agenda says happens now.
    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::Start(node) => self.start(node),
            Action::PowerOn(node) => self.power_on(node),
            Action::Alarm(node) => self.alarm(node),
            Action::Wake(waker) => waker.wake(),
            Action::Deliver(parcel) => self.deliver(*parcel),
            Action::Unknown(call) => self.call_nobody(call),
            Action::Effect(op) => self.take_effect(op),
            Action::Strike(fault) => self.strike(fault),
            Action::Heal(fault) => self.heal(fault),
            Action::Resume(node) => self.resume(node),
        }
    }

    fn power_on(&mut self, index: usize) {
        if !std::mem::replace(&mut self.nodes[index].has_power, true) {
            // What callers still ask on connections that the machine no longer knows, it refuses now.
            self.close_sockets(index);
        }
    }

    fn start(&mut self, index: usize) {
        self.power_on(index);
        let node = &mut self.nodes[index];
        node.starts += 1;
        node.life = Life::Running;
        let event = Event::NodeStarted { node: node.node.clone(), starts: node.starts };
        self.tell(event);
        self.orders.push(Order::Start(index));
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
        let node = &mut self.nodes[index];
        match node.life {
            Life::Running => {
                node.has_power = false;
                node.door = None;
                self.die(index, restart_after);
            }
            // One that crashed before starts anew when it would have.
            Life::Awaited => node.has_power = false,
            Life::Finished | Life::Dead => {
                node.has_power = false;
                if let Some(after) = restart_after {
                    self.agenda.add(self.now + after, Action::PowerOn(index));
                }
            }
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
            self.agenda.add(now + after, Action::Start(index));
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

    fn resume(&mut self, index: usize) {
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

    /// Whether `task` may run now. It may not when its node is gone, or paused: then it is parked.
    pub(crate) fn admit(&mut self, task: &Arc<Task>) -> bool {
        if !self.lives(task.node, task.start) {
            return false;
        }
        let node = &mut self.nodes[task.node];
        if node.paused_until.is_some() {
            node.parked.push(Arc::clone(task));
            return false;
        }
        self.on_turn = task.node;
        true
    }
}

impl NodeState {
    fn end_pause(&mut self, now: Duration) {
        if self.paused_until.take().is_some() {
            self.paused_for += now - self.paused_since;
        }
    }
}

/// The world and the turns in it.
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    pub(crate) turns: Arc<Turns>,
}

/// Where a task is at home: a node of a world, in one of its starts.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) shared: Arc<Shared>,
    pub(crate) node: usize,
    pub(crate) start: u32,
}

impl Home {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    /// Lets the node be busy for `duration` of virtual time; time for which it stands still does not count.
    pub(crate) async fn be_busy(&self, duration: Duration) {
        let clocks = || {
            let state = self.state();
            (state.now, state.nodes[self.node].paused_for)
        };
        let mut left = duration;
        while !left.is_zero() {
            let (began, paused) = clocks();
            self.pass(left).await;
            let (ended, paused_since) = clocks();
            left = left.saturating_sub((ended - began).saturating_sub(paused_since - paused));
        }
    }

    /// Waits for `duration` of virtual time.
    async fn pass(&self, duration: Duration) {
        let until = self.state().now + duration;
        let mut planned: Option<Waker> = None;
        poll_fn(|context| {
            let mut state = self.state();
            if state.now >= until {
                return Poll::Ready(());
            }
            // Who polls may be another than before.
            let waker = context.waker();
            if !planned.as_ref().is_some_and(|planned| planned.will_wake(waker)) {
                planned = Some(waker.clone());
                state.agenda.add(until, Action::Wake(waker.clone()));
            }
            Poll::Pending
        })
        .await;
    }
}
