//! What words that make no sense get: one sentence that names the option or file and says what to do, and an exit code before anything is
//! begun.

mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use support::{Place, Process};

/// What `program` says to wrong usage.
fn wrong_usage(place: &Place, program: &'static str, arguments: &[&str]) -> String {
    let mut command = place.program(program);
    command.args(arguments);
    let ended = Process::start(program, command).wait();
    assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    ended.stderr
}

#[test]
fn what_is_left_out_out_of_range_or_misspelt_is_wrong_usage() {
    let place = Place::new();
    place.write("in", "words");
    let run = |program, arguments: &[&str]| wrong_usage(&place, program, arguments);
    assert!(run("mr", &["run", "wc"]).contains("<FILE>..."));
    assert!(run("mrcoordinator", &[]).contains("[SOCKET] FILE"));
    assert!(run("mrcoordinator", &["sock"]).contains("no input files"));
    assert!(run("mrsequential", &["wc"]).contains("<FILE>..."));
    assert!(run("mr", &["run", "wc", "in", "--reduces", "0"]).contains("--reduces"));
    let most = "write a number of reduces between 1 and 1000000";
    assert!(run("mr", &["run", "wc", "in", "--reduces", "1000001"]).contains(most));
    assert!(run("mrcoordinator", &["in", "--reduces", "100000000"]).contains(most));
    assert!(run("mrsequential", &["wc", "in", "--reduces", "100000000"]).contains(most));
    assert!(run("mr", &["gen", "corpus", "--bytes", "18446744073709551615"]).contains("at most 1PiB"));
    assert!(run("mr", &["gen", "", "--bytes", "10"]).contains("the name of the directory is empty"));
    for (program, arguments) in [
        ("mr", &["run", "wc", "in", "--out", ""][..]),
        ("mr", &["run", "wc", "in", "--dir", ""]),
        ("mrworker", &["wc", "--out", ""]),
        ("mrsequential", &["wc", "in", "--out", ""]),
    ] {
        let message = run(program, arguments);
        assert!(message.contains("the name of the directory is empty: name one"), "{message}");
    }
    for program in ["mrcoordinator", "mrworker", "mrsequential"] {
        let message = run(program, &["wc", "in", "--log", "inof"]);
        assert!(
            message.contains("--log inof: `inof` is no level; write a level (off, error, warn, info,"),
            "{message}"
        );
    }
    assert!(run("mr", &["run", "wc", "in", "--task-timeout", "soon"]).contains("--task-timeout"));
    assert!(run("mr", &["run", "wc", "in", "--split-size", "0"]).contains("--split-size"));
    assert!(run("mr", &["run", "cw", "in"]).contains("there is no app `cw`: name one of wc,"));
    assert!(run("mr", &["run", "grep", "in"]).contains("--arg"));
    assert!(run("mr", &["run", "grep", "in", "--arg", "("]).contains("`grep` cannot start"));
    place.outputs(".", 0);
}

#[test]
fn numbers_that_must_not_be_zero_and_words_that_are_not_utf_8_are_named() {
    let place = Place::new();
    place.write("in", "words");
    let run = |program, arguments: &[&str]| wrong_usage(&place, program, arguments);
    for option in ["--workers", "--slots", "--max-failures"] {
        let message = run("mr", &["run", "wc", "in", option, "0"]);
        assert!(message.contains(option) && message.contains("write a whole number, at least 1"), "{message}");
    }
    for program in ["mr", "mrcoordinator", "mrworker", "mrsequential"] {
        let mut command = place.program(program);
        command.arg(OsStr::from_bytes(b"b\xffd"));
        Process::start(program, command).refuse(2, &["the argument `b\u{fffd}d` is not UTF-8"]);
    }
}

#[test]
fn a_worker_that_is_told_of_no_socket_does_not_call_there() {
    let place = Place::new();
    place.write("in", "words");
    for path in ["in", "."] {
        let mut command = place.program("mrworker");
        command.args(["wc", path]);
        Process::start("mrworker", command).refuse(2, &[&format!("`{path}` is no socket")]);
    }
}

#[test]
fn every_program_tells_its_exit_codes() {
    let place = Place::new();
    for (program, arguments) in [
        ("mr", &["--help"][..]),
        ("mr", &["run", "--help"]),
        ("mr", &["gen", "--help"]),
        ("mrcoordinator", &["--help"]),
        ("mrworker", &["--help"]),
        ("mrsequential", &["--help"]),
    ] {
        let mut command = place.program(program);
        command.args(arguments);
        let help = Process::start(program, command).succeed().stdout;
        assert!(help.contains("Exit codes:\n  0 "), "{program} {arguments:?}: {help}");
    }
}

#[test]
fn an_address_that_cannot_be_one_is_wrong_usage() {
    let place = Place::new();
    place.write("in", "words");
    let run = |program, arguments: &[&str]| wrong_usage(&place, program, arguments);
    for (socket, words) in [("", "needs the path of a socket"), (&*"x".repeat(108), "choose a shorter one")] {
        for message in [run("mrworker", &["wc", socket]), run("mrcoordinator", &[socket, "in"])] {
            assert!(message.contains(words), "{message}");
        }
    }
    assert!(run("mrworker", &["wc", "--coordinator", "tcp:node.1:7777"]).contains("must not end in a number"));
    assert!(run("mrworker", &["wc", "--coordinator", "mars"]).contains("unix:PATH or tcp:HOST:PORT"));
    place.outputs(".", 0);
}

#[test]
fn a_file_that_is_no_plugin_is_refused() {
    let place = Place::new();
    place.write("in", "words");
    place.write("text.so", "not a library");
    place.mr_run("./text.so", &["in".to_owned()], &[]).refuse(2, &["text.so", "not a shared library"]);
    place.mr_run("nowhere.so", &["in".to_owned()], &[]).refuse(2, &["there is no plugin `nowhere.so`"]);
}
