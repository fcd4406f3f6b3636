//! Processes that are killed, stopped and starved while a job runs, and files that go bad under it. The outputs are the same.

mod support;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use support::{Place, Process, eventually, plugin, prose, send};

const REDUCES: usize = 3;

/// A job of the moody app in a place, with a coordinator that loses patience quickly.
struct Job {
    place: Place,
    inputs: Vec<String>,
    mood: &'static str,
}

impl Job {
    fn new(mood: &'static str) -> Self {
        let place = Place::new();
        let inputs = place.words(6);
        Self { place, inputs, mood }
    }

    fn coordinator(&self, timeout: &str) -> Process {
        self.place.coordinator(&self.inputs, &["--reduces", "3", "--task-timeout", timeout, "--arg", self.mood])
    }

    fn worker(&self) -> Process {
        self.place.worker(&plugin("moody"))
    }

    #[track_caller]
    fn check(&self) {
        assert_eq!(self.place.outputs(".", REDUCES), self.place.oracle(&plugin("moody"), "", &self.inputs, REDUCES));
    }
}

#[test]
fn each_worker_in_turn_is_killed() {
    let job = Job::new("map=150 reduce=100");
    let coordinator = job.coordinator("700ms");
    let mut workers: Vec<_> = (0..3).map(|_| job.worker()).collect();
    for (index, moment) in ["task=map 1", "task=map 4", "task=reduce 0"].into_iter().enumerate() {
        coordinator.await_log(moment);
        workers[index].signal("KILL");
        workers[index] = job.worker();
    }
    let ended = coordinator.succeed();
    assert!(ended.stderr.contains("worker lost"), "{}", ended.stderr);
    job.check();
}

#[test]
fn a_stopped_worker_is_passed_by_and_harms_nothing_when_it_wakes() {
    let job = Job::new("map=100 reduce=100");
    let coordinator = job.coordinator("500ms");
    let sleeper = job.worker();
    coordinator.await_log("worker=w1 task=map 1");
    sleeper.signal("STOP");
    let worker = job.worker();
    coordinator.succeed();
    worker.succeed();
    job.check();
    let before: Vec<_> = (0..REDUCES).map(|i| fs::metadata(job.place.join(&format!("mr-out-{i}"))).unwrap()).collect();
    sleeper.signal("CONT");
    let woken = sleeper.wait();
    assert_eq!(woken.code, Some(3), "it finds no coordinator any more: {}", woken.stderr);
    job.check();
    for (i, before) in before.iter().enumerate() {
        let after = fs::metadata(job.place.join(&format!("mr-out-{i}"))).unwrap();
        assert_eq!(before.modified().unwrap(), after.modified().unwrap(), "mr-out-{i} was not written again");
    }
}

#[test]
fn a_worker_that_was_stopped_with_a_question_open_asks_again() {
    let job = Job::new("map=1000");
    let mut command = job.place.program("mrworker");
    // More slots than tasks: it asks for another one all the time.
    command.args([&plugin("moody"), "sock", "--slots", "9", "--retry-for", "5s"]);
    let coordinator = job.coordinator("10s");
    let worker = Process::start("mrworker", command);
    coordinator.await_log("registered");
    std::thread::sleep(Duration::from_millis(500));
    // As with Ctrl-Z, but so that the worker always is the first to wake.
    coordinator.signal("STOP");
    worker.signal("STOP");
    std::thread::sleep(Duration::from_secs(6));
    worker.signal("CONT");
    std::thread::sleep(Duration::from_millis(500));
    coordinator.signal("CONT");
    coordinator.succeed();
    worker.succeed();
    job.check();
}

#[test]
fn a_task_that_is_given_out_again_because_nothing_is_heard_of_it_is_told() {
    let job = Job::new("map=100");
    let coordinator =
        job.place.coordinator(&job.inputs, &["--task-timeout", "500ms", "--arg", "map=100", "--log", "warn"]);
    let [stopped, other] = [job.worker(), job.worker()];
    stopped.await_log("attempt started");
    other.await_log("attempt started");
    stopped.signal("STOP");
    let words = "no progress, the task was given to another worker as well worker=w";
    coordinator.await_log(words);
    other.succeed();
    let ended = coordinator.succeed();
    let lines: Vec<_> = ended.stderr.lines().filter(|line| line.contains(words)).collect();
    let [line] = lines[..] else { panic!("one line, not {lines:?}") };
    for words in [" WARN ", " task=\"map ", " (w/", " attempt=1 ", " silent_for=", " also_given_to=w"] {
        assert!(line.contains(words), "{words}: {line}");
    }
}

