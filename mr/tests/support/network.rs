//! What the tests of the network share: listeners of both kinds, and callers that need not speak HTTP.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::future::Future;
use std::time::Duration;

use mr::real::Network;
use mr::real::network::{Limits, Listener, Responder};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use world::{Address, Answer, CallError, Listener as _, Network as _, Responder as _};

/// Longer than anything here takes that does not hang.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Runs `test` over a Unix socket and over TCP.
pub(crate) async fn over_both<F: Future<Output = ()>>(limits: Limits, test: impl Fn(Network, Listener) -> F) {
    let dir = TempDir::new().unwrap();
    let unix = format!("unix:{}", dir.path().join("socket").to_str().unwrap());
    for address in [unix.as_str(), "tcp:127.0.0.1:0", "tcp:[::1]:0"] {
        let network = Network::with_limits(limits);
        let listener = match network.listen(&Address::new(address)).await {
            Err(error) if address.contains("::1") => {
                eprintln!("skipped, there is no IPv6 here: {error}");
                continue;
            }
            listener => listener.unwrap(),
        };
        timeout(LONG, test(network, listener)).await.unwrap_or_else(|_| panic!("{address} hangs"));
    }
}

/// Answers every request by `answer`, until its process ends.
pub(crate) fn answer_all(mut listener: Listener, answer: impl Fn(Vec<u8>, Responder) + Send + 'static) {
    tokio::spawn(async move {
        loop {
            let (request, responder) = listener.accept().await;
            answer(request, responder);
        }
    });
}

pub(crate) fn echo(request: Vec<u8>, responder: Responder) {
    responder.respond(Answer::Reply(request));
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Connects as a program would that does not speak HTTP.
pub(crate) async fn connect(address: &Address) -> Box<dyn Stream> {
    match address.as_str().split_once(':').unwrap() {
        ("unix", path) => Box::new(UnixStream::connect(path).await.unwrap()),
        (_, host_and_port) => Box::new(TcpStream::connect(host_and_port).await.unwrap()),
    }
}

/// Sends `bytes` and returns all that comes back until the listener hangs up.
pub(crate) async fn converse(address: &Address, bytes: &[u8]) -> String {
    let mut stream = connect(address).await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The bytes of a request with a header of its own that says that its body has `length` bytes.
pub(crate) fn post(header: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head =
        format!("POST /rpc HTTP/1.1\r\nContent-Type: application/json\r\n{header}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

pub(crate) fn reason_of_no_answer(result: Result<Vec<u8>, CallError>) -> String {
    match result {
        Err(CallError::NoAnswer { reason, .. }) => reason,
        other => panic!("there should be no answer, not {other:?}"),
    }
}

pub(crate) fn reason_of_rejection(result: Result<Vec<u8>, CallError>) -> String {
    match result {
        Err(CallError::Rejected { reason, .. }) => reason,
        other => panic!("it should be rejected, not {other:?}"),
    }
}
