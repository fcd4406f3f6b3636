//! What bad input gets: one sentence that names the file or option and says what to do, an exit code that tells whose turn it is,
//! and nothing half-written.

#[path = "support/network.rs"]
mod network;
mod support;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

use mr_apps::WordCount;
use mr_core::app::AppIdentity;
use mr_core::counters::Counters;
use mr_core::ids::{Attempt, AttemptId, Partition, TaskId, WorkerId};
use mr_core::protocol::{self, PROTOCOL_VERSION, Reply, Request};
use network::post;
use support::{Place, Process, eventually, plugin};

fn one(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

#[test]
fn an_input_that_is_missing_or_a_directory_is_named() {
    let place = Place::new();
    place.directory("d");
    place.write("good", "words");
    for (input, words) in
        [("nowhere", &["`nowhere`", "No such file"][..]), ("d", &["`d` is a directory", "`d/*`"]), ("d/", &["`d/*`"])]
    {
        let inputs = ["good".to_owned(), input.to_owned()];
        place.mr_run("wc", &inputs, &["--out", "out"]).refuse(2, words);
        let mut command = place.program("mrsequential");
        command.arg("wc").args(&inputs);
        Process::start("mrsequential", command).refuse(2, words);
        let mut command = place.program("mrcoordinator");
        command.args(["--listen", "unix:sock"]).args(&inputs);
        Process::start("mrcoordinator", command).refuse(2, words);
    }
    assert!(!place.join("out").exists());
    place.outputs(".", 0);
}

/// `program` in `place`, with the file `good` as its standard input.
fn reading_a_file(place: &Place, program: &'static str, arguments: &[&str]) -> Process {
    let mut command = place.program_in_shell(program, r#"exec "$0" "$@" <good"#);
    command.args(arguments);
    Process::start(program, command)
}

#[test]
fn an_input_that_is_another_file_for_each_process_is_refused_before_anything_is_removed() {
    let place = Place::new();
    place.write("good", "words");
    place.write("out/mr-out-0", "of an earlier job");
    symlink("/proc/self/fd/0", place.join("link")).unwrap();
    for input in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "link"] {
        let words = [&*format!("`{input}` leads through /proc"), "name the file itself"];
        reading_a_file(&place, "mr", &["run", "wc", "good", input, "--out", "out"]).refuse(2, &words);
        reading_a_file(&place, "mrcoordinator", &["--listen", "unix:sock", input]).refuse(2, &words);
    }
    assert_eq!(place.outputs("out", 1), [b"of an earlier job"]);
    reading_a_file(&place, "mrsequential", &["wc", "/dev/stdin"]).succeed();
    assert_eq!(place.outputs(".", 1), [b"words 1\n"], "one process reads what it is given");
}

#[test]
fn an_input_that_is_no_regular_file_is_refused_and_not_waited_for() {
    let place = Place::new();
    assert!(Command::new("mkfifo").arg(place.join("pipe")).status().unwrap().success());
    let _socket = UnixListener::bind(place.join("socket")).unwrap();
    for (input, kind) in [("pipe", "a pipe"), ("socket", "a socket"), ("/dev/null", "a device")] {
        let words = [&*format!("the input `{input}` is {kind}"), "write what comes out of it to a file"];
        place.mr_run("wc", &one(input), &[]).refuse(2, &words);
        for (program, arguments) in [("mrsequential", ["wc", input]), ("mrcoordinator", ["--listen=unix:sock", input])]
        {
            let mut command = place.program(program);
            command.args(arguments);
            Process::start(program, command).refuse(2, &words);
        }
    }
    // In the course's form only the workers look.
    let coordinator = place.coordinator(&one("pipe"), &["--log", "error"]);
    let worker = place.worker("wc");
    coordinator.refuse(1, &["map 0 (pipe) failed 4 times", "cannot open pipe: it is no regular file"]);
    assert_eq!(worker.wait().code, Some(1));
    place.outputs(".", 0);
}

#[test]
fn an_input_that_the_workers_cannot_open_fails_the_job_by_name() {
    let place = Place::new();
    let coordinator = place.coordinator(&one("nowhere"), &["--log", "error"]);
    let worker = place.worker("wc");
    coordinator.refuse(1, &["map 0 (nowhere) failed 4 times", "cannot open nowhere: No such file"]);
    assert_eq!(worker.wait().code, Some(1));
    place.outputs(".", 0);
}

#[test]
fn an_input_that_is_cut_short_while_the_job_runs_fails_it_by_name() {
    let place = Place::new();
    let input = place.write("in", support::prose(1, 3000));
    let len = fs::metadata(&input).unwrap().len();
    let mut command = place.program("mrcoordinator");
    command.args(["--listen", "unix:sock", "--split-size", "4KiB", "in", "--log", "info"]);
    let coordinator = Process::start("mrcoordinator", command);
    coordinator.await_log("listening");
    fs::OpenOptions::new().write(true).open(&input).unwrap().set_len(len / 2).unwrap();
    let worker = place.worker("wc");
    let ended = coordinator.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let message = ended.stderr.lines().last().unwrap();
    let words = format!("cannot read in: it has no more than {} of the {len} bytes that it had", len / 2);
    assert!(message.contains(&words) && message.contains("it has changed while the job ran"), "{message}");
    assert_eq!(worker.wait().code, Some(1));
    place.outputs(".", 0);
}

#[test]
fn what_an_app_says_does_not_paint_the_terminal() {
    let place = Place::new();
    place.write("in", "red");
    let ended = place.mr_run("grep", &one("in"), &["--arg", "(grün\u{1b}[31m"]).wait();
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains(r"grün\u{1b}[31m") && !ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    place.write("bad", "grün\u{1b}[31m");
    let ended = place.mr_run(&plugin("moody"), &one("bad"), &["--arg", "fail=grün\u{1b}[31m"]).wait();
    assert_eq!(ended.code, Some(1));
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    let told = ended.stderr.lines().filter(|line| line.contains("attempt failed")).count();
    assert_eq!(told, 4, "each attempt once: {}", ended.stderr);
    let message = ended.stderr.lines().last().unwrap();
    assert!(message.starts_with("mr: the job failed: ") && message.ends_with(r"`grün\u{1b}[31m`"), "{message}");
}

#[test]
fn an_output_directory_that_cannot_be_used_is_named() {
    let place = Place::new();
    place.write("in", "words");
    place.write("file", "");
    place.mr_run("wc", &one("in"), &["--out", "file/out"]).refuse(3, &["`file/out`", "Not a directory"]);
    place.mr_run("wc", &one("in"), &["--out", "file"]).refuse(3, &["`file` is no directory"]);
    let mut command = place.program("mrsequential");
    command.args(["wc", "in", "--out", "file/out"]);
    Process::start("mrsequential", command).refuse(3, &["`file/out`", "Not a directory"]);
}

#[test]
fn an_input_that_the_job_would_overwrite_is_saved() {
    let place = Place::new();
    place.write("mr-out-0", "precious words");
    place.write("mr-out-3", "precious words");
    let sequential = |arguments: &[&str]| {
        let mut command = place.program("mrsequential");
        command.arg("wc").args(arguments);
        Process::start("mrsequential", command)
    };
    place.mr_run("wc", &one("mr-out-3"), &[]).refuse(2, &["`mr-out-3`", "another directory"]);
    sequential(&["mr-out-3", "--reduces", "2"]).refuse(2, &["`mr-out-3`", "another directory"]);
    sequential(&["mr-out-0"]).refuse(2, &["`mr-out-0`", "another directory"]);
    for saved in ["mr-out-0", "mr-out-3"] {
        assert_eq!(fs::read_to_string(place.join(saved)).unwrap(), "precious words");
    }
    // In the course's form that one is not written.
    sequential(&["mr-out-3"]).succeed();
    assert_eq!(fs::read_to_string(place.join("mr-out-0")).unwrap(), "precious 1\nwords 1\n");
    assert_eq!(fs::read_to_string(place.join("mr-out-3")).unwrap(), "precious words");
}

#[test]
fn workers_refuse_an_input_that_the_job_would_overwrite() {
    for (input, out) in [("mr-out-0", "."), ("./mr-out-1", "."), ("out//mr-out-1", "./out/")] {
        let place = Place::new();
        place.write(input, "precious words");
        place.directory("out");
        let coordinator = place.coordinator(&one(input), &["--reduces", "2", "--log", "error"]);
        let mut command = place.program("mrworker");
        command.args(["wc", "sock", "--out", out]);
        let worker = Process::start("mrworker", command);
        coordinator.refuse(1, &[&format!("the input {input} would be overwritten"), "another directory with --out"]);
        assert_eq!(worker.wait().code, Some(1));
        assert_eq!(fs::read_to_string(place.join(input)).unwrap(), "precious words");
    }
    // Of other names no output comes into being.
    for (input, out) in [("mr-out-2", "."), ("mr-out-00", "."), ("mr-out-0", "out")] {
        let place = Place::new();
        place.write(input, "precious words");
        place.directory("out");
        let coordinator = place.coordinator(&one(input), &["--reduces", "2"]);
        let mut command = place.program("mrworker");
        command.args(["wc", "sock", "--out", out]);
        let worker = Process::start("mrworker", command);
        coordinator.succeed();
        worker.succeed();
        assert_eq!(fs::read_to_string(place.join(input)).unwrap(), "precious words");
    }
}

/// A disk that holds little, for as long as this lives.
struct SmallDisk<'a>(&'a Place);