#[test]
fn a_job_of_tasks_that_all_take_longer_than_the_timeout_ends() {
    let job = Job::new("map=900 reduce=700");
    let coordinator = job.coordinator("400ms");
    let workers = [job.worker(), job.worker(), job.worker()];
    let ended = coordinator.succeed();
    assert!(ended.stderr.contains("attempt=2"), "second attempts were made beside the first: {}", ended.stderr);
    drop(workers);
    job.check();
}

#[test]
fn a_long_task_that_makes_progress_is_left_alone() {
    let job = Job::new("reduce=150");
    // All ten words in one partition: 1.5 s of reducing, a key at a time.
    let mut command = job.place.program("mrcoordinator");
    command.arg("sock").args(&job.inputs).args(["--reduces", "1", "--task-timeout", "500ms", "--arg", job.mood]);
    command.args(["--log", "info"]);
    let coordinator = Process::start("mrcoordinator", command);
    let workers = [job.worker(), job.worker()];
    let ended = coordinator.succeed();
    for worker in workers {
        worker.leave();
    }
    assert!(!ended.stderr.contains("attempt=2"), "{}", ended.stderr);
    assert_eq!(job.place.outputs(".", 1), job.place.oracle(&plugin("moody"), "", &job.inputs, 1));
}

#[test]
fn when_all_workers_are_gone_the_job_waits_for_new_ones() {
    let job = Job::new("map=50");
    let mut coordinator = job.coordinator("400ms");
    let first = job.worker();
    coordinator.await_log("committed worker=w1 task=map 1");
    first.signal("KILL");
    coordinator.await_log("no workers left");
    assert!(!coordinator.has_ended());
    let second = job.worker();
    coordinator.succeed();
    second.succeed();
    job.check();
}

#[test]
fn workers_of_a_killed_coordinator_give_up_and_say_so() {
    let job = Job::new("map=700");
    let coordinator = job.coordinator("10s");
    // The socket stays behind, and nobody listens at it any more: that need not be tried for as long as an hour.
    let workers = ["700ms", "1h"].map(|retry_for| {
        let mut command = job.place.program("mrworker");
        command.args([&plugin("moody"), "sock", "--retry-for", retry_for]);
        Process::start("mrworker", command)
    });
    coordinator.await_log("task=map 1");
    coordinator.signal("KILL");
    for worker in workers {
        let ended = worker.wait();
        assert_eq!(ended.code, Some(3));
        assert!(ended.stderr.contains("mrworker: the coordinator has not answered for"), "{}", ended.stderr);
    }
}

/// Stopped until this is dropped.
struct Stopped(u32);

impl Stopped {
    fn new(pid: u32) -> Self {
        send("STOP", pid);
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        send("CONT", self.0);
    }
}

#[test]
fn the_outputs_directory_of_a_killed_run_is_locked_until_its_last_worker_is_gone() {
    let job = Job::new("map=200");
    let run = || {
        let options = ["--workers", "1", "--reduces", "3", "--arg", job.mood, "--log", "info", "--out", "out"];
        job.place.mr_run(&plugin("moody"), &job.inputs, &options)
    };
    let first = run();
    first.await_log("committed worker=w1");
    let workers: Vec<_> = job.place.processes().into_iter().filter(|&pid| pid != first.pid()).collect();
    let [worker] = workers[..] else { panic!("one worker, not {workers:?}") };
    let stdin = fs::read_link(format!("/proc/{worker}/fd/0")).unwrap();
    assert_eq!(stdin.to_str(), Some("/dev/null"), "the app and what it starts see nothing of the lock");
    let stopped = Stopped::new(worker);
    first.signal("KILL");
    drop(first);
    let refused = run().wait();
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("`out` is still being written to"), "{}", refused.stderr);
    assert!(refused.stderr.contains("another job, or a worker that is left of one"), "{}", refused.stderr);
    drop(stopped);
    eventually("the worker to give up", || job.place.processes().is_empty());
    run().succeed();
    for (i, expected) in job.place.oracle(&plugin("moody"), "", &job.inputs, REDUCES).iter().enumerate() {
        assert!(fs::read(job.place.join(&format!("out/mr-out-{i}"))).unwrap() == *expected, "mr-out-{i}");
    }
}

