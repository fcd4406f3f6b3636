//! The course's three programs, used as its own tests use them: in the forms of its command lines, with its apps.

mod support;

use std::fs;
use std::time::{Duration, Instant};

use support::{Place, Process, eventually, plugin, sorted_lines};

/// Names as seen from a directory beside that of the books.
fn from_beside(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("../{name}")).collect()
}

/// A coordinator in `elsewhere/`, from which no input can be seen under its name, and workers in `work/`.
struct Course {
    place: Place,
    inputs: Vec<String>,
}

impl Course {
    fn new() -> Self {
        let place = Place::new();
        let inputs = from_beside(&place.books());
        place.directory("elsewhere/deep");
        place.directory("work");
        Self { place, inputs }
    }

    fn coordinator(&self, options: &[&str]) -> Process {
        let mut command = self.place.program("mrcoordinator");
        command
            .current_dir(self.place.join("elsewhere/deep"))
            .arg(self.place.join("sock"))
            .args(&self.inputs)
            .args(options);
        let coordinator = Process::start("mrcoordinator", command);
        eventually("the socket", || self.place.join("sock").exists());
        coordinator
    }

    fn worker(&self, app: &str) -> Process {
        let mut command = self.place.program("mrworker");
        command.current_dir(self.place.join("work")).arg(app).arg(self.place.join("sock"));
        Process::start("mrworker", command)
    }

    fn run(&self, app: &str, workers: usize) {
        let coordinator = self.coordinator(&[]);
        let workers: Vec<_> = (0..workers).map(|_| self.worker(app)).collect();
        coordinator.succeed();
        for worker in workers {
            worker.leave();
        }
    }

    /// What `mrsequential` writes to its one output, sorted.
    fn sequential(&self, app: &str) -> Vec<Vec<u8>> {
        self.place.directory("sequential");
        let mut command = self.place.program("mrsequential");
        command.current_dir(self.place.join("sequential")).arg(app).args(&self.inputs);
        Process::start("mrsequential", command).succeed();
        sorted_lines(&self.place.outputs("sequential", 1))
    }

    fn outputs(&self) -> Vec<Vec<u8>> {
        self.place.outputs("work", 10)
    }
}

#[test]
fn word_count_by_three_workers_equals_the_sequential_one() {
    let course = Course::new();
    let app = plugin("wc");
    course.run(&app, 3);
    assert_eq!(sorted_lines(&course.outputs()), course.sequential(&app));
    let inputs = course.inputs.clone();
    // Seen from the place itself the books are under the same names with another start.
    let from_place: Vec<_> = inputs.iter().map(|name| name.replacen("../", "", 1)).collect();
    assert_eq!(course.outputs(), course.place.oracle("wc", "", &from_place, 10), "and per partition, byte for byte");
    assert_eq!(course.place.list("work").len(), 10, "nothing is left but the outputs");
    assert!(!course.place.join("sock").exists(), "the socket is gone");
}

#[test]
fn an_index_by_two_workers_equals_the_sequential_one() {
    let course = Course::new();
    let app = plugin("indexer");
    course.run(&app, 2);
    assert_eq!(sorted_lines(&course.outputs()), course.sequential(&app));
}

#[test]
fn a_plugin_can_be_named_without_a_slash() {
    let course = Course::new();
    fs::copy(plugin("wc"), course.place.join("work/wc.so")).unwrap();
    course.run("wc.so", 2);
    fs::remove_file(course.place.join("work/wc.so")).unwrap();
    assert_eq!(sorted_lines(&course.outputs()), course.sequential("wc"));
}

#[test]
fn maps_run_in_parallel() {
    let course = Course::new();
    course.run(&plugin("mtiming"), 2);
    let lines = sorted_lines(&course.outputs());
    assert_eq!(lines.iter().filter(|line| line.starts_with(b"times-")).count(), 2, "two workers mapped");
    let parallel = |line: &&Vec<u8>| {
        line.starts_with(b"parallel-") && line.ends_with(b" 2\n") || line.windows(3).any(|w| w == b" 2 ")
    };
    assert!(lines.iter().any(|line| parallel(&line)), "at the same time");
}

