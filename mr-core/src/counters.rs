//! What was done, counted. Each attempt counts for itself; only committed attempts are added up.

use std::ops::{AddAssign, SubAssign};

use serde::{Deserialize, Serialize};

/// The counts of one attempt, or the sum over committed ones. Written down, those that are zero are left out: half of them always are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Counters {
    /// Input bytes given to map.
    #[serde(skip_serializing_if = "is_zero")]
    pub map_input_bytes: u64,
    /// Calls of map.
    #[serde(skip_serializing_if = "is_zero")]
    pub map_input_records: u64,
    /// Records that map emitted, before any combiner.
    #[serde(skip_serializing_if = "is_zero")]
    pub map_output_records: u64,
    /// Bytes of committed map output files.
    #[serde(skip_serializing_if = "is_zero")]
    pub map_output_bytes: u64,
    /// Sorted runs that a map wrote out because its buffer was full.
    #[serde(skip_serializing_if = "is_zero")]
    pub spills: u64,
    /// Distinct keys given to reduce.
    #[serde(skip_serializing_if = "is_zero")]
    pub reduce_input_groups: u64,
    /// Values given to reduce.
    #[serde(skip_serializing_if = "is_zero")]
    pub reduce_input_records: u64,
    /// Records that reduce wrote.
    #[serde(skip_serializing_if = "is_zero")]
    pub reduce_output_records: u64,
    /// Bytes of committed `mr-out-*` files.
    #[serde(skip_serializing_if = "is_zero")]
    pub reduce_output_bytes: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Counters {
    /// Combines each count with that of `other`. Counters come over the network: `combine` must not be able to overflow.
    fn combine(&mut self, other: Self, combine: impl Fn(u64, u64) -> u64) {
        let Counters {
            map_input_bytes,
            map_input_records,
            map_output_records,
            map_output_bytes,
            spills,
            reduce_input_groups,
            reduce_input_records,
            reduce_output_records,
            reduce_output_bytes,
        } = other;
        for (sum, more) in [
            (&mut self.map_input_bytes, map_input_bytes),
            (&mut self.map_input_records, map_input_records),
            (&mut self.map_output_records, map_output_records),
            (&mut self.map_output_bytes, map_output_bytes),
            (&mut self.spills, spills),
            (&mut self.reduce_input_groups, reduce_input_groups),
            (&mut self.reduce_input_records, reduce_input_records),
            (&mut self.reduce_output_records, reduce_output_records),
            (&mut self.reduce_output_bytes, reduce_output_bytes),
        ] {
            *sum = combine(*sum, more);
        }
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.combine(other, u64::saturating_add);
    }
}

impl SubAssign for Counters {
    fn sub_assign(&mut self, other: Self) {
        self.combine(other, u64::saturating_sub);
    }
}