#[test]
fn workers_may_come_before_the_coordinator() {
    // Long enough for a worker that pauses between its tries to find the coordinator.
    let job = Job::new("map=500");
    let workers = [job.worker(), job.worker()];
    std::thread::sleep(Duration::from_millis(300));
    job.coordinator("10s").succeed();
    for worker in workers {
        worker.succeed();
    }
    job.check();
}

#[test]
fn two_jobs_in_two_directories_do_not_meet() {
    let (one, other) = (Job::new("map=50 reduce=30"), Job::new("map=40 reduce=40"));
    let coordinators = [one.coordinator("10s"), other.coordinator("10s")];
    let workers = [one.worker(), other.worker(), one.worker(), other.worker()];
    for coordinator in coordinators {
        coordinator.succeed();
    }
    for worker in workers {
        worker.leave();
    }
    one.check();
    other.check();
}

#[test]
fn a_map_output_that_rots_is_made_again() {
    let job = Job::new("map=100 reduce=150");
    let coordinator = job.coordinator("10s");
    let worker = job.worker();
    let output = job.place.await_temporary(".", |name| name == "map-0-1");
    let file = OpenOptions::new().read(true).write(true).open(&output).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 20).unwrap();
    file.write_all_at(&[byte[0] ^ 0x40], 20).unwrap();
    let ended = coordinator.succeed();
    worker.succeed();
    assert!(
        ended.stderr.contains("map output lost, the map runs again worker=w1 reporter=w1 task=map 0 attempt=1"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("task=map 0 attempt=2"), "{}", ended.stderr);
    job.check();
}

#[test]
fn a_map_output_that_vanishes_is_made_again() {
    let job = Job::new("map=100 reduce=150");
    let coordinator = job.coordinator("10s");
    let worker = job.worker();
    fs::remove_file(job.place.await_temporary(".", |name| name == "map-2-1")).unwrap();
    let ended = coordinator.succeed();
    worker.succeed();
    assert!(
        ended.stderr.contains("map output lost, the map runs again worker=w1 reporter=w1 task=map 2 attempt=1"),
        "{}",
        ended.stderr
    );
    job.check();
}

#[test]
fn no_observer_ever_sees_a_part_of_an_output() {
    let place = Place::new();
    let inputs: Vec<String> = (0..4).map(|i| format!("in/{i}")).collect();
    for (i, name) in (0..).zip(&inputs) {
        place.write(name, prose(i, 40_000));
    }
    let whole = place.oracle("sort", "", &inputs, REDUCES);
    let coordinator = place.coordinator(&inputs, &["--reduces", "3"]);
    let workers = [place.worker("sort"), place.worker("sort")];
    let mut coordinator = coordinator;
    let mut seen = 0;
    eventually("the job to end", || {
        for (i, whole) in whole.iter().enumerate() {
            if let Ok(bytes) = fs::read(place.join(&format!("mr-out-{i}"))) {
                assert!(bytes == *whole, "mr-out-{i} was seen with {} of {} bytes", bytes.len(), whole.len());
                seen += 1;
            }
        }
        coordinator.has_ended()
    });
    assert!(seen > 0);
    drop(workers);
}

#[test]
fn an_interrupted_coordinator_sends_everybody_home_and_leaves_nothing() {
    let job = Job::new("map=1000");
    let coordinator = job.coordinator("10s");
    let worker = job.worker();
    coordinator.await_log("committed worker=w1 task=map 0");
    coordinator.signal("INT");
    let ended = coordinator.wait();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert_eq!(worker.wait().code, Some(1));
    job.place.outputs(".", 0);
    assert!(!job.place.join("sock").exists());
}

#[test]
fn an_app_that_fails_on_a_record_fails_the_job_after_four_attempts() {
    let job = Job::new("fail=word7");
    let started = Instant::now();
    let coordinator = job.coordinator("60s");
    let workers = [job.worker(), job.worker()];
    let ended = coordinator.wait();
    assert_eq!(ended.code, Some(1));
    let message = ended.stderr.lines().last().unwrap();
    // Every file has the word, so either worker's may be the first to fail four times.
    let expected = |i| {
        let task = format!("map {i} (w/{i}) failed 4 times");
        format!("mrcoordinator: the job failed: {task}, the last time: w/{i} at byte 0: will not map `word7`")
    };
    assert!((0..6).any(|i| message == expected(i)), "{message}");
    for worker in workers {
        // Told of the end, or come too late to be told.
        assert!(matches!(worker.wait().code, Some(1 | 3)));
    }
    assert!(started.elapsed() < Duration::from_secs(40), "nobody waited for a timeout");
    job.place.outputs(".", 0);
}
