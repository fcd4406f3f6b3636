//! The cluster: what the system under test sets up before a run.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use crate::files::DiskInspector;
use crate::history::{Event, Note, Noted};
use crate::sim_world::{Program, SimWorld};
use crate::state::Shared;
use crate::turns::lock;

/// A cluster that is being set up: nodes with programs, and files.
pub struct Cluster {
    pub(crate) shared: Arc<Shared>,
    pub(crate) programs: RefCell<Vec<Program>>,
}

impl Cluster {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, programs: RefCell::default() }
    }

    /// Adds a node whose `program` starts `start_after` into the run, and anew at every restart. The node is finished when
    /// the program returns. `name` is also the node's address.
    ///
    /// # Panics
    ///
    /// When another node has that name.
    pub fn node<F>(&self, name: &str, start_after: Duration, program: impl Fn(SimWorld) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        lock(&self.shared.state).add_node(name, start_after);
        self.programs.borrow_mut().push(Arc::new(move |world| program(world).boxed_local()));
    }

    /// The files, to put inputs there.
    #[must_use]
    pub fn files(&self) -> DiskInspector {
        DiskInspector(Arc::clone(&self.shared))
    }

    /// Puts something at the beginning of the history.
    pub fn note(&self, note: impl Note) {
        lock(&self.shared.state).tell(Event::Note { node: None, note: Noted::new(note) });
    }
}
