//! Programs whose words nobody hears, because the pipe is closed or the disk is full: they do their work all the same, and exit codes
//! still tell how it went.

mod support;

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;

use support::{Place, Process};

/// A pipe that nobody reads from and a disk without room.
fn ears() -> [File; 2] {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    [File::from(OwnedFd::from(writer)), File::create("/dev/full").unwrap()]
}

#[test]
fn a_run_does_its_job() {
    let place = Place::new();
    let inputs = place.words(3);
    let expected = place.oracle("wc", "", &inputs, 2);
    for ear in ears() {
        for level in ["warn", "info"] {
            let mut command = place.program("mr");
            command.args(["run", "wc", "--reduces", "2", "--log", level, "--out", "out"]).args(&inputs);
            Process::unheard("mr run", command, &ear).succeed();
            assert_eq!(place.outputs("out", 2), expected);
            fs::remove_dir_all(place.join("out")).unwrap();
        }
    }
}

#[test]
fn coordinator_and_worker_do_theirs() {
    let place = Place::new();
    let inputs = place.words(3);
    let expected = place.oracle("wc", "", &inputs, 2);
    for ear in ears() {
        let mut command = place.program("mrcoordinator");
        command.args(["sock", "--reduces", "2", "--log", "info"]).args(&inputs);
        let coordinator = Process::unheard("mrcoordinator", command, &ear);
        let mut command = place.program("mrworker");
        command.args(["wc", "sock", "--log", "info"]);
        let worker = Process::unheard("mrworker", command, &ear);
        coordinator.succeed();
        worker.succeed();
        assert_eq!(place.outputs(".", 2), expected);
        for partition in 0..2 {
            fs::remove_file(place.join(&format!("mr-out-{partition}"))).unwrap();
        }
    }
}

#[test]
fn a_corpus_is_made_and_apps_are_listed() {
    let place = Place::new();
    for (ear, dir) in ears().iter().zip(["one", "two"]) {
        let mut command = place.program("mr");
        command.args(["gen", dir, "--bytes", "10k"]);
        Process::unheard("mr gen", command, ear).succeed();
        assert_eq!(fs::metadata(place.join(dir).join("gen-00000.txt")).unwrap().len(), 10_000);
    }
    for (ear, code) in ears().iter().zip([0, 3]) {
        let mut command = place.program("mr");
        command.arg("apps");
        assert_eq!(Process::unheard("mr apps", command, ear).wait().code, Some(code), "they are all that is asked for");
    }
}

#[test]
fn a_failure_keeps_its_exit_code() {
    let place = Place::new();
    for ear in ears() {
        let mut command = place.program("mr");
        command.args(["run", "wc", "nowhere"]);
        assert_eq!(Process::unheard("mr run", command, &ear).wait().code, Some(2));
    }
}
