//! Messages between processes: HTTP/1.1 over a Unix socket or TCP, one listener a process.
//!
//! A request is `POST /rpc` with the message as its body; the reply comes back in the response. HTTP because one listener
//! can then also show a status page to a person's browser and serve metrics, and because every tool can speak to it. A Unix
//! socket lets in nobody but its user, and nobody calls another user's. TCP has no authentication and no encryption: whoever
//! reaches the port is obeyed, so it is for trusted networks only. Pages in a browser reach it too, and they are not obeyed.

mod budget;
mod client;
mod http;
mod owner;
mod reasons;
mod server;
mod unix_socket;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use world::{Address, CallError, ListenError};

use super::address::RealAddress;
use client::Client;
pub use http::Responder;
use server::Door;
pub use server::Listener;

/// What a listener grants to callers it knows nothing about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many connections are served at once; further ones wait to be let in. As HTTP/1.1 carries one request at a time,
    /// also the number of requests in flight. Default: 4096.
    pub connections: usize,
    /// How long a caller may take to send a request's head, then again its body, how long it may keep a connection open without sending
    /// anything, and how long it may read nothing of an answer. How long the *answer* takes is not bounded. Default: 30 s.
    pub patience: Duration,
    /// How many bytes the bodies of all requests that have not been taken up may have together, not counting the first 16 KiB of each.
    /// What is more is refused, to be sent again later. Default: 256 MiB.
    pub bodies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 4096, patience: Duration::from_secs(30), bodies: 256 << 20 }
    }
}

/// The sockets of this machine. Clones share their connections to others.
#[derive(Debug, Clone)]
pub struct Network {
    limits: Limits,
    client: Client,
    /// Every connection that is being served holds a receiver of this.
    served: Arc<watch::Sender<()>>,
}

impl Network {
    /// The network, with the default [`Limits`] for callers.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// The network, with `limits` for callers.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, client: Client::new(), served: Arc::new(watch::Sender::new(())) }
    }

    /// Waits until the answers given before the listeners were dropped have been written out, but no longer than
    /// `patience`. A program that exits right after its last answer would otherwise cut that answer off.
    pub async fn drained(&self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.served.closed()).await;
    }

    async fn open(&self, address: &RealAddress) -> Result<Listener, String> {
        let door = match address {
            RealAddress::Unix(path) => Door::Unix(unix_socket::claim(path).await?),
            RealAddress::Tcp { host, port } => {
                let bound = TcpListener::bind((host.as_str(), *port)).await;
                Door::Tcp(bound.map_err(|error| reasons::of_binding_a_port(&error))?)
            }
        };
        let address = match &door {
            Door::Unix(_) => address.clone(),
            Door::Tcp(listener) => {
                let bound = listener.local_addr().map_err(|error| error.to_string())?;
                RealAddress::Tcp { host: bound.ip().to_string(), port: bound.port() }
            }
        };
        Ok(server::serve(door, &address, self.limits, self.served.subscribe()))
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl world::Network for Network {
    type Listener = Listener;

    /// Listens at `unix:PATH` or `tcp:HOST:PORT`. A socket that a dead process left behind is replaced; one that answers,
    /// and whatever is no socket, is left alone.
    async fn listen(&self, address: &Address) -> Result<Listener, ListenError> {
        let refused = |reason: String| ListenError { address: address.clone(), reason };
        let real = RealAddress::parse(address).map_err(|error| refused(error.to_string()))?;
        self.open(&real).await.map_err(refused)
    }

    /// Calls over a connection kept open from call to call. Dropping the returned future hangs up.
    async fn call(&self, address: &Address, request: Vec<u8>) -> Result<Vec<u8>, CallError> {
        self.client.call(address, request).await
    }
}
