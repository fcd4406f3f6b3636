//! One run: the director, who gives turns, moves time and shows every event to whoever watches.
//!
//! While any task can run, the director gives it a turn; when none can, time leaps to what the agenda holds next. All of it
//! happens inside madsim's runtime, which makes what a program asks the system for on this thread (the time, the order of
//! standard hash maps) a function of the seed; its executor and its network have nothing to do.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use madsim::runtime::Runtime;
use madsim::time::TimeHandle;

use crate::agenda::Agenda;
use crate::cluster::Cluster;
use crate::files::{DiskView, Ops};
use crate::history::{Event, History, HistoryHash, Node};
use crate::life::Life;
use crate::log::{LogLine, Recording, listening};
use crate::plan::Plan;
use crate::settings::Settings;
use crate::sim_world::{Program, main_task, words_of};
use crate::state::{NodeState, Order, Shared, State};
use crate::turns::{Stage, Task, Turns, lock};

/// How many turns are given at one instant before it is called spinning.
const TURNS_AT_ONCE: u64 = 1_000_000;

/// How many turns there may be for each event that there may be: a task is seldom woken for what no event tells.
const TURNS_PER_EVENT: u64 = 20;

/// Somebody who watches a run and can stop it.
pub trait Observer {
    /// Called at every event, when it has happened and before anything else does. Breaks with a verdict to stop the run.
    ///
    /// `at` is virtual time since the start. The changes that one power loss makes to the disk are all there at [`Event::UnsyncedLost`], and
    /// none of them before.
    fn observe(&mut self, at: Duration, event: &Event, disk: &DiskView<'_>) -> ControlFlow<String>;

    /// Whether it looks at what messages say. If it does not, a run that nobody records has no copy of their bytes, and [`Body::bytes`] none.
    ///
    /// [`Body::bytes`]: crate::Body::bytes
    fn reads_messages(&self) -> bool {
        false
    }

    /// Called once, when the run has ended, however it did. The disk is as it was left.
    fn ended(&mut self, at: Duration, finished: &Finished, disk: &DiskView<'_>) {
        let _ = (at, finished, disk);
    }
}

/// Watches nothing.
impl Observer for () {
    fn observe(&mut self, _at: Duration, _event: &Event, _disk: &DiskView<'_>) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished {
    /// The program of every node returned, but of those that crashed for good.
    AllNodesDone,
    /// Time was up (see [`Settings::limit`]), or nothing would ever have happened again.
    TimeLimit {
        /// Nodes whose program had not returned.
        unfinished: Vec<Node>,
    },
    /// There were more events than [`Settings::event_limit`] allows.
    EventLimit {
        /// Nodes whose program had not returned.
        unfinished: Vec<Node>,
    },
    /// A node was busy doing nothing. One of its tasks was woken a million times over while time stood still, or asked in one turn for a million
    /// things that take no time; or there were so many turns (a million, and twenty for each event of [`Settings::event_limit`]) that most
    /// were for nothing: somebody sleeps for a microsecond again and again.
    Spinning {
        /// Whose tasks; where all turns are counted, who had most of them.
        node: Node,
    },
    /// The observer stopped the run, with this verdict.
    Stopped(String),
    /// A task of a node panicked.
    Panicked {
        /// Whose task.
        node: Node,
        /// The message of the panic.
        message: String,
    },
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How it ended.
    pub finished: Finished,
    /// Virtual time from the start to the end.
    pub virtual_time: Duration,
    /// When the last fault was over; zero without faults. A fault that waits for an operation counts once it has struck.
    pub healed_at: Duration,
    /// How many events there were.
    pub events: u64,
    /// A hash of all events and their times, in order.
    pub history_hash: u64,
    /// How many faults of each kind struck. (A crash does not strike who is down.) Of one that lasts this says that it began; what it did,
    /// if anything, events tell: [`FileEvent::spoiled_by`](crate::FileEvent::spoiled_by), messages that are lost or arrive twice.
    pub faults_by_kind: BTreeMap<&'static str, u64>,
    /// How often each mark was hit (see [`World::mark`](world::World::mark)).
    pub marks: BTreeMap<&'static str, u64>,
    /// All nodes, in the order in which the cluster was set up.
    pub nodes: Vec<Node>,
    /// Those that crashed for good.
    pub dead: Vec<Node>,
    /// All events, when recording was asked for.
    pub history: Option<History>,
    /// What the system logged, when that was asked for.
    pub log: Vec<LogLine>,
}

/// Runs a system: a pure function of the settings, the plan and the system.
///
/// `system` sets up the cluster. `observer` sees every event. `recording` says what the report keeps.
///
/// A system that depends on the order of a standard hash map is repeatable only on a thread that has made none yet: see
/// [`campaign`](crate::campaign).
///
/// # Panics
///
/// When two nodes have one name, when the plan or the settings name a node that does not exist, when a fault makes no sense (see
/// [`Fault::check`](crate::Fault::check)) or the settings make none (see [`Settings::check`]), and when `system` or `observer` panics.
pub fn run(
    settings: &Settings,
    plan: &Plan,
    observer: &mut dyn Observer,
    recording: Recording,
    system: impl FnOnce(&Cluster),
) -> Report {
    let refuse = |problem| panic!("the settings make no sense: {problem}");
    settings.check().unwrap_or_else(refuse);
    // First of all: on this thread the order of standard hash maps is fixed from here on.
    let runtime = Runtime::with_seed_and_config(settings.seed.0, madsim::Config::default());
    let keeps_messages = recording != Recording::Nothing || observer.reads_messages();
    let state = State::new(settings, plan, keeps_messages);
    let turns = Turns::new(state.decisions);
    let cluster = Cluster::new(Arc::new(Shared { state: Mutex::new(state), turns }));
    let shared = Arc::clone(&cluster.shared);
    system(&cluster);
    {
        let mut state = lock(&cluster.shared.state);
        settings.check_names(|name| state.names.contains_key(name)).unwrap_or_else(refuse);
        state.schedule_faults();
        state.schedule_starts();
    }
    let direct = || {
        runtime.block_on(async {
            let mut director = Director::new(cluster, observer, recording);
            let finished = director.direct();
            director.clear_stage();
            director.report(finished)
        })
    };
    match recording {
        Recording::HistoryAndLog(level) => {
            let (mut report, log) = listening(level, &shared, direct);
            report.log = log;
            report
        }
        Recording::Nothing | Recording::History => direct(),
    }
}

/// Whether the program of a node may still return.
fn may_return(node: &NodeState) -> bool {
    matches!(node.life, Life::Running | Life::Awaited)
}

/// The nodes whose program may still return.
fn unfinished(state: &State) -> Vec<Node> {
    state.nodes.iter().filter(|node| may_return(node)).map(|node| node.node.clone()).collect()
}

struct Director<'a> {
    shared: Arc<Shared>,
    programs: Vec<Program>,
    stage: Stage,
    observer: &'a mut dyn Observer,
    /// madsim's clock.
    time: TimeHandle,
    turns: u64,
    turns_at_once: u64,
    /// Whether nodes may have ended that nobody has looked at yet.
    nodes_changed: bool,
    /// Whether no node will do anything any more.
    everybody_ended: bool,
    seen: Vec<Event>,
    events: u64,
    hash: HistoryHash,
    history: Option<History>,
}

/// What there is to do next.
enum Next {
    Orders(Vec<Order>),
    Turn(Arc<Task>),
    Again,
    End(Finished),
}

impl<'a> Director<'a> {
    fn new(cluster: Cluster, observer: &'a mut dyn Observer, recording: Recording) -> Self {
        Self {
            programs: cluster.programs.into_inner(),
            shared: cluster.shared,
            stage: Stage::default(),
            observer,
            time: TimeHandle::current(),
            turns: 0,
            turns_at_once: 0,
            nodes_changed: true,
            everybody_ended: false,
            seen: Vec::new(),
            events: 0,
            hash: HistoryHash::default(),
            history: (recording != Recording::Nothing).then(Vec::new),
        }
    }

