//! Request and reply between processes, as bytes.
//!
//! The smallest shape that both HTTP and a simulated network can carry: a caller sends one message and waits for one answer;
//! a listener takes messages and answers each when it likes, in any order, or never. Loss, delay and duplication are the
//! network's to inflict and the system's to survive: a call that failed may still have been carried out.

use std::fmt;
use std::future::Future;

/// Where a process listens: `unix:PATH` or `tcp:HOST:PORT` in the real world, a node's name in a simulated one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// The address written as `text`. Whether it means anything is for the network to say.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an address could not be listened on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot listen on {address}: {reason}")]
pub struct ListenError {
    /// The address asked for.
    pub address: Address,
    /// What stood in the way, as a sentence without its full stop.
    pub reason: String,
}

/// Why a call brought no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No answer came. The request may or may not have been carried out; asking again is sensible.
    #[error("no answer from {address}: {reason}")]
    NoAnswer {
        /// Whom the call was for.
        address: Address,
        /// What went wrong, as a sentence without its full stop.
        reason: String,
    },
    /// Nobody listens there: not yet, or no more.
    #[error("nobody listens at {address}: {reason}")]
    NobodyListens {
        /// Whom the call was for.
        address: Address,
        /// How that shows, as a sentence without its full stop.
        reason: String,
    },
    /// The listener refused the request as one it will never serve; asking again is pointless.
    #[error("{address} refused the request: {reason}")]
    Rejected {
        /// Who refused.
        address: Address,
        /// The listener's words.
        reason: String,
    },
}

/// What a listener says to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The reply, encoded.
    Reply(Vec<u8>),
    /// The request makes no sense, with a sentence that says why; arrives as [`CallError::Rejected`].
    Reject(String),
}

/// The power to listen for requests and to send them.
pub trait Network: Clone + Send + Sync + 'static {
    /// What listening yields.
    type Listener: Listener;

    /// Starts to listen at `address`.
    ///
    /// # Errors
    ///
    /// When the address means nothing here, is taken, or is not ours to take.
    fn listen(&self, address: &Address) -> impl Future<Output = Result<Self::Listener, ListenError>> + Send;

    /// Sends `request` to whoever listens at `address` and waits for the answer, for ever if need be: a caller that wants a
    /// bound races the call against its [`Clock`](crate::Clock).
    ///
    /// # Errors
    ///
    /// [`CallError::NobodyListens`] when nobody listens, [`CallError::NoAnswer`] when the connection fails otherwise,
    /// [`CallError::Rejected`] when the listener will not have the request.
    fn call(&self, address: &Address, request: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, CallError>> + Send;
}

/// An open door for requests. Dropping it closes the door.
pub trait Listener: Send + 'static {
    /// The way back to one caller.
    type Responder: Responder;

    /// Waits for the next request. Safe to cancel: no request is lost when the returned future is dropped.
    fn accept(&mut self) -> impl Future<Output = (Vec<u8>, Self::Responder)> + Send;
}

/// The way back to one caller. Dropping it leaves the call without an answer.
pub trait Responder: Send + 'static {
    /// Answers the call. The caller may be gone by now; nobody is told.
    fn respond(self, answer: Answer);
}
