//! The system's monotonic clock, counted from the start of this process's world, and tokio's timers to wait on it.

use std::time::{Duration, Instant};

use world::Timestamp;

/// A monotonic clock whose origin is the moment it was made. Clones share the origin.
#[derive(Debug, Clone)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that reads zero now.
    #[must_use]
    pub fn starting_now() -> Self {
        Self { origin: Instant::now() }
    }
}

impl world::Clock for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.origin.elapsed())
    }

    /// Waits on tokio's timer: at least `duration`, rounded up to the next millisecond.
    ///
    /// # Panics
    ///
    /// The returned future panics when it is polled outside a tokio runtime.
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
