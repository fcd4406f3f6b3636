//! The calling side: one HTTP client for all of TCP and one for each Unix socket, whose connections are kept for reuse.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mr_core::protocol::MAX_MESSAGE_BYTES;
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use world::{Address, CallError};

use super::RealAddress;
use super::http::JSON;
use super::owner::{self, NotCalled};
use super::reasons;

/// How long a connection may take to come about. How long the answer takes is not bounded.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an unused connection is kept: less than any listener's patience, so that we are the one to close it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// How many bytes of a refusal are read.
const MAX_REFUSAL_BYTES: usize = 8 << 10;

/// The connections of this process to others. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Client {
    tcp: reqwest::Client,
    unix: Arc<Mutex<BTreeMap<PathBuf, reqwest::Client>>>,
}

/// A call's end that is no reply; turned into a [`CallError`] by adding the address.
enum Failure {
    NoAnswer(String),
    NobodyListens(String),
    Rejected(String),
}

impl From<NotCalled> for Failure {
    fn from(reason: NotCalled) -> Self {
        match reason {
            NotCalled::Missing => Failure::NobodyListens(reasons::NO_SOCKET.to_owned()),
            NotCalled::Foreign(reason) => Failure::Rejected(reason),
        }
    }
}

impl Client {
    pub(super) fn new() -> Self {
        Self { tcp: build(settings()), unix: Arc::default() }
    }

    pub(super) async fn call(&self, address: &Address, request: Vec<u8>) -> Result<Vec<u8>, CallError> {
        self.post(address, request).await.map_err(|failure| match failure {
            Failure::NoAnswer(reason) => CallError::NoAnswer { address: address.clone(), reason },
            Failure::NobodyListens(reason) => CallError::NobodyListens { address: address.clone(), reason },
            Failure::Rejected(reason) => CallError::Rejected { address: address.clone(), reason },
        })
    }

    async fn post(&self, address: &Address, request: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let real = RealAddress::parse(address).map_err(|error| Failure::Rejected(error.to_string()))?;
        let (client, url) = match &real {
            RealAddress::Unix(path) => {
                // At every call: the name may have changed hands since the last one.
                owner::check(path)?;
                (self.unix(path), "http://localhost/rpc".to_owned())
            }
            RealAddress::Tcp { host, port } if host.contains(':') => {
                (self.tcp.clone(), format!("http://[{host}]:{port}/rpc"))
            }
            RealAddress::Tcp { host, port } => (self.tcp.clone(), format!("http://{host}:{port}/rpc")),
        };
        let request = client.post(url).header("content-type", JSON).body(request);
        let response = request.send().await.map_err(|error| match reasons::is_refusal(&error, &real) {
            true => Failure::NobodyListens(reasons::of_a_failed_call(&error)),
            false => no_answer(&error),
        })?;
        read(response).await
    }

    /// The client for the socket at `path`.
    fn unix(&self, path: &Path) -> reqwest::Client {
        let mut clients = self.unix.lock().unwrap_or_else(PoisonError::into_inner);
        clients.entry(path.to_owned()).or_insert_with(|| build(settings().unix_socket(path))).clone()
    }
}

fn settings() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
}

fn build(settings: reqwest::ClientBuilder) -> reqwest::Client {
    settings.build().expect("without TLS, proxies or headers of ours there is nothing that could be wrong")
}

fn no_answer(error: &reqwest::Error) -> Failure {
    Failure::NoAnswer(reasons::of_a_failed_call(error))
}

/// Sorts a response into reply, refusal and failure.
async fn read(response: Response) -> Result<Vec<u8>, Failure> {
    let status = response.status();
    if status == StatusCode::OK {
        let (body, whole) = read_up_to(response, MAX_MESSAGE_BYTES).await?;
        if !whole {
            return Err(Failure::NoAnswer(format!("the answer is larger than the {MAX_MESSAGE_BYTES} bytes allowed")));
        }
        return Ok(body);
    }
    // A request that took too long to arrive may well be quicker the next time.
    let final_word = status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT;
    let (body, _) = read_up_to(response, MAX_REFUSAL_BYTES).await?;
    let words = String::from_utf8_lossy(&body).trim().to_owned();
    let words = if words.is_empty() { format!("the listener answered {status}") } else { words };
    Err(if final_word { Failure::Rejected(words) } else { Failure::NoAnswer(words) })
}

/// The first `limit` bytes of a response's body, and whether that is all of it.
async fn read_up_to(mut response: Response, limit: usize) -> Result<(Vec<u8>, bool), Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, true))
}
