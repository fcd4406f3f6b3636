//! The world as one node sees it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use world::{Work, World};

use crate::clock::SimClock;
use crate::decisions::Matter;
use crate::files::SimFiles;
use crate::history::{Event, Node, Note, Noted};
use crate::network::SimNetwork;
use crate::state::{Home, Shared, State};
use crate::turns::{Panic, Task, lock};

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
        let task = new_task(&self.home, &mut state);
        state.newcomers.push((task, future.boxed()));
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
pub(crate) fn new_task(home: &Home, state: &mut State) -> Arc<Task> {
    let number = state.nodes[home.node].tasks;
    state.nodes[home.node].tasks += 1;
    home.shared.turns.task(home.node, home.start, number)
}

/// Starts of one node's program.
pub(crate) type Program = Arc<dyn Fn(SimWorld) -> LocalBoxFuture<'static, ()> + Send + Sync>;

/// The main task of a node that has just been started: its program, and the end of the node when that returns.
pub(crate) fn main_task(
    shared: &Arc<Shared>,
    node: usize,
    program: &Program,
) -> (Arc<Task>, LocalBoxFuture<'static, ()>) {
    let mut state = lock(&shared.state);
    let home = Home { shared: Arc::clone(shared), node, start: state.nodes[node].starts };
    let task = new_task(&home, &mut state);
    drop(state);
    let (world, program) = (SimWorld::new(home.clone()), Arc::clone(program));
    let future = async move {
        program(world).await;
        let mut state = home.state();
        if state.lives(home.node, home.start) {
            state.finish(home.node);
        }
    };
    (task, future.boxed_local())
}

/// The words of a panic.
pub(crate) fn words_of(panic: &Panic) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".into())
}
