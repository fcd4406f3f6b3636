//! The same job done plainly.
