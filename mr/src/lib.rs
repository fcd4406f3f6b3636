//! MapReduce in the real world.

pub mod real;
