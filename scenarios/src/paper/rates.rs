//! The cost model: how fast a machine of 2004 is, from what the paper tells of its runs.
//!
//! Taken from the text: input is read at 13 GB/s at the peak, by 1,746 machines, in pieces that make a terabyte; starting takes up to a
//! minute, because the program has to reach every machine; workers are killed some minutes into the run, and started again at once.
//!
//! Fitted, because the text does not tell: what a reduce takes, so that the normal run takes the paper's 891 s; and how slow five machines
//! become, so that *without backups* the last reduces end some 400 s after that, as the paper's did. Assumed: that machines differ by a
//! tenth, when the five become slow, how long a worker takes to start again, and the coordinator's patience.
//!
//! Neither fitted nor assumed, and so what the model tells: that backups make up for the five, how many they are and when they come, what
//! killing costs, and how the bytes flow meanwhile.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const MEGABYTE: u64 = 1_000_000;

/// How fast a machine is.
#[derive(Debug, Clone)]
pub struct Rates {
    /// The bytes that a map reads; with M = 15,000 a terabyte.
    pub map_bytes: u64,
    /// The bytes that a reduce shuffles, and then writes; with R = 4,000 a terabyte.
    pub reduce_bytes: u64,
    /// How many bytes of input a machine maps in a second: 13 GB/s over 1,746 machines.
    pub map_rate: u64,
    /// How many it shuffles in a second.
    pub shuffle_rate: u64,
    /// How many it sorts, reduces and writes in a second, with the second copy that the paper's file system makes.
    pub write_rate: u64,
    /// By how much machines differ: from one minus this to one plus this times the usual time.
    pub unevenness: f64,
    /// The last worker starts after this.
    pub startup: Duration,
    /// When machines turn slow, and how much longer everything takes there.
    pub slow_at: Duration,
    /// See [`Rates::slow_at`].
    pub slow_factor: f64,
    /// When workers are killed.
    pub killed_at: Duration,
    /// How long it takes until they are started again.
    pub restart: Duration,
    /// How long the coordinator waits for a sign of progress.
    pub task_timeout: Duration,
}

impl Rates {
    /// Those of the paper, as far as it tells.
    #[must_use]
    pub fn of_the_paper() -> Self {
        Self {
            map_bytes: 67 * MEGABYTE,
            reduce_bytes: 250 * MEGABYTE,
            map_rate: 13_000 * MEGABYTE / 1746,
            shuffle_rate: 1_885_000,
            write_rate: 1_885_000,
            unevenness: 0.1,
            startup: Duration::from_mins(1),
            slow_at: Duration::from_secs(250),
            slow_factor: 7.3,
            killed_at: Duration::from_mins(5),
            restart: Duration::from_secs(5),
            task_timeout: Duration::from_mins(1),
        }
    }

    /// How many times as long as usual worker number `index` takes.
    pub(super) fn slowness(&self, seed: u64, index: usize) -> f64 {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(index as u64);
        let share = f64::from(stream.next_u32()) / f64::from(u32::MAX);
        1.0 + self.unevenness * (2.0 * share - 1.0)
    }

    /// When worker number `index` of `workers` starts: one after the other.
    pub(super) fn start_after(&self, index: usize, workers: usize) -> Duration {
        self.startup.mul_f64(index as f64 / workers as f64)
    }
}
