//! What the listener says over HTTP, and the bridge from a request to the system that answers it.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use mr_core::protocol::MAX_MESSAGE_BYTES;
use tokio::sync::{mpsc, oneshot};
use world::Answer;

const ABOUT: &str = "This is a MapReduce coordinator. Workers send their requests to /rpc.\n";

/// The content type of requests and replies.
pub(super) const JSON: &str = "application/json";

/// The way back to one caller, over HTTP.
#[derive(Debug)]
pub struct Responder {
    answer: oneshot::Sender<Answer>,
}

impl world::Responder for Responder {
    fn respond(self, answer: Answer) {
        // The caller may have hung up: then there is nobody to tell.
        let _ = self.answer.send(answer);
    }
}

/// A request that has arrived whole.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) body: Vec<u8>,
    pub(super) responder: Responder,
}

/// Where requests go, and how long a body may take to arrive.
#[derive(Debug, Clone)]
pub(super) struct Inlet {
    pub(super) requests: mpsc::Sender<Incoming>,
    pub(super) patience: Duration,
}

/// Every page there is. Whoever adds one, such as a status page, adds its route here.
pub(super) fn router(inlet: Inlet) -> Router {
    Router::new().route("/rpc", post(rpc)).with_state(inlet).route("/", get(ABOUT)).fallback(not_found)
}

async fn not_found() -> Response {
    sentence(StatusCode::NOT_FOUND, "there is no such page: try /")
}

async fn rpc(State(inlet): State<Inlet>, headers: HeaderMap, body: Body) -> Response {
    if let Some(refusal) = refuse_page(&headers) {
        return refusal;
    }
    let body = match tokio::time::timeout(inlet.patience, read(body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refusal)) => return refusal,
        Err(_) => return sentence(StatusCode::REQUEST_TIMEOUT, "the request's body took too long to arrive"),
    };
    let (answer, answered) = oneshot::channel();
    let incoming = Incoming { body, responder: Responder { answer } };
    if inlet.requests.send(incoming).await.is_err() {
        return sentence(StatusCode::SERVICE_UNAVAILABLE, "the coordinator is leaving");
    }
    match answered.await {
        Ok(Answer::Reply(reply)) => ([(header::CONTENT_TYPE, JSON)], reply).into_response(),
        Ok(Answer::Reject(reason)) => sentence(StatusCode::BAD_REQUEST, reason),
        Err(_) => sentence(StatusCode::SERVICE_UNAVAILABLE, "the coordinator gave no answer"),
    }
}

/// The refusal of a request that a page in a browser may have sent, which nobody need know of: a page reaches whatever the browser reaches,
/// this very machine's ports included. It may send JSON only after the browser has asked the listener, and ours knows no such question.
/// The browser does not ask if the page's own name has come to stand for our address, but still says which page it was.
fn refuse_page(headers: &HeaderMap) -> Option<Response> {
    let content = headers.get(header::CONTENT_TYPE).and_then(|content| content.to_str().ok()).unwrap_or_default();
    let content = content.split(';').next().unwrap_or_default().trim();
    if !content.eq_ignore_ascii_case(JSON) {
        return Some(sentence(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("a request has the content type {JSON}")));
    }
    headers.contains_key(header::ORIGIN).then(|| sentence(StatusCode::FORBIDDEN, "web pages may not send requests"))
}

/// Reads a body that is not too large, or says why not. What is too much is read all the same and thrown away: a client
/// that is still sending would otherwise see a broken connection instead of the answer.
async fn read(body: Body) -> Result<Vec<u8>, Response> {
    let mut kept = Vec::new();
    let mut too_large = false;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| sentence(StatusCode::BAD_REQUEST, "the request's body broke off"))?;
        too_large |= kept.len() + chunk.len() > MAX_MESSAGE_BYTES;
        if too_large {
            kept = Vec::new();
        } else {
            kept.extend_from_slice(&chunk);
        }
    }
    if too_large {
        let reason = format!("the request's body is larger than the {MAX_MESSAGE_BYTES} bytes allowed");
        return Err(sentence(StatusCode::PAYLOAD_TOO_LARGE, reason));
    }
    Ok(kept)
}

/// A response of one sentence, as `text/plain`.
fn sentence(status: StatusCode, text: impl Into<String>) -> Response {
    (status, text.into()).into_response()
}
