//! One map task.
