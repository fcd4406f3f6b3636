//! Buffers of maps, between one map and the next. Memory that is kept need not be asked for, and cleared by the system, for every map
//! anew. When reduces begin, the maps are over, or nearly, and the memory is for them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ids::JobId;
use crate::shuffle::MapBuffer;

/// How many times as large as what it is written out at a buffer may be and be kept: arrays grow double, and the records of one call
/// more may be in it.
const KEPT_UP_TO: usize = 4;

/// Buffers that no map uses just now.
pub(super) struct SpareBuffers {
    job: JobId,
    largest: usize,
    /// None once reduces have begun.
    spare: Mutex<Option<Vec<MapBuffer>>>,
}

impl SpareBuffers {
    /// None so far, of maps of `job` that write a buffer out when it holds `map_buffer` bytes.
    pub(super) fn new(job: JobId, map_buffer: usize) -> Self {
        Self { job, largest: map_buffer.saturating_mul(KEPT_UP_TO), spare: Mutex::new(Some(Vec::new())) }
    }

    /// A buffer for a map. What a map that failed has left may be in it.
    pub(super) fn take(&self) -> MapBuffer {
        self.spare().as_mut().and_then(Vec::pop).unwrap_or_else(|| MapBuffer::new(self.job))
    }

    /// Keeps `buffer` for another map, unless one call of the app has blown it up.
    pub(super) fn give_back(&self, buffer: MapBuffer) {
        if let Some(spare) = self.spare().as_mut()
            && buffer.capacity() <= self.largest
        {
            spare.push(buffer);
        }
    }

    /// Frees all buffers; from now on none is kept.
    pub(super) fn free(&self) {
        *self.spare() = None;
    }

    fn spare(&self) -> MutexGuard<'_, Option<Vec<MapBuffer>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::ids::Partition;

    const LIMIT: usize = 10_000;

    fn with_value(bytes: usize) -> MapBuffer {
        let mut buffer = MapBuffer::new(JobId(7));
        let Ok(()) = buffer.add(b"key", &vec![7; bytes], || Ok::<_, Infallible>(Partition(0)));
        buffer
    }

    #[test]
    fn the_memory_of_one_map_is_for_the_next() {
        let buffers = SpareBuffers::new(JobId(7), LIMIT);
        assert_eq!(buffers.take().capacity(), 0);
        buffers.give_back(with_value(LIMIT));
        assert!(buffers.take().capacity() >= LIMIT);
        assert_eq!(buffers.take().capacity(), 0, "one that is in use is nobody else's");
    }

    #[test]
    fn a_buffer_that_was_blown_up_is_not_kept() {
        let buffers = SpareBuffers::new(JobId(7), LIMIT);
        buffers.give_back(with_value(KEPT_UP_TO * LIMIT));
        assert_eq!(buffers.take().capacity(), 0);
        let boundless = SpareBuffers::new(JobId(7), usize::MAX);
        boundless.give_back(with_value(KEPT_UP_TO * LIMIT));
        assert!(boundless.take().capacity() > LIMIT);
    }

    #[test]
    fn nothing_is_kept_once_reduces_have_begun() {
        let buffers = SpareBuffers::new(JobId(7), LIMIT);
        buffers.give_back(with_value(LIMIT));
        buffers.free();
        buffers.give_back(with_value(LIMIT));
        assert_eq!(buffers.take().capacity(), 0);
    }
}
