//! MapReduce in the real world.

pub mod corpus;
pub mod real;
