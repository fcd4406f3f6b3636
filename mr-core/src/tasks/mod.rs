//! The data path: what an attempt does between being assigned and being committed.
//!
//! [`map`] turns a split, or several small ones, into one file of sorted, partitioned runs; [`reduce`] merges one partition of many such files into
//! an output. Both write to a private temporary name and leave the commit to the worker.

mod context;
pub mod map;
pub mod reduce;

pub use context::{Limits, Progress, TaskContext, TaskError};
