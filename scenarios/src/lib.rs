//! MapReduce under simulation: the very coordinator and worker of `mr-core`, on the nodes of `sim`.
//!
//! A seed draws a [`Drawn`] run: cluster, workload and fault plan, from a stream of its own each. [`rehearse`] runs it and says
//! which promise was broken, if any: every output is held against the sequential oracle at every file operation.

mod draw;
mod invariants;
mod rehearsal;
mod word_count;

pub use draw::{ClusterShape, Drawn, Workload, draw};
pub use invariants::Promises;
pub use rehearsal::{Broken, Rehearsal, rehearse};
