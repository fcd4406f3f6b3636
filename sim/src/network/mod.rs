//! The network as one node sees it: doors to listen at, calls that wait.

mod wire;

use std::future::{Future, poll_fn};
use std::task::{Poll, Waker};

use world::{Address, Answer, CallError, ListenError, Listener, Network, Responder};

use crate::state::Home;
use wire::Asked;
pub(crate) use wire::{Calls, Door, Parcel, Unanswered};

/// The network as one node sees it. Addresses are the names of nodes.
#[derive(Clone)]
pub struct SimNetwork(pub(crate) Home);

impl Network for SimNetwork {
    type Listener = SimListener;

    async fn listen(&self, address: &Address) -> Result<SimListener, ListenError> {
        self.0.at_once().await;
        let refuse = |reason: &str| Err(ListenError { address: address.clone(), reason: reason.into() });
        let mut state = self.0.state();
        if !state.lives(self.0.node, self.0.start) {
            return refuse("the node is down");
        }
        let node = &mut state.nodes[self.0.node];
        if node.node.name() != address.as_str() {
            return refuse("a node listens at its own name and nowhere else");
        }
        if node.door.is_some() {
            return refuse("somebody listens there");
        }
        node.door = Some(Door::default());
        Ok(SimListener(self.0.clone()))
    }

    fn call(&self, address: &Address, request: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, CallError>> + Send {
        let (home, address) = (self.0.clone(), address.clone());
        async move {
            let call = home.state().call(&home, &address, request);
            let waiting = Waiting { home, call };
            let answer = poll_fn(|context| waiting.poll(context.waker())).await;
            match answer {
                Ok(Answer::Reply(reply)) => Ok(reply),
                Ok(Answer::Reject(reason)) => Err(CallError::Rejected { address, reason }),
                Err(Unanswered::NobodyListens) => {
                    Err(CallError::NobodyListens { address, reason: "the connection was refused".into() })
                }
                Err(Unanswered::Closed) => {
                    Err(CallError::NoAnswer { address, reason: "the connection was closed".into() })
                }
            }
        }
    }
}

/// A caller who waits. When it stops waiting, an answer finds nobody.
struct Waiting {
    home: Home,
    call: u64,
}

impl Waiting {
    fn poll(&self, waker: &Waker) -> Poll<Result<Answer, Unanswered>> {
        self.home.state().calls.poll(self.call, waker)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let forgotten = self.home.state().calls.forget(self.call);
        drop(forgotten);
    }
}

/// An open door for requests.
pub struct SimListener(Home);

impl Listener for SimListener {
    type Responder = SimResponder;

    async fn accept(&mut self) -> (Vec<u8>, SimResponder) {
        let home = &self.0;
        let (request, asked) = poll_fn(|context| {
            let mut state = home.state();
            // A listener of a node that died is dropped, and not polled again.
            let Some(door) = state.nodes[home.node].door.as_mut() else { return Poll::Pending };
            door.poll(context.waker())
        })
        .await;
        (request, SimResponder { home: home.clone(), asked, answered: false })
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.lives(self.0.node, self.0.start) {
            state.close_door(self.0.node);
        }
    }
}

/// The way back to one caller.
pub struct SimResponder {
    home: Home,
    asked: Asked,
    answered: bool,
}

impl Responder for SimResponder {
    fn respond(mut self, answer: Answer) {
        self.answered = true;
        let mut state = self.home.state();
        if state.lives(self.home.node, self.home.start) {
            state.answer(self.home.node, self.asked, answer);
        }
    }
}

impl Drop for SimResponder {
    fn drop(&mut self) {
        let mut state = self.home.state();
        if !self.answered && state.lives(self.home.node, self.home.start) {
            state.refuse(self.home.node, self.asked, Unanswered::Closed);
        }
    }
}
