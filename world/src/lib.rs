//! The ground floor: what a distributed system may ask of the world around it.
//!
//! A system written against [`World`] runs unchanged as real processes on real files, and inside a simulator that crashes
//! its nodes, delays its messages and loses its unsynced writes. This crate is traits and their error types, nothing else,
//! so that whoever writes a lock service or a queue depends on it without ever seeing MapReduce.
//!
//! Everything is asynchronous, because in a simulated world every step takes virtual time and can be the last one of its
//! node. An implementation over a real operating system may block inside [`FileSystem`] and [`World::compute`]; it must not
//! block inside [`Clock`], [`Network`] or [`World::spawn`].

mod clock;
mod files;
mod network;

use std::future::Future;

pub use clock::{Clock, Timestamp};
pub use files::{File, FileError, FileOperation, FileSystem, FileType, Metadata};
pub use network::{Address, Answer, CallError, ListenError, Listener, Network, Responder};

/// A piece of computing, in units a cost model can turn into time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes read or written by the computation.
    pub bytes: u64,
    /// Records handled by the computation.
    pub records: u64,
}

/// One process's view of the world: its clock, network, files, and the ways it can run code.
///
/// Cloning is cheap and yields a handle to the same world.
pub trait World: Clone + Send + Sync + 'static {
    /// The clock of this node.
    type Clock: Clock;
    /// The network as seen from this node.
    type Network: Network;
    /// The file system as seen from this node.
    type Files: FileSystem;

    /// The clock of this node.
    fn clock(&self) -> &Self::Clock;

    /// The network as seen from this node.
    fn network(&self) -> &Self::Network;

    /// The file system as seen from this node.
    fn files(&self) -> &Self::Files;

    /// Runs `future` in the background until it ends or its process does. It must not block.
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static);

    /// Runs `future` where it may compute and block for long without holding up the rest of the process.
    ///
    /// The real world gives it a thread of its own; a simulator runs it like any other task. It runs to its end even when
    /// the returned future is dropped.
    ///
    /// # Panics
    ///
    /// The returned future panics when `future` did.
    fn compute<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static;

    /// Accounts for `work` just done. Real time has already passed; a simulator lets virtual time pass by its cost model.
    fn charge(&self, work: Work) -> impl Future<Output = ()> + Send;

    /// A number that differs between processes: for identities and jitter, never for a decision that reaches an output.
    ///
    /// A simulator derives it from the seed of the run.
    fn entropy(&self) -> u64;

    /// Something has happened that must happen sometimes in tests, or they have not tested what it takes. A world that counts it says
    /// so; by default nothing is done.
    fn mark(&self, what: &'static str) {
        let _ = what;
    }
}