#[test]
fn reduces_run_in_parallel() {
    let course = Course::new();
    course.run(&plugin("rtiming"), 2);
    let lines = sorted_lines(&course.outputs());
    assert_eq!(lines.len(), 10);
    assert!(lines.iter().filter(|line| line.ends_with(b" 2\n")).count() >= 2, "{lines:?}");
}

#[test]
fn eight_maps_run_exactly_once() {
    let course = Course::new();
    course.run(&plugin("jobcount"), 4);
    for name in course.place.list("work").iter().filter(|name| name.starts_with("mr-worker-jobcount")) {
        fs::remove_file(course.place.join("work").join(name)).unwrap();
    }
    assert_eq!(sorted_lines(&course.outputs()), [b"a 8\n".to_vec()]);
}

#[test]
fn nobody_leaves_before_the_outputs_are_final() {
    let course = Course::new();
    let app = plugin("early_exit");
    let mut processes = vec![course.coordinator(&[])];
    processes.extend((0..3).map(|_| course.worker(&app)));
    eventually("a process to leave", || processes.iter_mut().any(Process::has_ended));
    let at_first_exit: Vec<_> =
        (0..10).map(|i| fs::read(course.place.join(&format!("work/mr-out-{i}"))).ok()).collect();
    processes.remove(0).succeed();
    for worker in processes {
        worker.leave();
    }
    let at_the_end: Vec<_> = course.outputs().into_iter().map(Some).collect();
    assert_eq!(at_first_exit, at_the_end);
    assert_eq!(sorted_lines(&course.outputs()).len(), 8, "every book is there, once");
}

#[test]
fn workers_that_crash_and_stall_at_random_change_nothing() {
    let course = Course::new();
    let app = plugin("crash");
    // Not the course's ten seconds, for the sake of the patience of those who run this.
    let mut coordinator = course.coordinator(&["--task-timeout", "2s"]);
    let mut workers: Vec<_> = (0..3).map(|_| course.worker(&app)).collect();
    eventually("the job to end", || {
        for worker in &mut workers {
            if worker.has_ended() && course.place.join("sock").exists() {
                *worker = course.worker(&app);
            }
        }
        coordinator.has_ended()
    });
    coordinator.succeed();
    drop(workers);
    let outputs: Vec<_> = (0..10).map(|i| fs::read(course.place.join(&format!("work/mr-out-{i}"))).unwrap()).collect();
    assert_eq!(sorted_lines(&outputs), course.sequential(&plugin("nocrash")));
}

#[test]
fn without_a_socket_the_default_one_serves_and_the_coordinator_leaves_within_a_second_or_so() {
    let uid = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap());
    let socket = format!("/var/tmp/5840-mr-{uid}");
    if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
        eprintln!("skipped: a coordinator is listening on {socket}");
        return;
    }
    let place = Place::new();
    let books = place.books();
    let mut command = place.program("mrcoordinator");
    command.args(&books);
    let mut coordinator = Process::start("mrcoordinator", command);
    let worker = |app: &str| {
        let mut command = place.program("mrworker");
        command.arg(app);
        Process::start("mrworker", command)
    };
    let workers = [worker("wc"), worker(&plugin("wc"))];
    eventually("the outputs", || (0..10).all(|i| place.join(&format!("mr-out-{i}")).exists()));
    let done = Instant::now();
    eventually("the coordinator to leave", || coordinator.has_ended());
    assert!(done.elapsed() < Duration::from_secs(5), "the grace period is one second");
    coordinator.succeed();
    for worker in workers {
        worker.leave();
    }
    assert_eq!(place.outputs(".", 10), place.oracle("wc", "", &books, 10));
}
