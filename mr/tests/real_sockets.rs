//! Who owns a Unix socket's name: live sockets are respected, leftovers replaced, everything else left alone.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use mr::real::Network;
use mr::real::network::Listener;
use tempfile::TempDir;
use tokio::sync::Barrier;
use world::{Address, Answer, CallError, Listener as _, Network as _, Responder as _};

struct Place {
    _dir: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        Self { path: dir.path().join("socket"), _dir: dir }
    }

    fn address(&self) -> Address {
        address(&self.path)
    }
}

fn address(path: &Path) -> Address {
    Address::new(format!("unix:{}", path.display()))
}

/// Leaves behind what a killed process does: a socket that nobody serves.
fn leave_socket(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    assert!(fs::symlink_metadata(path).unwrap().file_type().is_socket());
}

/// Whether a call at `place` reaches `listener`.
async fn is_served(network: &Network, place: &Place, listener: &mut Listener) -> bool {
    let address = place.address();
    let call = network.call(&address, b"?".into());
    let answer = async {
        let (request, responder) = listener.accept().await;
        responder.respond(Answer::Reply([request, b"!".into()].concat()));
    };
    futures::join!(call, answer).0 == Ok(b"?!".into())
}

async fn refusal(address: &Address) -> String {
    Network::new().listen(address).await.unwrap_err().reason
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_belongs_to_its_user_alone() {
    let place = Place::new();
    let _listener = Network::new().listen(&place.address()).await.unwrap();
    assert_eq!(fs::metadata(&place.path).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_another_user_is_not_called() {
    let (network, place) = (Network::new(), Place::new());
    let mut listener = network.listen(&place.address()).await.unwrap();
    assert!(is_served(&network, &place, &mut listener).await);
    if std::os::unix::fs::chown(&place.path, Some(4711), None).is_err() {
        eprintln!("skipped in part: only root may give a socket away");
        return;
    }
    // Not even over a connection that is open already.
    let address = place.address();
    let called = tokio::select! {
        called = network.call(&address, b"?".into()) => called,
        (request, _) = listener.accept() => panic!("it was called: {request:?}"),
    };
    let Err(CallError::Rejected { reason, .. }) = called else { panic!("it should be rejected, not {called:?}") };
    assert!(reason.contains("belongs to another user (number 4711)"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_gone_once_its_listener_is() {
    let place = Place::new();
    let listener = Network::new().listen(&place.address()).await.unwrap();
    assert!(place.path.exists());
    drop(listener);
    assert!(!place.path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_another_has_taken_since_is_left_alone() {
    let place = Place::new();
    let listener = Network::new().listen(&place.address()).await.unwrap();
    fs::remove_file(&place.path).unwrap();
    let _another = UnixListener::bind(&place.path).unwrap();
    drop(listener);
    assert!(place.path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_socket_is_refused_and_goes_on() {
    let (network, place) = (Network::new(), Place::new());
    let mut listener = network.listen(&place.address()).await.unwrap();
    let reason = refusal(&place.address()).await;
    assert_eq!(reason, "the socket is served by a running coordinator; choose another socket or stop that one");
    assert!(is_served(&network, &place, &mut listener).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_socket_with_a_full_queue_of_callers_is_refused_at_once() {
    let place = Place::new();
    let _stopped = UnixListener::bind(&place.path).unwrap();
    let mut callers = Vec::new();
    // Nobody accepts: connect until the queue is full.
    while let Ok(caller) = tokio::net::UnixStream::connect(&place.path).await {
        callers.push(caller);
    }
    assert!(refusal(&place.address()).await.contains("is served by a running coordinator"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_ones_leftover_is_replaced() {
    let (network, place) = (Network::new(), Place::new());
    leave_socket(&place.path);
    let mut listener = network.listen(&place.address()).await.unwrap();
    assert!(is_served(&network, &place, &mut listener).await);
}

/// Four want the socket that a dead one has left at `place`, all at once: one of them gets it.
async fn one_of_four_wins(place: Place) {
    let network = Network::new();
    leave_socket(&place.path);
    let start = Arc::new(Barrier::new(4));
    let tries = (0..4).map(|_| {
        let (network, address, start) = (network.clone(), place.address(), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            network.listen(&address).await
        })
    });
    let outcomes = join_all(tries).await.into_iter().map(Result::unwrap);
    let mut winners: Vec<_> = outcomes.filter_map(Result::ok).collect();
    assert_eq!(winners.len(), 1);
    assert!(is_served(&network, &place, &mut winners[0]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_want_one_leftover_exactly_one_wins() {
    for _ in 0..100 {
        one_of_four_wins(Place::new()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn where_workers_have_locked_the_directory_exactly_one_wins_as_well() {
    let beside_workers = |_| async {
        let place = Place::new();
        let directory = fs::File::open(place.path.parent().unwrap()).unwrap();
        directory.lock_shared().unwrap();
        one_of_four_wins(place).await;
    };
    join_all((0..50).map(beside_workers)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_name_to_another_that_started_in_the_same_moment_is_told() {
    let place = Place::new();
    let directory = fs::File::open(place.path.parent().unwrap()).unwrap();
    directory.lock_shared().unwrap();
    let address = place.address();
    let listening = tokio::spawn(async move { refusal(&address).await });
    while !place.path.exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    fs::remove_file(&place.path).unwrap();
    let _other = UnixListener::bind(&place.path).unwrap();
    let reason = listening.await.unwrap();
    assert!(reason.starts_with("another coordinator has taken it at the same moment"), "{reason}");
    assert!(place.path.exists(), "it is the other's");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_program_looks_at_the_directory_nothing_is_replaced() {
    let place = Place::new();
    leave_socket(&place.path);
    let directory = fs::File::open(place.path.parent().unwrap()).unwrap();
    directory.lock().unwrap();
    let address = place.address();
    let listening = tokio::spawn(async move { Network::new().listen(&address).await.map(|_| ()) });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!listening.is_finished());
    drop(directory);
    assert_eq!(listening.await.unwrap(), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_socket_is_never_removed() {
    let place = Place::new();
    fs::write(&place.path, "precious").unwrap();
    let reason = refusal(&place.address()).await;
    assert_eq!(reason, "something that is no socket has that name already; choose another name");
    assert_eq!(fs::read(&place.path).unwrap(), b"precious");
    let directory = place.path.parent().unwrap();
    assert!(refusal(&address(directory)).await.starts_with("something that is no socket"));
    std::os::unix::fs::symlink(&place.path, directory.join("link")).unwrap();
    assert!(refusal(&address(&directory.join("link"))).await.starts_with("something that is no socket"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_will_not_do_is_named() {
    let place = Place::new();
    let directory = place.path.parent().unwrap();
    let missing = directory.join("missing");
    let expected = format!("the directory {} does not exist; create it or choose another", missing.display());
    assert_eq!(refusal(&address(&missing.join("socket"))).await, expected);

    fs::set_permissions(directory, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(directory.join("probe"), "").is_ok() {
        eprintln!("skipped in part: this user (root?) may write everywhere");
        return;
    }
    let expected = format!("the directory {} may not be written to; choose another", directory.display());
    assert_eq!(refusal(&place.address()).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_through_a_file_is_an_error() {
    let place = Place::new();
    fs::write(&place.path, "").unwrap();
    let reason = refusal(&address(&place.path.join("socket"))).await;
    assert!(reason.contains("Not a directory"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_path_there_is_works() {
    let (network, mut place) = (Network::new(), Place::new());
    let directory = place.path.parent().unwrap().to_owned();
    let room = 107 - directory.as_os_str().len() - 1;
    place.path = directory.join("s".repeat(room));
    let mut listener = network.listen(&place.address()).await.unwrap();
    assert!(is_served(&network, &place, &mut listener).await);
    assert!(refusal(&address(&directory.join("s".repeat(room + 1)))).await.contains("choose a shorter one"));
}
