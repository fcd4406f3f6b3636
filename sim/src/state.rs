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
use crate::life::Life;
use crate::network::{Calls, Door};
use crate::plan::{Operation, Plan};
use crate::settings::Settings;
use crate::turns::{Task, Turns, lock};

/// How many calls that take no time a task may make in one turn before it is called spinning.
const CALLS_AT_ONCE: u64 = 1_000_000;

/// The most that two clocks differ when a run starts.
const CLOCK_ORIGINS: Duration = Duration::from_secs(3600);

/// What the world knows of a node.
pub(crate) struct NodeState {
    pub(crate) node: Node,
    pub(crate) life: Life,
    /// When its program starts next, while that is awaited.
    pub(crate) starts_at: Duration,
    /// How often it has been started.
    pub(crate) starts: u32,
    pub(crate) clock: NodeClock,
    pub(crate) door: Option<Door>,
    /// Whether the machine has power: without, not even its operating system answers.
    pub(crate) has_power: bool,
    pub(crate) paused_until: Option<Duration>,
    pub(crate) paused_since: Duration,
    /// How long it has stood still, in pauses that are over.
    pub(crate) paused_for: Duration,
    /// Tasks that were woken during a pause.
    pub(crate) parked: Vec<Arc<Task>>,
    /// How many operations of each kind it began; the address of what chance decides about the next.
    pub(crate) begun: [u64; Operation::COUNT],
    /// How many operations of each kind succeeded; what triggers count.
    pub(crate) succeeded: [u64; Operation::COUNT],
    pub(crate) tasks: u64,
    /// How many turns its tasks have had.
    pub(crate) turns: u64,
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
    /// Whether what messages say is kept, and what a power loss took by name, because the history is, or because somebody who watches reads it.
    pub(crate) keeps_messages: bool,
    /// The node whose task had the last turn.
    pub(crate) on_turn: usize,
    /// How many calls that take no time were made in that turn.
    calls_at_once: u64,
    /// The node of a turn that would never have ended.
    pub(crate) endless: Option<usize>,
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
            calls_at_once: 0,
            endless: None,
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
            life: Life::Awaited,
            starts_at: first_start,
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
            turns: 0,
            entropy: 0,
        });
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
        node.turns += 1;
        self.on_turn = task.node;
        self.calls_at_once = 0;
        true
    }

    /// Somebody asks for what takes no time, and has it at once. Who does nothing else would have its turn for ever: beyond a million there is
    /// no answer, so that the turn ends and the director with it.
    pub(crate) fn answer_at_once(&mut self) -> Poll<()> {
        self.calls_at_once += 1;
        if self.calls_at_once <= CALLS_AT_ONCE {
            return Poll::Ready(());
        }
        self.endless = Some(self.on_turn);
        Poll::Pending
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

    /// Takes no time.
    pub(crate) async fn at_once(&self) {
        poll_fn(|_| self.state().answer_at_once()).await;
    }

    /// Lets the node be busy for `duration` of virtual time; time for which it stands still does not count.
    pub(crate) async fn be_busy(&self, duration: Duration) {
        let clocks = || {
            let state = self.state();
            (state.now, state.nodes[self.node].paused_for)
        };
        if duration.is_zero() {
            return self.at_once().await;
        }
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
