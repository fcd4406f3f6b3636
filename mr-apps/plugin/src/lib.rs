//! MapReduce programs as plugins.
