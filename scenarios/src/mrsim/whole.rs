//! What the shards of a campaign are shards of: some scenarios over some seeds. Results are added up only where all shards of the same
//! whole are there.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A campaign with all its shards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Whole {
    /// The names of its scenarios.
    pub(super) scenarios: Vec<String>,
    /// Its first seed.
    pub(super) first_seed: u64,
    /// The first seed behind its last; none, when nobody said where it ends.
    pub(super) end_seed: Option<u64>,
    /// Whether it had a time box.
    pub(super) time_box: bool,
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scenarios.as_slice() {
            [one] => f.write_str(one)?,
            all => write!(f, "{} scenarios", all.len())?,
        }
        match self.end_seed {
            Some(end) => write!(f, ", seeds {}..{end}", self.first_seed)?,
            None => write!(f, ", seeds from {}", self.first_seed)?,
        }
        f.write_str(if self.time_box { ", as far as it came" } else { "" })
    }
}
