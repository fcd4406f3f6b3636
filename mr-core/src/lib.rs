//! MapReduce itself: the job, its coordinator and workers, the data path and the record formats.
//!
//! Nothing in this crate knows what world it runs in. Time, messages and files come through the traits of [`world`], so the
//! very same code serves real processes and simulated ones. Where each idea lives:
//!
//! * [`app`] — what a person brings: map, reduce, combiner, partitioner;
//! * [`job`] — inputs, and how they are cut into splits or joined;
//! * [`protocol`] — what coordinator and workers say to each other;
//! * [`coordinator`] — the pure state machine that decides, and the loop that serves it;
//! * [`worker`] — the loop that asks, runs, commits and reports;
//! * [`tasks`], [`input`], [`shuffle`] — the data path: from splits to sorted runs, from runs to output;
//! * [`marks`] — rare things that a campaign must have seen;
//! * [`sequential`] — the same job done plainly, as the oracle.

pub mod app;
pub mod coordinator;
pub mod counters;
pub mod ids;
pub mod input;
pub mod job;
pub mod marks;
pub mod protocol;
pub mod sequential;
pub mod shuffle;
pub mod tasks;
mod varint;
pub mod worker;
