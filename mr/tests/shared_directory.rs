//! Jobs of `mr run` and of workers started by hand whose outputs go to one directory: one after the other, in either order.

mod support;

use support::{Place, Process, plugin};

fn worker(place: &Place) -> Process {
    let mut command = place.program("mrworker");
    command.args([&plugin("moody"), "sock", "--out", "out", "--retry-for", "100s"]);
    Process::start("mrworker", command)
}

#[test]
fn a_worker_makes_the_directories_that_it_is_given() {
    let place = Place::new();
    let inputs = place.words(4);
    let coordinator = place.coordinator(&inputs, &["--reduces", "3"]);
    let mut command = place.program("mrworker");
    command.args([&plugin("moody"), "sock", "--out", "new/out", "--dir", "new/dir"]);
    let worker = Process::start("mrworker", command);
    coordinator.succeed();
    worker.succeed();
    assert_eq!(place.outputs("new/out", 3), place.oracle(&plugin("moody"), "", &inputs, 3));
    assert_eq!(place.list("new/dir"), [""; 0]);
}

#[test]
fn a_run_waits_for_workers_started_by_hand() {
    let place = Place::new();
    let inputs = place.words(4);
    place.directory("out");
    let coordinator = place.coordinator(&inputs, &["--reduces", "3", "--arg", "map=500"]);
    let workers = [worker(&place), worker(&place)];
    coordinator.await_log("committed worker=w");
    let run = place.mr_run(&plugin("moody"), &inputs, &["--reduces", "2", "--out", "out"]);
    run.await_log("`out` is still being written to");
    assert!(!place.join("out/mr-out-0").exists());
    coordinator.succeed();
    for worker in workers {
        worker.succeed();
    }
    run.succeed();
    assert_eq!(place.outputs("out", 2), place.oracle(&plugin("moody"), "", &inputs, 2));
}

#[test]
fn a_worker_started_by_hand_waits_for_a_run() {
    let place = Place::new();
    let inputs = place.words(4);
    let options = ["--workers", "1", "--reduces", "2", "--arg", "map=500", "--log", "info", "--out", "out"];
    let run = place.mr_run(&plugin("moody"), &inputs, &options);
    run.await_log("committed worker=w1");
    let coordinator = place.coordinator(&inputs, &["--reduces", "3"]);
    let worker = worker(&place);
    worker.await_log("`out` is still being written to");
    assert!(!coordinator.stderr().contains("registered"), "{}", coordinator.stderr());
    run.succeed();
    coordinator.succeed();
    worker.succeed();
    assert_eq!(place.outputs("out", 3), place.oracle(&plugin("moody"), "", &inputs, 3));
}

#[test]
fn a_worker_that_waits_for_a_run_ends_when_it_is_told_to() {
    let place = Place::new();
    let inputs = place.words(4);
    let run = place.mr_run(&plugin("moody"), &inputs, &["--workers", "1", "--arg", "map=1000", "--out", "."]);
    let worker = loop {
        // Before the run has the lock nobody has to wait.
        let mut command = place.program("mrworker");
        command.args([&plugin("moody"), "sock", "--retry-for", "0s"]);
        let mut worker = Process::start("mrworker", command);
        while !worker.has_ended() && !worker.stderr().contains("is still being written to") {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        if !worker.has_ended() {
            break worker;
        }
    };
    worker.signal("TERM");
    assert_eq!(worker.wait().code, Some(130));
    run.succeed();
}

#[test]
fn a_coordinator_starts_where_workers_write_to_the_directory_of_its_socket() {
    let place = Place::new();
    let inputs = place.words(4);
    let first = place.coordinator(&inputs, &["--reduces", "2", "--arg", "map=500"]);
    let worker = place.worker(&plugin("moody"));
    first.await_log("committed worker=w");
    let mut command = place.program("mrcoordinator");
    command.args(["other", "w/0", "--log", "info"]);
    let second = Process::start("mrcoordinator", command);
    second.await_log("listening");
    place.coordinator(&inputs, &["--log", "error"]).refuse(3, &["served by a running coordinator"]);
    first.succeed();
    worker.succeed();
}