    fn direct(&mut self) -> Finished {
        let shared = Arc::clone(&self.shared);
        loop {
            match self.next(&shared) {
                Next::Orders(orders) => self.carry_out(&orders),
                Next::Turn(task) => self.give_turn(&task),
                Next::Again => {}
                Next::End(finished) => return finished,
            }
        }
    }

    /// Shows what has happened, and finds out what is next.
    fn next(&mut self, shared: &Shared) -> Next {
        let mut state = lock(&shared.state);
        for (task, future) in state.newcomers.drain(..) {
            self.stage.enter(task, future);
        }
        if let ControlFlow::Break(verdict) = self.show(&mut state) {
            return Next::End(Finished::Stopped(verdict));
        }
        if state.lose_power_that_went() || state.strike_due() {
            return Next::Again;
        }
        if self.events > state.settings.event_limit {
            return Next::End(Finished::EventLimit { unfinished: unfinished(&state) });
        }
        if let Some((node, message)) = state.panicked.take() {
            return Next::End(Finished::Panicked { node, message });
        }
        if let Some(node) = state.endless.take().filter(|&node| state.nodes[node].life == Life::Running) {
            return Next::End(Finished::Spinning { node: state.node(node) });
        }
        if !state.orders.is_empty() {
            self.nodes_changed = true;
            return Next::Orders(std::mem::take(&mut state.orders));
        }
        if std::mem::take(&mut self.nodes_changed) {
            self.everybody_ended = !state.nodes.iter().any(may_return);
        }
        // What the last of them had begun on files takes effect all the same, or not, before anybody looks at what is left.
        if self.everybody_ended && !state.ops.are_under_way() {
            return Next::End(Finished::AllNodesDone);
        }
        if let Some(task) = shared.turns.next() {
            if let Some(node) = self.count_turn(&state, &task) {
                return Next::End(Finished::Spinning { node });
            }
            return if state.admit(&task) { Next::Turn(task) } else { Next::Again };
        }
        self.let_time_pass(&mut state)
    }

