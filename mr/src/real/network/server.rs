//! The open door: lets callers in, speaks HTTP with each, and queues their requests for the system.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_io_timeout::TimeoutStream;
use world::Address;

use super::budget::Budget;
use super::http::{self, Incoming, Inlet, Responder};
use super::unix_socket::{OwnedSocket, SocketName};
use super::{Limits, RealAddress};

/// How many requests may wait for [`world::Listener::accept`]; further ones wait in their connections.
const QUEUE: usize = 256;

/// How long to wait after the system refused to let a caller in, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a connection holds of a request that nobody has counted yet: its head, or a piece of its body. A head that is larger is refused.
/// Ours have a few hundred bytes; hyper by itself would take 400 KiB, of each of thousands of callers.
const CONNECTION_BUFFER: usize = 16 << 10;

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Door {
    Unix(OwnedSocket),
    Tcp(TcpListener),
}

/// An open door for requests over HTTP. Dropping it removes the socket's name and lets nobody in any more; answers already
/// given are still written out.
#[derive(Debug)]
pub struct Listener {
    address: Address,
    requests: mpsc::Receiver<Incoming>,
    /// Declared before `open`, because it must be dropped while the socket still listens.
    _name: Option<SocketName>,
    /// The end of this tells every connection to come to an end.
    _open: watch::Sender<()>,
}

impl Listener {
    /// The address that is listened on, with the port that the system chose where it was left to it.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl world::Listener for Listener {
    type Responder = Responder;

    async fn accept(&mut self) -> (Vec<u8>, Responder) {
        let incoming = self.requests.recv().await.expect("letting callers in goes on until the listener is dropped");
        (incoming.body.into_bytes(), incoming.responder)
    }
}

/// Starts to let callers in. `served` is held by each connection for as long as it is served.
pub(super) fn serve(door: Door, address: &RealAddress, limits: Limits, served: watch::Receiver<()>) -> Listener {
    let (sender, requests) = mpsc::channel(QUEUE);
    let (open, closed) = watch::channel(());
    let router =
        http::router(Inlet { requests: sender, budget: Budget::new(limits.bodies), patience: limits.patience });
    let reception = Reception { router, limits, closed, served };
    let name = match door {
        Door::Unix(OwnedSocket { listener, name }) => {
            tokio::spawn(reception.receive(listener));
            Some(name)
        }
        Door::Tcp(listener) => {
            tokio::spawn(reception.receive(listener));
            None
        }
    };
    Listener { address: address.into(), requests, _name: name, _open: open }
}

/// A socket that lets callers in, of either kind.
trait Accept: Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Accept for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&self) -> io::Result<Self::Stream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

impl Accept for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn accept(&self) -> io::Result<Self::Stream> {
        let (stream, _) = self.accept().await?;
        // Small messages that wait for each other: the kernel must not wait for more to send along.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// What every connection of one listener shares.
#[derive(Clone)]
struct Reception {
    router: Router,
    limits: Limits,
    closed: watch::Receiver<()>,
    served: watch::Receiver<()>,
}

impl Reception {
    /// Lets callers in, as many at once as there are places, until the listener is dropped.
    async fn receive(self, door: impl Accept) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let mut closed = self.closed.clone();
        loop {
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
                (place, door.accept().await)
            };
            let (place, stream) = tokio::select! {
                biased;
                _ = closed.changed() => return,
                next = next => next,
            };
            match stream {
                Ok(stream) => {
                    let reception = self.clone();
                    tokio::spawn(async move {
                        reception.converse(stream).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!("cannot let a caller in: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Speaks HTTP until the caller hangs up, is silent for too long, does not read or talks nonsense; once the listener is dropped, only
    /// until the request under way is answered.
    async fn converse(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.patience));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.patience)
            .max_buf_size(CONNECTION_BUFFER)
            .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(self.router));
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            biased;
            _ = self.closed.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            ended = connection.as_mut() => ended,
        };
        if let Err(error) = ended {
            tracing::debug!("a connection ended badly: {error}");
        }
        drop(self.served);
    }
}