impl<'a> SmallDisk<'a> {
    /// One in the directory `disk`, or none where mounting is not allowed.
    fn mount(place: &'a Place, size: &str) -> Option<Self> {
        let disk = place.directory("disk");
        let size = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(place));
        }
        eprintln!("skipped: mounting a small disk is not allowed here");
        None
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.join("disk")).status();
    }
}

#[test]
fn a_disk_that_gets_full_is_told_and_has_no_output() {
    let place = Place::new();
    let Some(_disk) = SmallDisk::mount(&place, "96k") else { return };
    place.write("in", support::prose(1, 60_000));
    let ended = place.mr_run("sort", &one("in"), &["--out", "disk", "--reduces", "2"]).wait();
    let left = place.list("disk");
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("map 0 (in) failed 4 times"), "{}", ended.stderr);
    assert!(ended.stderr.contains("No space left on device"), "{}", ended.stderr);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_disk_that_is_full_already_is_told_before_anything_is_removed() {
    let place = Place::new();
    let Some(_disk) = SmallDisk::mount(&place, "96k") else { return };
    place.write("in", "words");
    place.write("disk/mr-out-0", [b'x'; 64 << 10]);
    place.write("out/mr-out-0", "of an earlier job");
    let words = ["cannot write to the output directory `disk`", "No space left on device"];
    place.mr_run("wc", &one("in"), &["--out", "disk"]).refuse(3, &words);
    let words = ["cannot write intermediate files to the directory `disk`", "No space left on device"];
    place.mr_run("wc", &one("in"), &["--out", "out", "--dir", "disk"]).refuse(3, &words);
    assert_eq!(place.outputs("disk", 1), [[b'x'; 64 << 10]]);
    assert_eq!(place.outputs("out", 1), [b"of an earlier job"]);
}

