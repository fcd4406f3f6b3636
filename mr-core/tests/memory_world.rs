//! The world in memory keeps a world's promises, or no test that runs in it means anything.

mod support;

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::Utf8Path;
use futures::FutureExt;
use support::MemoryWorld;
use world::{Address, Answer, CallError, Clock, File, FileSystem, Listener, Network, Responder, World};

fn seconds(world: &MemoryWorld) -> u64 {
    world.clock().now().since_origin().as_secs()
}

#[test]
fn sleepers_wake_in_order_and_time_passes_only_while_all_sleep() {
    let world = MemoryWorld::new();
    let woken = Arc::new(Mutex::new(Vec::new()));
    for duration in [30, 10, 20] {
        let (sleeper, woken) = (world.clone(), Arc::clone(&woken));
        world.spawn(async move {
            sleeper.clock().sleep(Duration::from_secs(duration)).await;
            woken.lock().unwrap().push((duration, seconds(&sleeper)));
        });
    }
    let main = world.clone();
    world.run(async move { main.clock().sleep(Duration::from_secs(25)).await });
    assert_eq!(*woken.lock().unwrap(), [(10, 10), (20, 20)]);
    assert_eq!(seconds(&world), 25);
}

#[test]
fn a_sleep_that_is_dropped_delays_nobody() {
    let world = MemoryWorld::new();
    let main = world.clone();
    world.run(async move {
        assert!(main.clock().sleep(Duration::from_secs(5)).now_or_never().is_none());
        main.clock().sleep(Duration::from_secs(50)).await;
    });
    assert_eq!(seconds(&world), 50);
}

#[test]
#[should_panic(expected = "everything waits for something that cannot come")]
fn waiting_for_ever_is_an_error() {
    MemoryWorld::new().run(std::future::pending::<()>());
}

#[test]
fn a_computation_runs_to_its_end_though_nobody_waits_for_it() {
    let world = MemoryWorld::new();
    let done = Arc::new(Mutex::new(false));
    let (main, flag) = (world.clone(), Arc::clone(&done));
    world.run(async move {
        let clock = main.clock().clone();
        drop(main.compute(async move {
            clock.sleep(Duration::from_secs(1)).await;
            *flag.lock().unwrap() = true;
        }));
        main.clock().sleep(Duration::from_secs(2)).await;
        assert_eq!(main.compute(async { 42 }).await, 42);
    });
    assert!(*done.lock().unwrap());
}

#[test]
fn a_call_is_answered_rejected_or_left_without_an_answer() {
    let world = MemoryWorld::new();
    let (main, address) = (world.clone(), Address::new("here"));
    world.run(async move {
        let network = main.network().clone();
        assert!(matches!(network.call(&address, vec![1]).await, Err(CallError::NobodyListens { .. })));
        let mut listener = network.listen(&address).await.unwrap();
        assert!(network.listen(&address).await.is_err(), "the address is taken");
        main.spawn(async move {
            let (request, responder) = listener.accept().await;
            responder.respond(Answer::Reply(request.repeat(2)));
            let (_, responder) = listener.accept().await;
            responder.respond(Answer::Reject("no".into()));
            drop(listener.accept().await);
        });
        assert_eq!(network.call(&address, vec![1, 2]).await, Ok(vec![1, 2, 1, 2]));
        let refused = CallError::Rejected { address: address.clone(), reason: "no".into() };
        assert_eq!(network.call(&address, vec![]).await, Err(refused));
        assert!(matches!(network.call(&address, vec![]).await, Err(CallError::NoAnswer { .. })));
        assert!(network.listen(&address).await.is_ok(), "the listener was dropped");
    });
}

#[test]
fn names_are_taken_moved_and_removed_as_posix_has_it() {
    let world = MemoryWorld::new();
    let files = world.files().clone();
    world.run(async move {
        let path = Utf8Path::new;
        assert_eq!(files.create(path("d/a")).await.err().unwrap().kind, ErrorKind::NotFound);
        files.create_dir(path("d")).await.unwrap();
        let mut file = files.create(path("d/a")).await.unwrap();
        file.append(b"one").await.unwrap();
        assert_eq!(files.create(path("d/a")).await.err().unwrap().kind, ErrorKind::AlreadyExists);

        files.hard_link(path("d/a"), path("d/b")).await.unwrap();
        files.rename(path("d/a"), path("d/b")).await.unwrap();
        assert_eq!(files.read_dir(path("d")).await.unwrap(), ["a", "b"], "one file under both names: nothing happens");
        files.rename(path("d/a"), path("c")).await.unwrap();
        file.append(b" two").await.unwrap();
        assert_eq!(files.get("c").unwrap(), b"one two", "an open file keeps its bytes whatever its name");

        assert_eq!(files.remove_dir(path("d")).await.unwrap_err().kind, ErrorKind::DirectoryNotEmpty);
        files.remove_file(path("d/b")).await.unwrap();
        files.remove_dir(path("d")).await.unwrap();
        assert_eq!(files.open(path("d/b")).await.err().unwrap().kind, ErrorKind::NotFound);
        assert_eq!(files.paths(), ["c"]);
    });
}