    /// Counts a turn of `task`. Yields who spins, when there have been too many.
    fn count_turn(&mut self, state: &State, task: &Task) -> Option<Node> {
        self.turns += 1;
        self.turns_at_once += 1;
        if self.turns_at_once > TURNS_AT_ONCE {
            return Some(state.node(task.node));
        }
        let most = state.settings.event_limit.saturating_mul(TURNS_PER_EVENT).saturating_add(TURNS_AT_ONCE);
        if self.turns <= most {
            return None;
        }
        state.nodes.iter().rev().max_by_key(|node| node.turns).map(|node| node.node.clone())
    }

    fn let_time_pass(&mut self, state: &mut State) -> Next {
        let end = state.faults.healed_at.saturating_add(state.settings.limit);
        let Some(at) = state.agenda.next_time().filter(|at| *at <= end) else {
            if self.everybody_ended {
                return Next::End(Finished::AllNodesDone);
            }
            state.now = end;
            return Next::End(Finished::TimeLimit { unfinished: unfinished(state) });
        };
        if at > state.now {
            state.now = at;
            self.turns_at_once = 0;
            self.time.advance(at.saturating_sub(self.time.elapsed()));
        }
        if let Some(action) = state.agenda.pop() {
            state.act(action);
        }
        Next::Again
    }

    /// Shows the observer what has happened.
    fn show(&mut self, state: &mut State) -> ControlFlow<String> {
        while !state.outbox.is_empty() {
            std::mem::swap(&mut self.seen, &mut state.outbox);
            for event in self.seen.drain(..) {
                self.events += 1;
                self.hash.add(state.now, &event);
                let verdict = self.observer.observe(state.now, &event, &DiskView(&state.disk));
                // The event that stops a run is part of its history: it is the one to look at.
                if let Some(history) = &mut self.history {
                    history.push((state.now, event));
                }
                verdict?;
            }
        }
        ControlFlow::Continue(())
    }

    fn give_turn(&mut self, task: &Task) {
        if let Err(panic) = self.stage.give_turn(task) {
            let mut state = lock(&self.shared.state);
            // What a task does in a turn in which its node dies is not done; so with its panic.
            if state.lives(task.node, task.start) {
                let node = state.node(task.node);
                state.panicked.get_or_insert((node, words_of(&panic)));
            }
        }
    }

    fn carry_out(&mut self, orders: &[Order]) {
        for order in orders {
            match *order {
                Order::Start(node) => {
                    let (task, future) = main_task(&self.shared, node, &self.programs[node]);
                    self.stage.enter(task, future);
                }
                Order::End(node) => self.stage.clear(node),
            }
        }
    }

    /// Ends whatever still runs. Tasks, wakers and the world hold each other, so nothing of it would ever be freed.
    fn clear_stage(&mut self) {
        let agenda = {
            let mut state = lock(&self.shared.state);
            for node in &mut state.nodes {
                node.starts += 1;
                node.parked.clear();
            }
            std::mem::take(&mut state.agenda)
        };
        drop::<Agenda>(agenda);
        self.stage.clear_all();
        self.shared.turns.clear();
        let ops = std::mem::take(&mut lock(&self.shared.state).ops);
        drop::<Ops>(ops);
    }

    fn report(self, finished: Finished) -> Report {
        let mut state = lock(&self.shared.state);
        self.observer.ended(state.now, &finished, &DiskView(&state.disk));
        Report {
            finished,
            virtual_time: state.now,
            healed_at: state.faults.healed_at,
            events: self.events,
            history_hash: self.hash.finish(),
            faults_by_kind: std::mem::take(&mut state.faults.struck),
            marks: std::mem::take(&mut state.marks),
            nodes: state.nodes.iter().map(|node| node.node.clone()).collect(),
            dead: state.nodes.iter().filter(|node| node.life == Life::Dead).map(|node| node.node.clone()).collect(),
            history: self.history,
            log: Vec::new(),
        }
    }
}
