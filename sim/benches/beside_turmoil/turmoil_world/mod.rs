//! A world over turmoil: its hosts, its network, its clock, and files in memory, because turmoil has none that several hosts share.

#[path = "../../../../mr-core/tests/support/files.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    rustdoc::broken_intra_doc_links,
    reason = "it is written for tests that need more of it"
)]
pub(crate) mod files;
mod network;
mod timed;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use world::{Clock, Timestamp, Work, World};

use network::TurmoilNetwork;
pub(crate) use timed::TimedFiles;

/// The world as one host sees it.
#[derive(Clone)]
pub(crate) struct TurmoilWorld {
    clock: TurmoilClock,
    network: TurmoilNetwork,
    files: TimedFiles,
    entropy: Arc<AtomicU64>,
}

impl TurmoilWorld {
    /// Of host number `host`. To be made on the host.
    pub(crate) fn new(files: TimedFiles, host: u64) -> Self {
        let clock = TurmoilClock(Instant::now());
        Self { clock, network: TurmoilNetwork, files, entropy: Arc::new(AtomicU64::new(host << 32)) }
    }
}

impl World for TurmoilWorld {
    type Clock = TurmoilClock;
    type Network = TurmoilNetwork;
    type Files = TimedFiles;

    fn clock(&self) -> &TurmoilClock {
        &self.clock
    }

    fn network(&self) -> &TurmoilNetwork {
        &self.network
    }

    fn files(&self) -> &TimedFiles {
        &self.files
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(future);
    }

    fn compute<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let computed = tokio::spawn(future);
        async move { computed.await.expect("nothing panics") }
    }

    async fn charge(&self, _work: Work) {}

    fn entropy(&self) -> u64 {
        self.entropy.fetch_add(1, Ordering::Relaxed)
    }
}

/// Tokio's clock, which turmoil moves.
#[derive(Clone)]
pub(crate) struct TurmoilClock(Instant);

impl Clock for TurmoilClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.0.elapsed())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }
}
