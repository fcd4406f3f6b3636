//! MapReduce in the real world: on sockets, files and processes.
//!
//! * [`real`] — the traits of [`world`] over an operating system;
//! * [`programs`] — `mr run`, `mrcoordinator`, `mrworker`, `mrsequential` and the rest, as functions;
//! * [`cli`] — what their command lines share;
//! * [`corpus`] — a generator of text for those who have none.
//!
//! Nothing here decides anything about a job: that is `mr-core`'s, which runs in a simulated world just as well.

#![warn(clippy::print_stderr, clippy::print_stdout, reason = "they panic when nobody reads: see cli::tell")]

pub mod cli;
pub mod corpus;
pub mod programs;
pub mod real;
