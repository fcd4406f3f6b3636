//! The MapReduce programs that come with mr.
