//! Calls over turmoil's TCP: a connection each, a length and the bytes in either direction.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use turmoil::net::{TcpListener, TcpStream};
use world::{Address, Answer, CallError, ListenError, Listener, Network, Responder};

const PORT: u16 = 7000;

/// The network as one host sees it. Addresses are the names of hosts.
#[derive(Clone)]
pub(crate) struct TurmoilNetwork;

async fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_u32(bytes.len() as u32).await?;
    stream.write_all(bytes).await
}

async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; stream.read_u32().await? as usize];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

impl Network for TurmoilNetwork {
    type Listener = TurmoilListener;

    async fn listen(&self, address: &Address) -> Result<TurmoilListener, ListenError> {
        let failed = |error: io::Error| ListenError { address: address.clone(), reason: error.to_string() };
        let listener = TcpListener::bind(("0.0.0.0", PORT)).await.map_err(failed)?;
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    if let Ok(request) = read(&mut stream).await {
                        let _ = sender.send((request, TurmoilResponder(stream)));
                    }
                });
            }
        });
        Ok(TurmoilListener(requests))
    }

    async fn call(&self, address: &Address, request: Vec<u8>) -> Result<Vec<u8>, CallError> {
        let called = async {
            let mut stream = TcpStream::connect((address.as_str(), PORT)).await?;
            write(&mut stream, &request).await?;
            read(&mut stream).await
        };
        let failed = |error: io::Error| {
            let (address, reason) = (address.clone(), error.to_string());
            match error.kind() {
                io::ErrorKind::ConnectionRefused => CallError::NobodyListens { address, reason },
                _ => CallError::NoAnswer { address, reason },
            }
        };
        called.await.map_err(failed)
    }
}

/// The requests that have come.
pub(crate) struct TurmoilListener(mpsc::UnboundedReceiver<(Vec<u8>, TurmoilResponder)>);

impl Listener for TurmoilListener {
    type Responder = TurmoilResponder;

    async fn accept(&mut self) -> (Vec<u8>, TurmoilResponder) {
        self.0.recv().await.expect("the host accepts for as long as it lives")
    }
}

/// A connection that waits for its answer.
pub(crate) struct TurmoilResponder(TcpStream);

impl Responder for TurmoilResponder {
    fn respond(mut self, answer: Answer) {
        let Answer::Reply(reply) = answer else { return };
        tokio::spawn(async move {
            let _ = write(&mut self.0, &reply).await;
        });
    }
}
