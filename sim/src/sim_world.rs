//! The world as one node sees it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use futures::FutureExt;
use futures::channel::oneshot;
use madsim::runtime::Handle;
use madsim::task::NodeId;
use world::{Work, World};

use crate::clock::SimClock;
use crate::decisions::Matter;
use crate::files::SimFiles;
use crate::history::{Event, Node, Note, Noted};
use crate::network::SimNetwork;
use crate::state::{Home, Shared};
use crate::turns::{Ending, Gated, lock};

/// The world as one node sees it, from one start of its program to the end of it.
#[derive(Clone)]
pub struct SimWorld {
    home: Home,
    clock: SimClock,
    network: SimNetwork,
    files: SimFiles,
}

impl SimWorld {
    pub(crate) fn new(home: Home) -> Self {
        Self { clock: SimClock(home.clone()), network: SimNetwork(home.clone()), files: SimFiles(home.clone()), home }
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> Node {
        self.home.state().node(self.home.node)
    }

    /// How often the node's program has been started, this time included.
    #[must_use]
    pub fn starts(&self) -> u32 {
        self.home.start
    }

    /// Puts something into the history of the run.
    pub fn note(&self, note: impl Note) {
        let noted = Noted::new(note);
        let mut state = self.home.state();
        if state.lives(self.home.node, self.home.start) {
            let node = Some(state.node(self.home.node));
            state.tell(Event::Note { node, note: noted });
        }
    }
}

impl World for SimWorld {
    type Clock = SimClock;
    type Network = SimNetwork;
    type Files = SimFiles;

    fn clock(&self) -> &SimClock {
        &self.clock
    }

    fn network(&self) -> &SimNetwork {
        &self.network
    }

    fn files(&self) -> &SimFiles {
        &self.files
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.home.state();
        if !state.lives(self.home.node, self.home.start) {
            drop(state);
            return;
        }
        let Some(executor) = state.nodes[self.home.node].executor else { return };
        let gated = gate(&self.home, &mut state, future);
        drop(state);
        if let Some(node) = Handle::current().get_node(executor) {
            let home = self.home.clone();
            node.spawn(async move { ended(&home, gated.await) });
        }
    }

    fn compute<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let (sender, receiver) = oneshot::channel();
        self.spawn(async move {
            // Nobody may be waiting any more; the computation runs to its end all the same.
            let _ = sender.send(AssertUnwindSafe(future).catch_unwind().await);
        });
        async move {
            match receiver.await {
                Ok(Ok(output)) => output,
                Ok(Err(panic)) => resume_unwind(panic),
                // The node is gone, and so is, before long, whoever waits here.
                Err(_) => std::future::pending().await,
            }
        }
    }

    async fn charge(&self, work: Work) {
        let cost = self.home.state().cost(self.home.node, work);
        self.home.be_busy(cost).await;
    }

    fn mark(&self, what: &'static str) {
        *self.home.state().marks.entry(what).or_default() += 1;
    }

    fn entropy(&self) -> u64 {
        let mut state = self.home.state();
        let node = &mut state.nodes[self.home.node];
        node.entropy += 1;
        let address = [self.home.node as u64, u64::from(self.home.start), node.entropy];
        state.decisions.draw(Matter::Entropy, address)
    }
}

/// A new task of a node.
fn gate<F>(home: &Home, state: &mut crate::state::State, future: F) -> Gated<F> {
    let number = state.nodes[home.node].tasks;
    state.nodes[home.node].tasks += 1;
    Gated::new(home.shared.turns.task(home.node, home.start, number), future)
}

/// Takes note of a task's panic, if that is how it ended.
fn ended(home: &Home, ending: Ending<()>) {
    let Err(payload) = ending else { return };
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let message = text.or_else(|| payload.downcast_ref::<String>().cloned());
    let message = message.unwrap_or_else(|| "a panic without a message".into());
    let mut state = home.state();
    let node = state.node(home.node);
    state.panicked.get_or_insert((node, message));
}

/// Starts of one node's program.
pub(crate) type Program = Arc<dyn Fn(SimWorld) -> futures::future::LocalBoxFuture<'static, ()> + Send + Sync>;

/// The main task of a node that has just been started: its program, and the end of the node when that returns.
fn main_task(shared: &Arc<Shared>, node: usize, program: &Program) -> impl Future<Output = ()> + use<> {
    let mut state = lock(&shared.state);
    let home = Home { shared: Arc::clone(shared), node, start: state.nodes[node].starts };
    let (world, program) = (SimWorld::new(home.clone()), Arc::clone(program));
    let gated = gate(&home, &mut state, async move { program(world).await });
    async move {
        let ending = gated.await;
        let returned = ending.is_ok();
        ended(&home, ending);
        let mut state = home.state();
        if returned && state.lives(home.node, home.start) {
            state.finish(home.node);
        }
    }
}

/// Starts a node's program, for the first time or again, on a node of madsim's.
pub(crate) fn launch(shared: &Arc<Shared>, node: usize, program: &Program) {
    let handle = Handle::current();
    let known: Option<NodeId> = lock(&shared.state).nodes[node].executor;
    match known {
        Some(executor) => handle.restart(executor),
        None => {
            let (world, program) = (Arc::clone(shared), Arc::clone(program));
            let built = handle.create_node().init(move || main_task(&world, node, &program)).build();
            lock(&shared.state).nodes[node].executor = Some(built.id());
        }
    }
}
