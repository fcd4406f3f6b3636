//! A network that carries every message at once and loses none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use world::{Address, Answer, CallError, ListenError, Listener, Network, Responder};

type Request = (Vec<u8>, MemoryResponder);

/// The network of a [`MemoryWorld`](super::MemoryWorld). Any address means something here.
#[derive(Clone, Default)]
pub struct MemoryNetwork(Arc<Mutex<BTreeMap<Address, mpsc::UnboundedSender<Request>>>>);

impl Network for MemoryNetwork {
    type Listener = MemoryListener;

    async fn listen(&self, address: &Address) -> Result<MemoryListener, ListenError> {
        let mut listeners = self.0.lock().unwrap();
        if listeners.get(address).is_some_and(|listener| !listener.is_closed()) {
            return Err(ListenError { address: address.clone(), reason: "somebody listens there".into() });
        }
        let (sender, requests) = mpsc::unbounded();
        listeners.insert(address.clone(), sender);
        Ok(MemoryListener { requests, address: address.clone(), network: self.clone() })
    }

    async fn call(&self, address: &Address, request: Vec<u8>) -> Result<Vec<u8>, CallError> {
        let (sender, answer) = oneshot::channel();
        let listener = self.0.lock().unwrap().get(address).cloned();
        let sent = listener.map(|listener| listener.unbounded_send((request, MemoryResponder(sender))).is_ok());
        if sent != Some(true) {
            return Err(CallError::NobodyListens {
                address: address.clone(),
                reason: "nobody has bound that name".into(),
            });
        }
        match answer.await {
            Ok(Answer::Reply(reply)) => Ok(reply),
            Ok(Answer::Reject(reason)) => Err(CallError::Rejected { address: address.clone(), reason }),
            Err(_) => Err(CallError::NoAnswer { address: address.clone(), reason: "the listener went away".into() }),
        }
    }
}

/// An open door for requests.
pub struct MemoryListener {
    requests: mpsc::UnboundedReceiver<Request>,
    address: Address,
    network: MemoryNetwork,
}

impl Listener for MemoryListener {
    type Responder = MemoryResponder;

    async fn accept(&mut self) -> Request {
        // The network holds a sender for as long as the listener lives.
        self.requests.next().await.expect("a listener outlives its sender")
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        self.network.0.lock().unwrap().remove(&self.address);
    }
}

/// The way back to one caller.
pub struct MemoryResponder(oneshot::Sender<Answer>);

impl Responder for MemoryResponder {
    fn respond(self, answer: Answer) {
        // The caller may be gone by now.
        let _ = self.0.send(answer);
    }
}
