//! Calls over real sockets, Unix and TCP alike: what arrives, what is refused, and what callers can do without harm.

use std::future::Future;
use std::time::Duration;

use futures::future::join_all;
use mr::real::Network;
use mr::real::network::{Limits, Listener, Responder};
use mr_core::protocol::MAX_MESSAGE_BYTES;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;
use world::{Address, Answer, CallError, Listener as _, Network as _, Responder as _};

/// Longer than anything here takes that does not hang.
const LONG: Duration = Duration::from_secs(20);

/// Runs `test` over a Unix socket and over TCP.
async fn over_both<F: Future<Output = ()>>(limits: Limits, test: impl Fn(Network, Listener) -> F) {
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
fn answer_all(mut listener: Listener, answer: impl Fn(Vec<u8>, Responder) + Send + 'static) {
    tokio::spawn(async move {
        loop {
            let (request, responder) = listener.accept().await;
            answer(request, responder);
        }
    });
}

fn echo(request: Vec<u8>, responder: Responder) {
    responder.respond(Answer::Reply(request));
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Connects as a program would that does not speak HTTP.
async fn connect(address: &Address) -> Box<dyn Stream> {
    match address.as_str().split_once(':').unwrap() {
        ("unix", path) => Box::new(UnixStream::connect(path).await.unwrap()),
        (_, host_and_port) => Box::new(TcpStream::connect(host_and_port).await.unwrap()),
    }
}

/// Sends `bytes` and returns all that comes back until the listener hangs up.
async fn converse(address: &Address, bytes: &[u8]) -> String {
    let mut stream = connect(address).await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The bytes of a request with a header of its own that says that its body has `length` bytes.
fn post(header: &str, length: usize, body: &str) -> String {
    format!(
        "POST /rpc HTTP/1.1\r\nContent-Type: application/json\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn reason_of_no_answer(result: Result<Vec<u8>, CallError>) -> String {
    match result {
        Err(CallError::NoAnswer { reason, .. }) => reason,
        other => panic!("there should be no answer, not {other:?}"),
    }
}

fn reason_of_rejection(result: Result<Vec<u8>, CallError>) -> String {
    match result {
        Err(CallError::Rejected { reason, .. }) => reason,
        other => panic!("it should be rejected, not {other:?}"),
    }
}

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
        let raw = converse(&address, post("Connection: close", 1, "{").as_bytes()).await;
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
async fn a_request_too_large_is_refused_and_the_next_one_served() {
    over_both(Limits::default(), async |network, listener| {
        let address = listener.address().clone();
        answer_all(listener, echo);
        let reason = reason_of_rejection(network.call(&address, vec![b'x'; MAX_MESSAGE_BYTES + 1]).await);
        assert_eq!(reason, "the request's body is larger than the 4194304 bytes allowed");
        assert_eq!(network.call(&address, b"next".into()).await, Ok(b"next".into()));
        let raw = post("Connection: close", 5 << 20, &"x".repeat(5 << 20));
        let answer = converse(&address, raw.as_bytes()).await;
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
        // One that is never finished.
        let mut half = connect(&address).await;
        half.write_all(post("Host: mr", 2 << 20, &"x".repeat(900 << 10)).as_bytes()).await.unwrap();
        let refused = loop {
            let result = large().await;
            if result.is_err() {
                break result;
            }
        };
        assert!(reason_of_no_answer(refused).contains("no memory left for the request's body"));
        assert_eq!(network.call(&address, b"small".into()).await, Ok(b"small".into()));
        drop(half);
        while large().await.is_err() {}
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
        for half in ["", "POST /rpc HT", &post("Host: mr", 10, "half")] {
            connect(&address).await.write_all(half.as_bytes()).await.unwrap();
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
        let slow_body = converse(&address, post("Host: mr", 10, "half").as_bytes()).await;
        assert!(slow_body.starts_with("HTTP/1.1 408 "), "{slow_body}");
        // These return only because the listener hangs up.
        converse(&address, b"POST /rpc HT").await;
        converse(&address, b"").await;
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
