//! A world in memory, for the tests of everything that is written against a world.
//!
//! It is single-threaded, deterministic and without faults but those a test asks for. Time stands still while anything can
//! run, and jumps to the next sleeper's hour when nothing can.
#![allow(dead_code, unreachable_pub, reason = "every test file is a crate of its own and uses its own part of this")]

pub mod clock;
pub mod coordinator;
pub mod data_path;
pub mod files;
pub mod network;
pub mod workers;

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::future::BoxFuture;
use futures::task::LocalSpawnExt;
use world::{Work, World};

use clock::MemoryClock;
use files::MemoryFiles;
use network::MemoryNetwork;

/// One process of a world in memory.
#[derive(Clone, Default)]
pub struct MemoryWorld {
    clock: MemoryClock,
    network: MemoryNetwork,
    files: MemoryFiles,
    spawned: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
    entropy: Arc<AtomicU64>,
}

impl MemoryWorld {
    /// An empty world.
    pub fn new() -> Self {
        Self::default()
    }

    /// Its files, to put inputs there and to see what came of them.
    pub fn memory_files(&self) -> &MemoryFiles {
        &self.files
    }

    /// Runs `main` and everything spawned on the way until `main` ends; what is still running then is dropped.
    ///
    /// # Panics
    ///
    /// When everything waits and nobody sleeps: then it would wait for ever.
    pub fn run<T: 'static>(&self, main: impl Future<Output = T> + 'static) -> T {
        let mut pool = LocalPool::new();
        let spawner = pool.spawner();
        let result = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&result);
        spawner.spawn_local(async move { *slot.borrow_mut() = Some(main.await) }).expect("the pool runs");
        loop {
            pool.run_until_stalled();
            if let Some(result) = result.borrow_mut().take() {
                return result;
            }
            let spawned = std::mem::take(&mut *self.spawned.lock().unwrap());
            if spawned.is_empty() {
                assert!(self.clock.advance_to_next_sleeper(), "everything waits for something that cannot come");
            }
            for task in spawned {
                spawner.spawn_local(task).expect("the pool runs");
            }
        }
    }
}

impl World for MemoryWorld {
    type Clock = MemoryClock;
    type Network = MemoryNetwork;
    type Files = MemoryFiles;

    fn clock(&self) -> &MemoryClock {
        &self.clock
    }

    fn network(&self) -> &MemoryNetwork {
        &self.network
    }

    fn files(&self) -> &MemoryFiles {
        &self.files
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.spawned.lock().unwrap().push(Box::pin(future));
    }

    fn compute<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let (sender, receiver) = oneshot::channel();
        self.spawn(async move {
            // Nobody may be waiting any more; the computation runs to its end all the same.
            let _ = sender.send(future.await);
        });
        async move { receiver.await.expect("the computation ends") }
    }

    async fn charge(&self, _work: Work) {}

    fn entropy(&self) -> u64 {
        self.entropy.fetch_add(1, Ordering::Relaxed)
    }
}
