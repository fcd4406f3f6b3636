//! A clock that moves only when told to.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use world::{Clock, Timestamp};

/// The clock of a [`MemoryWorld`](super::MemoryWorld).
#[derive(Clone, Default)]
pub struct MemoryClock(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Timestamp,
    /// Who sleeps, by when they wake and the order in which they lay down.
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
    sleeps: u64,
}

impl MemoryClock {
    /// Moves time on to when the next sleeper wakes; says whether there is one.
    pub fn advance_to_next_sleeper(&self) -> bool {
        let mut state = self.0.lock().unwrap();
        let Some(((deadline, _), waker)) = state.sleepers.pop_first() else { return false };
        state.now = state.now.max(deadline);
        drop(state);
        waker.wake();
        true
    }
}

impl Clock for MemoryClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().now
    }

    async fn sleep(&self, duration: Duration) {
        let key = {
            let mut state = self.0.lock().unwrap();
            state.sleeps += 1;
            (state.now + duration, state.sleeps)
        };
        // Who stops waiting must not be found among the sleepers.
        let _leave = Leave { clock: self, key };
        poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            if state.now >= key.0 {
                return Poll::Ready(());
            }
            state.sleepers.insert(key, context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

struct Leave<'a> {
    clock: &'a MemoryClock,
    key: (Timestamp, u64),
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.clock.0.lock().unwrap().sleepers.remove(&self.key);
    }
}
