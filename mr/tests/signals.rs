//! What signals do to programs, depending on what whoever started them wants to be made of signals.

mod support;

use support::{Place, Process, eventually, plugin, send};

/// `mr run` and a coordinator with a worker, in the middle of a job, each started by a shell that ran `trap` before; and the worker.
fn programs(place: &Place, trap: &str) -> [(Process, Option<Process>); 2] {
    let inputs = place.words(8);
    let script = format!(r#"{trap}; exec "$0" "$@""#);
    let job = ["--arg", "map=100", "--log", "info", "--reduces", "2"];
    let mut command = place.program_in_shell("mr", &script);
    command.args(["run", &plugin("moody"), "--workers", "2", "--out", "run"]).args(job).args(&inputs);
    let run = Process::start("mr run", command);
    let mut command = place.program_in_shell("mrcoordinator", &script);
    command.arg("sock").args(job).args(&inputs);
    let coordinator = Process::start("mrcoordinator", command);
    let worker = place.worker(&plugin("moody"));
    run.await_log("committed worker=w");
    coordinator.await_log("committed worker=w");
    [(run, None), (coordinator, Some(worker))]
}

#[test]
fn a_signal_that_was_ignored_at_the_start_ends_no_job() {
    for signal in ["HUP", "INT"] {
        let place = Place::new();
        for (program, worker) in programs(&place, &format!("trap '' {signal}")) {
            program.signal(signal);
            program.succeed();
            if let Some(worker) = worker {
                worker.leave();
            }
        }
        let expected = place.oracle(&plugin("moody"), "", &place.words(8), 2);
        for out in [".", "run"] {
            assert_eq!(place.outputs(out, 2), expected, "{signal}, {out}");
        }
    }
}

#[test]
fn other_signals_end_it_all_the_same() {
    for (trap, signal) in [("trap '' HUP", "INT"), ("trap '' INT", "HUP"), ("trap '' HUP INT TERM", "TERM")] {
        let place = Place::new();
        for (program, worker) in programs(&place, trap) {
            program.signal(signal);
            let ended = program.wait();
            assert_eq!(ended.code, Some(130), "{trap}, {signal}: {}", ended.stderr);
            drop(worker);
        }
    }
}

#[test]
fn workers_that_a_signal_ends_together_with_the_run_have_not_died() {
    let place = Place::new();
    let inputs = place.words(8);
    let options = ["--workers", "3", "--arg", "map=500", "--log", "info"];
    for _ in 0..4 {
        let run = place.mr_run(&plugin("moody"), &inputs, &options);
        run.await_log("committed worker=w");
        // Both at once is what it looks like to one that wakes up in between.
        run.signal("STOP");
        for worker in place.processes().into_iter().filter(|&pid| pid != run.pid()) {
            send("INT", worker);
        }
        eventually("the workers to end", || place.processes() == [run.pid()]);
        run.signal("INT");
        run.signal("CONT");
        let ended = run.wait();
        assert_eq!(ended.code, Some(130), "{}", ended.stderr);
        assert!(!ended.stderr.contains("WARN mr::programs::run"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("no workers left"), "{}", ended.stderr);
        place.outputs(".", 0);
    }
}

#[test]
fn a_run_notices_that_a_worker_died_whatever_it_was_told_of_dead_children() {
    let place = Place::new();
    let inputs = place.words(4);
    // Not every shell's `trap` can do that.
    let mut command = place.program_in_shell("mr", r#"exec env --ignore-signal=CHLD "$0" "$@""#);
    command.args(["run", &plugin("moody"), "--workers", "1", "--arg", "exit-once=1", "--reduces", "2"]).args(&inputs);
    let run = Process::start("mr run", command);
    // Without a second worker nobody would ever do what the first one left.
    let ended = run.succeed();
    assert!(ended.stderr.contains("worker process died"), "{}", ended.stderr);
    assert!(ended.stderr.contains("exit status: 1"), "{}", ended.stderr);
    assert_eq!(place.outputs(".", 2), place.oracle(&plugin("moody"), "", &inputs, 2));
}

#[test]
fn a_worker_that_is_told_to_end_leaves_its_task_to_others_at_once() {
    for signal in ["INT", "TERM", "HUP"] {
        let place = Place::new();
        let inputs = place.words(3);
        // Nobody is missed for an hour; a task comes back sooner only if its worker says so.
        let options = ["--reduces", "2", "--arg", "map=2000", "--task-timeout", "1h"];
        let coordinator = place.coordinator(&inputs, &options);
        let first = place.worker(&plugin("moody"));
        let temporary = place.await_temporary(".", |name| name.ends_with(".tmp"));
        first.signal(signal);
        let ended = first.wait();
        assert_eq!(ended.code, Some(130), "{signal}: {}", ended.stderr);
        assert!(ended.stderr.ends_with("mrworker: interrupted\n"), "{}", ended.stderr);
        assert!(!temporary.exists(), "{}", temporary.display());
        let second = place.worker(&plugin("moody"));
        let ended = coordinator.succeed();
        assert!(ended.stderr.contains("worker left"), "{}", ended.stderr);
        second.succeed();
        assert_eq!(place.outputs(".", 2), place.oracle(&plugin("moody"), "", &inputs, 2), "{signal}");
    }
}

#[test]
fn who_wants_an_end_is_told_what_is_waited_for_and_need_not_wait() {
    let place = Place::new();
    let inputs = place.words(8);
    let options = ["--reduces", "2", "--arg", "map=300", "--task-timeout", "100s"];
    let coordinator = place.coordinator(&inputs, &options);
    let worker = place.worker(&plugin("moody"));
    let options = [&options[..], &["--workers", "1", "--out", "run", "--log", "info"]].concat();
    let run = place.mr_run(&plugin("moody"), &inputs, &options);
    for program in [&coordinator, &run] {
        program.await_log("committed worker=w1");
    }
    // Nobody says goodbye any more.
    let own = [coordinator.pid(), run.pid()];
    place.processes().into_iter().filter(|pid| !own.contains(pid)).for_each(|pid| send("STOP", pid));
    for (program, words) in [(&coordinator, "waiting up to 6 s for workers"), (&run, "waiting up to 8 s for workers")] {
        program.signal("INT");
        program.await_log(&format!("interrupted: {words} to hear of it; once more to end at once"));
        program.signal("INT");
    }
    for program in [coordinator, run] {
        let ended = program.wait();
        assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    }
    worker.signal("KILL");
    worker.wait();
    assert_eq!(place.processes(), [0; 0], "the run has killed its own");
}

#[test]
fn a_sequential_job_that_is_told_to_end_says_so_and_leaves_nothing() {
    for signal in ["INT", "TERM", "HUP"] {
        let place = Place::new();
        let inputs = place.words(3);
        let mut command = place.program("mrsequential");
        command.args([&plugin("moody"), "--arg", "map=100000", "--out", "out"]).args(&inputs);
        let sequential = Process::start("mrsequential", command);
        eventually("the directory of the outputs", || place.join("out").exists());
        sequential.signal(signal);
        let ended = sequential.wait();
        assert_eq!(ended.code, Some(130), "{signal}: {}", ended.stderr);
        assert_eq!(ended.stderr, "mrsequential: interrupted\n");
        assert_eq!(place.list("out"), [""; 0]);
    }
}

#[test]
fn a_worker_that_looks_for_its_coordinator_ends_at_once_when_it_is_told_to() {
    let place = Place::new();
    let mut command = place.program("mrworker");
    command.args([&plugin("moody"), "sock", "--retry-for", "1h", "--log", "info"]);
    let worker = Process::start("mrworker", command);
    eventually("a worker that listens to SIGTERM", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", worker.pid())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        u64::from_str_radix(caught, 16).unwrap() >> (15 - 1) & 1 == 1
    });
    worker.signal("TERM");
    assert_eq!(worker.wait().code, Some(130));
}
