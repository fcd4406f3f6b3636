//! MapReduce in the real world.
