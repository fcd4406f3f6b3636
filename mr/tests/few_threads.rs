//! Programs that the system gives too few threads end with a sentence that says so, and do not hang.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::getuid;
use support::{Place, Process};

/// A program of ours whose user may have `limit` threads. Root may always have more, so there the user is one that has no others, if the
/// program can be started as such.
fn program(place: &Place, name: &str, user: u32, limit: u32) -> Option<Command> {
    let mut command = place.program_in_shell(name, &format!(r#"exec prlimit --nproc={limit} "$0" "$@""#));
    if getuid().is_root() {
        for directory in [place.path(), place.temporary()] {
            fs::set_permissions(directory, Permissions::from_mode(0o777)).unwrap();
        }
        let mut trial = place.program("mr");
        if !trial.uid(user).arg("apps").output().is_ok_and(|ended| ended.status.success()) {
            eprintln!("skipped: another user cannot start what is built here");
            return None;
        }
        command.uid(user);
    }
    Some(command)
}

#[test]
fn a_program_that_gets_no_threads_at_all_says_so() {
    let place = Place::new();
    let Some(mut command) = program(&place, "mr", 54321, 1) else { return };
    command.args(["run", "wc"]).args(place.words(1));
    Process::start("mr run", command).refuse(3, &["mr: cannot start threads: ", "`ulimit -u`"]);
}

#[test]
fn a_worker_that_gets_none_for_an_attempt_says_so() {
    if !getuid().is_root() {
        eprintln!("skipped: the other threads of this user would count");
        return;
    }
    let place = Place::new();
    let mut command = place.program("mrcoordinator");
    command.args(["--listen", "tcp:127.0.0.1:0", "--log", "info"]).args(place.words(1));
    let coordinator = Process::start("mrcoordinator", command);
    coordinator.await_log("inputs=1");
    let told = coordinator.stderr();
    let address = told.split_once("address=").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap();
    // One that waits for the job, and two for its sockets.
    let Some(mut command) = program(&place, "mrworker", 54322, 3) else { return };
    command.args(["wc", "--coordinator", address]);
    Process::start("mrworker", command).refuse(3, &["mr: cannot start threads: ", "`ulimit -u`"]);
}
