//! The real world: the traits of [`world`] over an operating system.
//!
//! Time is tokio's, files are the system's own, messages travel as HTTP over sockets, and long computations get a thread
//! each. Everything that decides anything lives in `mr-core`; here is only what a simulator replaces.

pub mod address;
mod clock;
mod files;
pub mod network;
mod write_behind;

use std::future::Future;
use std::panic;

use tokio::runtime::Handle;
use world::{Work, World};

pub use clock::Clock;
pub use files::{Files, OpenFile};
pub use network::Network;

/// One process's view of the machine it runs on. Clones are handles to the same world.
#[derive(Debug, Clone)]
pub struct RealWorld {
    clock: Clock,
    network: Network,
    files: Files,
    runtime: Handle,
}

impl RealWorld {
    /// The world of the process that calls, its clock starting at zero now.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime. The runtime should be a multi-threaded one with time and I/O enabled: what is spawned here
    /// then goes on while [`World::compute`] blocks.
    #[must_use]
    pub fn new() -> Self {
        Self { clock: Clock::starting_now(), network: Network::new(), files: Files, runtime: Handle::current() }
    }
}

impl Default for RealWorld {
    fn default() -> Self {
        Self::new()
    }
}

impl World for RealWorld {
    type Clock = Clock;
    type Network = Network;
    type Files = Files;

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn network(&self) -> &Network {
        &self.network
    }

    fn files(&self) -> &Files {
        &self.files
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(future);
    }

    /// Runs `future` on a thread of tokio's blocking pool, where it may call [`Files`] and compute for as long as it likes.
    /// It starts at once, whether or not the returned future is ever polled.
    fn compute<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let runtime = self.runtime.clone();
        let task = self.runtime.spawn_blocking(move || runtime.block_on(future));
        async move {
            match task.await {
                Ok(value) => value,
                Err(error) => match error.try_into_panic() {
                    Ok(payload) => panic::resume_unwind(payload),
                    // The runtime is shutting down and took the task with it; this future's turn comes next.
                    Err(_) => std::future::pending().await,
                },
            }
        }
    }

    /// Ready at once: real time has passed by itself.
    async fn charge(&self, _: Work) {}

    /// A number from the operating system's random source.
    ///
    /// # Panics
    ///
    /// When the system has none to give, which no supported system does once it has booted.
    fn entropy(&self) -> u64 {
        getrandom::u64().expect("a booted operating system gives out random numbers")
    }
}