#[test]
fn a_socket_of_a_living_coordinator_is_left_alone_and_a_dead_ones_is_replaced() {
    let place = Place::new();
    place.write("in", "words");
    drop(UnixListener::bind(place.join("sock")).unwrap());
    let first = place.coordinator(&one("in"), &[]);
    first.await_log("listening");
    place.coordinator(&one("in"), &["--log", "error"]).refuse(3, &["sock", "coordinator"]);
    let worker = place.worker("wc");
    first.succeed();
    worker.succeed();
    assert_eq!(place.outputs(".", 10), place.oracle("wc", "", &one("in"), 10));
}

#[test]
fn a_file_in_place_of_the_socket_is_an_input() {
    let place = Place::new();
    place.write("sock", "precious words");
    let mut command = place.program("mrcoordinator");
    command.args(["--listen", "unix:sock", "sock"]);
    Process::start("mrcoordinator", command).refuse(3, &["sock"]);
    assert_eq!(fs::read_to_string(place.join("sock")).unwrap(), "precious words");
}

#[test]
fn a_worker_with_another_app_is_refused() {
    let place = Place::new();
    let inputs = place.words(3);
    let coordinator = place.coordinator(&inputs, &["--reduces", "2", "--arg", "map=300"]);
    let worker = place.worker(&plugin("moody"));
    coordinator.await_log("registered worker=w1");
    let mut command = place.program("mrworker");
    command.args(["wc", "sock"]);
    Process::start("mrworker", command).refuse(2, &["refused this worker", "moody", "wc"]);
    coordinator.succeed();
    worker.succeed();
    place.outputs(".", 2);
}

