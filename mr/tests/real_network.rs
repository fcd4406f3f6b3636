//! Calls over real sockets, Unix and TCP alike: what arrives, and what callers are told when nothing does.

#[path = "support/network.rs"]
mod support;

use std::time::Duration;

use futures::future::join_all;
use mr::real::Network;
use mr::real::network::Limits;
use mr_core::protocol::MAX_MESSAGE_BYTES;
use support::{LONG, answer_all, connect, converse, echo, over_both, post, reason_of_no_answer, reason_of_rejection};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::UnixListener;
use world::{Address, Answer, CallError, Listener as _, Network as _, Responder as _};

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_arrives_and_comes_back() {
    over_both(Limits::default(), async |network, listener| {
        let address = listener.address().clone();
        answer_all(listener, echo);
        let largest: Vec<u8> = (0..MAX_MESSAGE_BYTES).map(|i| (i % 251) as u8).collect();
        for request in [vec![], (0..=255).collect(), largest] {
            assert!(network.call(&address, request.clone()).await == Ok(request));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_wait_at_once_and_are_answered_in_any_order() {
    over_both(Limits::default(), async |network, mut listener| {
        let address = listener.address().clone();
        let calls = join_all((0..100u8).map(|i| network.call(&address, vec![i])));
        let answers = async {
            let mut waiting = Vec::new();
            while waiting.len() < 100 {
                waiting.push(listener.accept().await);
            }
            for (request, responder) in waiting.into_iter().rev() {
                responder.respond(Answer::Reply(vec![request[0], 1]));
            }
        };
        let (replies, ()) = futures::join!(calls, answers);
        for (i, reply) in (0..100).zip(replies) {
            assert_eq!(reply, Ok(vec![i, 1]));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_one_after_another_share_connections() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("counting");
    let door = UnixListener::bind(&path).unwrap();
    let network = Network::new();
    let listener = network.listen(&Address::new("tcp:127.0.0.1:0")).await.unwrap();
    let behind = listener.address().clone();
    answer_all(listener, echo);
    let (counter, count) = std::sync::mpsc::channel();
    tokio::spawn(async move {
        loop {
            let (mut caller, _) = door.accept().await.unwrap();
            counter.send(()).unwrap();
            let mut served = connect(&behind).await;
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut caller, &mut served).await });
        }
    });
    let address = Address::new(format!("unix:{}", path.display()));
    for i in 0..50 {
        assert_eq!(network.call(&address, vec![i]).await, Ok(vec![i]));
    }
    // A connection is free again an instant after its answer: now and then the next call is quicker and opens another.
    let connections = count.try_iter().count();
    assert!(connections < 25, "{connections} connections for 50 calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_arrives_with_its_words() {
    over_both(Limits::default(), async |network, listener| {
        let address = listener.address().clone();
        answer_all(listener, |_, responder| responder.respond(Answer::Reject("that is no request, œ".into())));
        assert_eq!(reason_of_rejection(network.call(&address, b"{".into()).await), "that is no request, œ");
        let raw = converse(&address, &post("Connection: close", 1, b"{")).await;
        assert!(raw.starts_with("HTTP/1.1 400 ") && raw.contains("text/plain"), "{raw}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_rejection_is_cut() {
    over_both(Limits::default(), async |network, listener| {
        let address = listener.address().clone();
        answer_all(listener, |_, responder| responder.respond(Answer::Reject("x".repeat(1 << 20))));
        assert_eq!(reason_of_rejection(network.call(&address, vec![]).await).len(), 8 << 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_too_large_is_no_answer() {
    over_both(Limits::default(), async |network, listener| {
        let address = listener.address().clone();
        answer_all(listener, |_, responder| responder.respond(Answer::Reply(vec![0; MAX_MESSAGE_BYTES + 1])));
        let reason = reason_of_no_answer(network.call(&address, vec![]).await);
        assert_eq!(reason, "the answer is larger than the 4194304 bytes allowed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_take_longer_than_any_patience_with_callers() {
    let limits = Limits { patience: Duration::from_millis(50), ..Limits::default() };
    over_both(limits, async |network, mut listener| {
        let address = listener.address().clone();
        let call = network.call(&address, b"later".into());
        let answer = async {
            let (request, responder) = listener.accept().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            echo(request, responder);
        };
        assert_eq!(futures::join!(call, answer).0, Ok(b"later".into()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_responder_is_no_answer() {
    over_both(Limits::default(), async |network, listener| {
        let address = listener.address().clone();
        answer_all(listener, |_, responder| drop(responder));
        let reason = reason_of_no_answer(network.call(&address, vec![]).await);
        assert_eq!(reason, "the coordinator gave no answer");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_no_answer() {
    let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::new(format!("tcp:{}", door.local_addr().unwrap()));
    let network = Network::new();
    let call = network.call(&address, b"hello".into());
    let (result, ()) = futures::join!(call, async {
        let (mut stream, _) = door.accept().await.unwrap();
        assert!(stream.read(&mut [0; 64]).await.unwrap() > 0);
    });
    assert_eq!(reason_of_no_answer(result), "the connection broke before the answer came");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_listens_calls_are_refused_at_once() {
    over_both(Limits::default(), async |network, listener| {
        let address = listener.address().clone();
        drop(listener);
        network.drained(LONG).await;
        let called = network.call(&address, vec![]).await;
        let Err(CallError::NobodyListens { reason, .. }) = called else {
            panic!("it should be refused, not {called:?}")
        };
        let expected = ["there is no such socket", "connection refused, nobody listens there"];
        assert!(expected.contains(&reason.as_str()), "{reason}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_address_can_be_neither_called_nor_listened_on() {
    let network = Network::new();
    let address = Address::new("localhost:80");
    let words = r#""localhost:80" is no address: write unix:PATH or tcp:HOST:PORT"#;
    assert_eq!(reason_of_rejection(network.call(&address, vec![]).await), words);
    let error = network.listen(&address).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on localhost:80: {words}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_listener_is_dropped_answers_given_arrive_and_others_fail() {
    over_both(Limits::default(), async |network, mut listener| {
        let address = listener.address().clone();
        let calls = join_all((0..3).map(|i| network.call(&address, vec![i])));
        let server = network.clone();
        let end = async {
            let first = listener.accept().await;
            let second = listener.accept().await;
            echo(first.0, first.1);
            // The third request may be anywhere between its caller and the queue.
            drop(listener);
            echo(second.0, second.1);
            server.drained(LONG).await;
        };
        let (replies, ()) = futures::join!(calls, end);
        assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 2, "{replies:?}");
        let unanswered = |reply: &_| matches!(reply, Err(CallError::NoAnswer { .. } | CallError::NobodyListens { .. }));
        assert_eq!(replies.iter().filter(|reply| unanswered(reply)).count(), 1, "{replies:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_refused() {
    let network = Network::new();
    let first = network.listen(&Address::new("tcp:127.0.0.1:0")).await.unwrap();
    let error = network.listen(first.address()).await.unwrap_err();
    assert_eq!(error.reason, "the port is in use; choose another or stop the program that has it");
}
