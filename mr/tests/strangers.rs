//! What callers whom nobody knows can do over real sockets, Unix and TCP alike, without harm.

#[path = "support/network.rs"]
mod support;

use std::time::Duration;

use futures::future::join_all;
use mr::real::network::Limits;
use mr_core::protocol::MAX_MESSAGE_BYTES;
use support::{answer_all, connect, converse, echo, over_both, post, reason_of_no_answer, reason_of_rejection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use world::{Answer, Listener as _, Network as _, Responder as _};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_too_large_is_refused_and_the_next_one_served() {
    over_both(Limits::default(), async |network, listener| {
        let address = listener.address().clone();
        answer_all(listener, echo);
        let reason = reason_of_rejection(network.call(&address, vec![b'x'; MAX_MESSAGE_BYTES + 1]).await);
        assert_eq!(reason, "the request's body is larger than the 4194304 bytes allowed");
        assert_eq!(network.call(&address, b"next".into()).await, Ok(b"next".into()));
        let raw = post("Connection: close", 5 << 20, &[b'x'; 5 << 20]);
        let answer = converse(&address, &raw).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_never_finished_take_only_so_much_memory() {
    let limits = Limits { bodies: 1 << 20, ..Limits::default() };
    over_both(limits, async |network, listener| {
        let address = listener.address().clone();
        let large = || network.call(&address, vec![b'x'; 900 << 10]);
        answer_all(listener, echo);
        let (half, refused) = loop {
            // One that is never finished.
            let mut half = connect(&address).await;
            half.write_all(&post("Host: mr", 2 << 20, &[b'x'; 900 << 10])).await.unwrap();
            let result = large().await;
            if result.is_err() {
                break (half, result);
            }
            // Both were read at once, and the memory was used up for the unfinished one.
        };
        assert!(reason_of_no_answer(refused).contains("no memory left for the request's body"));
        assert_eq!(network.call(&address, b"small".into()).await, Ok(b"small".into()));
        drop(half);
        while large().await.is_err() {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_too_large_is_refused_before_it_takes_much_memory() {
    over_both(Limits::default(), async |network, listener| {
        let address = listener.address().clone();
        answer_all(listener, echo);
        let raw = post(&format!("Connection: close\r\nX: {}", "x".repeat(64 << 10)), 2, b"{}");
        let mut stream = connect(&address).await;
        // The listener may hang up before it has seen all of it, and the answer then be lost.
        let _ = stream.write_all(&raw).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
        assert_eq!(network.call(&address, b"next".into()).await, Ok(b"next".into()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_and_methods_are_refused_and_the_root_says_what_this_is() {
    over_both(Limits::default(), async |_, listener| {
        let address = listener.address().clone();
        answer_all(listener, echo);
        let answers = [
            ("GET /", "HTTP/1.1 200 ", "MapReduce"),
            ("GET /rpc", "HTTP/1.1 405 ", "allow: POST"),
            ("POST /rpc/x", "HTTP/1.1 404 ", "no such page"),
        ];
        for (request, status, words) in answers {
            let raw = format!("{request} HTTP/1.1\r\nConnection: close\r\n\r\n");
            let answer = converse(&address, raw.as_bytes()).await;
            assert!(answer.starts_with(status) && answer.contains(words), "{request}: {answer}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_in_a_browser_can_send_is_refused() {
    over_both(Limits::default(), async |_, listener| {
        let address = listener.address().clone();
        answer_all(listener, echo);
        for (headers, status) in [
            ("", "415"),
            ("Content-Type: text/plain\r\n", "415"),
            ("Content-Type: text/plain; application/json\r\n", "415"),
            ("Content-Type: application/json\r\nOrigin: http://127.0.0.1\r\n", "403"),
            ("Content-Type: Application/JSON; charset=utf-8\r\n", "200"),
        ] {
            let raw = format!("POST /rpc HTTP/1.1\r\nConnection: close\r\n{headers}Content-Length: 2\r\n\r\n{{}}");
            let answer = converse(&address, raw.as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}: {answer}");
        }
        let question = "OPTIONS /rpc HTTP/1.1\r\nConnection: close\r\nAccess-Control-Request-Method: POST\r\n\r\n";
        let answer = converse(&address, question.as_bytes()).await.to_lowercase();
        assert!(answer.starts_with("http/1.1 405 ") && !answer.contains("access-control-allow"), "{answer}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_and_broken_requests_harm_nobody_else() {
    over_both(Limits::default(), async |network, mut listener| {
        let address = listener.address().clone();
        assert!(converse(&address, b"\x16\x03\x01\0\xff\xfe nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
        for half in [&b""[..], b"POST /rpc HT", &post("Host: mr", 10, b"half")] {
            connect(&address).await.write_all(half).await.unwrap();
        }
        let call = network.call(&address, b"whole".into());
        let answer = async {
            let (request, responder) = listener.accept().await;
            assert_eq!(request, b"whole", "half a request must never reach the system");
            responder.respond(Answer::Reply(b"served".into()));
        };
        assert_eq!(futures::join!(call, answer).0, Ok(b"served".into()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_sends_too_slowly_is_cut_off() {
    let limits = Limits { patience: Duration::from_millis(100), ..Limits::default() };
    over_both(limits, async |_, listener| {
        let address = listener.address().clone();
        answer_all(listener, echo);
        let slow_body = converse(&address, &post("Host: mr", 10, b"half")).await;
        assert!(slow_body.starts_with("HTTP/1.1 408 "), "{slow_body}");
        // These return only because the listener hangs up.
        converse(&address, b"POST /rpc HT").await;
        converse(&address, b"").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_reads_no_answers_is_cut_off() {
    let limits = Limits { patience: Duration::from_millis(100), ..Limits::default() };
    over_both(limits, async |network, listener| {
        let address = listener.address().clone();
        answer_all(listener, |_, responder| responder.respond(Answer::Reply(vec![b'x'; MAX_MESSAGE_BYTES])));
        let mut deaf = connect(&address).await;
        let request = post("Host: mr", 2, b"{}");
        // This ends only because the listener hangs up.
        while deaf.write_all(&request).await.is_ok() {}
        assert_eq!(network.call(&address, b"next".into()).await.map(|reply| reply.len()), Ok(MAX_MESSAGE_BYTES));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_beyond_the_limit_are_let_in_when_a_place_is_free() {
    let limits = Limits { connections: 2, patience: Duration::from_millis(200), ..Limits::default() };
    over_both(limits, async |network, mut listener| {
        let address = listener.address().clone();
        let calls = join_all((0..3).map(|i| network.call(&address, vec![i])));
        let answers = async {
            let waiting = [listener.accept().await, listener.accept().await];
            assert!(timeout(Duration::from_millis(300), listener.accept()).await.is_err());
            for (request, responder) in waiting {
                echo(request, responder);
            }
            // The two connections are idle from now on, and closed when the patience with them is at an end.
            let (request, responder) = listener.accept().await;
            echo(request, responder);
        };
        let (replies, ()) = futures::join!(calls, answers);
        assert_eq!(replies, [Ok(vec![0]), Ok(vec![1]), Ok(vec![2])]);
    })
    .await;
}
