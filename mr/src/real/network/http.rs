//! What the listener says over HTTP, and the bridge from a request to the system that answers it.

use std::time::Duration;

use axum::Router;
use axum::body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use mr_core::protocol::MAX_MESSAGE_BYTES;
use tokio::sync::{mpsc, oneshot};
use world::Answer;

use super::budget::{Body, Budget};

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
    pub(super) body: Body,
    pub(super) responder: Responder,
}

/// Where requests go, what they may use on their way, and how long a body may take to arrive.
#[derive(Debug, Clone)]
pub(super) struct Inlet {
    pub(super) requests: mpsc::Sender<Incoming>,
    pub(super) budget: Budget,
    pub(super) patience: Duration,
}

/// Every page there is. Whoever adds one, such as a status page, adds its route here.
pub(super) fn router(inlet: Inlet) -> Router {
    Router::new().route("/rpc", post(rpc)).with_state(inlet).route("/", get(ABOUT)).fallback(not_found)
}

async fn not_found() -> Response {
    sentence(StatusCode::NOT_FOUND, "there is no such page: try /")
}

async fn rpc(State(inlet): State<Inlet>, headers: HeaderMap, body: body::Body) -> Response {
    if let Some(refusal) = refuse_page(&headers) {
        return refusal;
    }
    let body = match tokio::time::timeout(inlet.patience, read(body, &inlet.budget)).await {
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

/// Reads a body that is not too large, or says why not. What cannot be kept is read all the same and thrown away: a client that is still
/// sending would otherwise see a broken connection instead of the answer.
async fn read(body: body::Body, budget: &Budget) -> Result<Body, Response> {
    let mut kept = Body::new(budget.clone());
    let mut refusal = None;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| sentence(StatusCode::BAD_REQUEST, "the request's body broke off"))?;
        if refusal.is_some() {
            continue;
        }
        if kept.len() + chunk.len() > MAX_MESSAGE_BYTES {
            let reason = format!("the request's body is larger than the {MAX_MESSAGE_BYTES} bytes allowed");
            refusal = Some(sentence(StatusCode::PAYLOAD_TOO_LARGE, reason));
        } else if !kept.append(&chunk) {
            let reason = "the coordinator has no memory left for the request's body: others have sent too much";
            refusal = Some(sentence(StatusCode::SERVICE_UNAVAILABLE, reason));
        }
        if refusal.is_some() {
            kept = Body::new(budget.clone());
        }
    }
    refusal.map_or(Ok(kept), Err)
}

/// A response of one sentence, as `text/plain`.
fn sentence(status: StatusCode, text: impl Into<String>) -> Response {
    (status, text.into()).into_response()
}
