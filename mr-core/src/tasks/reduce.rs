//! One reduce task.
