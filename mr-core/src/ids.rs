//! Names of things, as types: a worker is not a task and an attempt is not an integer.

use std::fmt;
use std::num::{NonZeroU32, ParseIntError};
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One run of one job. Random enough that two jobs in one directory never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for JobId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        u64::from_str_radix(text, 16).map(JobId)
    }
}

/// As it is shown, but without a string of its own: every request has one.
impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let text: [u8; 16] = std::array::from_fn(|place| DIGITS[(self.0 >> (60 - 4 * place)) as usize % 16]);
        serializer.serialize_str(str::from_utf8(&text).expect("digits are ASCII"))
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(JobIdVisitor)
    }
}

struct JobIdVisitor;

impl Visitor<'_> for JobIdVisitor {
    type Value = JobId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a job id")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<JobId, E> {
        text.parse().map_err(|_| E::custom(format_args!("`{text}` is not a job id")))
    }
}

/// A worker as the coordinator knows it: numbered from 1 in the order of registration, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub u32);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}", self.0)
    }
}

/// A map task: numbered from 0 in the order of the input files that they read and, in a file, of offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MapIndex(pub u32);

/// A partition of the keys, which is also a reduce task and the X of `mr-out-X`: numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(pub u32);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many partitions, and so reduce tasks, a job has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reduces(pub NonZeroU32);

impl Reduces {
    /// `count` partitions.
    ///
    /// # Panics
    ///
    /// When `count` is zero.
    #[must_use]
    pub fn new(count: u32) -> Self {
        Self(NonZeroU32::new(count).expect("a job has at least one reduce"))
    }

    /// The number itself.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// Every partition, in order.
    pub fn partitions(self) -> impl Iterator<Item = Partition> {
        (0..self.get()).map(Partition)
    }
}

/// A task: a map of a split, or of several small ones, or a reduce of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskId {
    /// A map.
    Map(MapIndex),
    /// The reduce of one partition.
    Reduce(Partition),
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskId::Map(map) => write!(f, "map {}", map.0),
            TaskId::Reduce(partition) => write!(f, "reduce {}", partition.0),
        }
    }
}

/// The number of one try at a task: 1 for the first, 2 for the one beside it, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

/// One try at one task. Workers run attempts; tasks are what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The task tried.
    pub task: TaskId,
    /// Which try.
    pub attempt: Attempt,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, attempt {}", self.task, self.attempt.0)
    }
}

/// The one attempt of a map whose output counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MapAttempt {
    /// The map.
    pub map: MapIndex,
    /// The attempt of it.
    pub attempt: Attempt,
}

impl From<MapAttempt> for AttemptId {
    fn from(map: MapAttempt) -> AttemptId {
        AttemptId { task: TaskId::Map(map.map), attempt: map.attempt }
    }
}

impl fmt::Display for MapAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        AttemptId::from(*self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_people_say_them() {
        let attempt = AttemptId { task: TaskId::Map(MapIndex(3)), attempt: Attempt(2) };
        assert_eq!(attempt.to_string(), "map 3, attempt 2");
        assert_eq!(TaskId::Reduce(Partition(9)).to_string(), "reduce 9");
        assert_eq!(WorkerId(4).to_string(), "w4");
        assert_eq!(JobId(0xbeef).to_string(), "000000000000beef");
    }

    #[test]
    fn a_job_id_survives_json_although_json_numbers_lose_bits() {
        let job = JobId(u64::MAX - 1);
        let json = serde_json::to_string(&job).unwrap();
        assert_eq!(json, "\"fffffffffffffffe\"");
        assert_eq!(serde_json::from_str::<JobId>(&json).unwrap(), job);
        assert!(serde_json::from_str::<JobId>("\"not hex\"").is_err());
    }
}
