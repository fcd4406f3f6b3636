//! `mr run` that is killed, which nobody can clean up after: what its workers do, who waits for them, and what lies where.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Place, Process, eventually, plugin};

/// The directories for sockets where programs of this place have theirs.
fn socket_directories(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.temporary()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("mr-run-")).collect()
}

#[test]
fn its_workers_leave_in_good_order() {
    let place = Place::new();
    let inputs = place.words(8);
    let options = ["--workers", "2", "--slots", "2", "--arg", "map=700", "--log", "info"];
    let run = place.mr_run(&plugin("moody"), &inputs, &options);
    run.await_log("committed worker=w");
    run.signal("KILL");
    eventually("the workers to give up", || place.processes().iter().all(|&pid| pid == run.pid()));
    assert!(run.stderr().contains("the coordinator has not answered"), "{}", run.stderr());
    // Neither do attempts that still compute panic, or that still ask.
    assert!(!run.stderr().contains("panicked"), "{}", run.stderr());
}

#[test]
fn the_next_one_waits_even_for_workers_that_it_had_not_got_to_know() {
    let (place, inputs) = loop {
        let place = Place::new();
        let inputs = place.words(3);
        let killed = place.mr_run(&plugin("moody"), &inputs, &["--workers", "1", "--log", "info", "--out", "out"]);
        eventually("a worker to be started", || place.processes().len() > 1);
        killed.signal("STOP");
        let early_enough = !killed.stderr().contains("registered");
        killed.signal("KILL");
        drop(killed);
        if early_enough {
            break (place, inputs);
        }
        eventually("the worker to give up", || place.processes().is_empty());
    };
    place.mr_run(&plugin("moody"), &inputs, &["--reduces", "3", "--out", "out"]).succeed();
    assert_eq!(place.outputs("out", 3), place.oracle(&plugin("moody"), "", &inputs, 3));
}

#[test]
fn nobody_else_can_look_where_its_socket_is() {
    let place = Place::new();
    let mut command = place.program_in_shell("mr", r#"umask 0 && exec "$0" "$@""#);
    command.args(["run", &plugin("moody"), "--workers", "1", "--arg", "map=300", "--log", "info"]).args(place.words(8));
    let run = Process::start("mr run", command);
    run.await_log("registered");
    let directories = socket_directories(&place);
    let [directory] = &directories[..] else { panic!("one directory, not {directories:?}") };
    assert_eq!(fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Lets a file or directory look as if nothing had happened to it for some minutes.
fn age(path: &Path) {
    assert!(Command::new("touch").args(["-c", "-d", "5 minutes ago"]).arg(path).status().unwrap().success());
}

#[test]
fn the_directory_of_its_socket_goes_with_a_later_run_and_what_is_in_use_stays() {
    let place = Place::new();
    let inputs = place.words(4);
    let start = |out: &str| {
        let run = place.mr_run(&plugin("moody"), &inputs, &["--arg", "map=700", "--log", "info", "--out", out]);
        run.await_log("registered");
        run
    };
    let killed = start("killed");
    killed.signal("KILL");
    killed.wait();
    let left = socket_directories(&place);
    let (full, empty) = (place.temporary().join("mr-run-full"), place.temporary().join("mr-run-empty"));
    fs::create_dir(&full).unwrap();
    fs::write(full.join("precious"), "").unwrap();
    fs::create_dir(&empty).unwrap();
    let live = start("live");
    assert!(left.iter().chain([&full, &empty]).all(|path| path.exists()), "they may still be in use");
    socket_directories(&place).iter().for_each(|path| age(path));
    start("later").succeed();
    assert!(!left[0].exists() && !empty.exists(), "{:?}", socket_directories(&place));
    live.succeed();
    assert_eq!(socket_directories(&place), [full], "what somebody else has put there stays");
}