/// Sends `bytes` to the socket and returns the first line of the answer.
fn send(socket: &std::path::Path, bytes: &[u8]) -> String {
    send_and_read(socket, bytes).lines().next().unwrap_or_default().to_owned()
}

/// Sends `bytes` to the socket and returns the answer.
fn send_and_read(socket: &std::path::Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A server that hangs up in the middle has answered too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn nonsense_from_the_network_is_refused_and_the_job_goes_on() {
    let place = Place::new();
    let inputs = place.words(3);
    let coordinator = place.coordinator(&inputs, &[]);
    let socket = place.join("sock");
    eventually("the socket", || UnixStream::connect(&socket).is_ok());
    // Somebody who is welcome, and reports on a reduce that there is not.
    let app = AppIdentity::of(&WordCount);
    let register = protocol::encode_request(None, &Request::Register { nonce: 1, app, name: "stranger".into() });
    let task = TaskId::Reduce(Partition(4_000_000_000));
    let attempt = AttemptId { task, attempt: Attempt(1) };
    let done = Request::Done { worker: WorkerId(1), attempt, counters: Counters::default(), question: None };
    let goodbye = Request::Goodbye { worker: WorkerId(1) };
    let of_version =
        |version: u32, message: &str| format!(r#"{{"version":{version},"message":{message}}}"#).into_bytes();
    let whole = |body: &[u8]| post("Host: mr\r\nConnection: close", body.len(), body);
    let answer = send_and_read(&socket, &whole(&register));
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a body");
    let Ok(Reply::Registered(registration)) = protocol::decode(body.as_bytes()) else { panic!("{answer}") };
    let [report, goodbye] = [done, goodbye].map(|request| protocol::encode_request(Some(registration.job), &request));
    for (body, status) in [
        (&b"{"[..], "400"),
        (b"\xff\xff\xff", "400"),
        (&of_version(PROTOCOL_VERSION + 1, r#"{"goodbye":{"worker":1}}"#), "400"),
        (&of_version(PROTOCOL_VERSION, r#"{"obey":{}}"#), "400"),
        (&vec![b'x'; 10_000_000], "413"),
        (&register, "200"),
        (&report, "200"),
        (&goodbye, "200"),
        (&of_version(PROTOCOL_VERSION, r#"{"heartbeat":{"worker":9,"running":[]}}"#), "200"),
    ] {
        let answer = send(&socket, &whole(body));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer} to {:?}", &body[..body.len().min(80)]);
    }
    assert!(send(&socket, b"GET /rpc HTTP/1.1\r\nHost: mr\r\nConnection: close\r\n\r\n").contains("405"));
    send(&socket, b"\0\0\0 this is no HTTP\r\n\r\n");
    drop(UnixStream::connect(&socket).unwrap().write_all(&post("Host: mr", 99, b"{")));
    let worker = place.worker("wc");
    coordinator.succeed();
    worker.succeed();
    assert_eq!(place.outputs(".", 10), place.oracle("wc", "", &inputs, 10));
}
