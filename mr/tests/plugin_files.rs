//! What becomes of jobs when the file of their plugin changes, and of those whose plugin has no place to be copied to.

mod support;

use std::fs;
use std::process::Command;

use support::{Place, Process, plugin, send};

#[test]
fn a_plugin_that_is_built_anew_in_the_middle_of_a_job_is_for_the_next_one() {
    let place = Place::new();
    let inputs = place.words(6);
    let app = place.join("app.so");
    fs::copy(plugin("moody"), &app).unwrap();
    let options = ["--workers", "1", "--reduces", "3", "--arg", "map=300", "--task-timeout", "100s", "--log", "info"];
    let run = place.mr_run("./app.so", &inputs, &options);
    run.await_log("committed worker=w1");
    // In the very file: whoever has it in memory has it from there.
    place.write("app.so", "of another build");
    let workers: Vec<_> = place.processes().into_iter().filter(|&pid| pid != run.pid()).collect();
    let [worker] = workers[..] else { panic!("one worker, not {workers:?}") };
    send("KILL", worker);
    run.await_log("registered worker=w2");
    let ended = run.succeed();
    assert!(ended.stdout.starts_with("./app.so done in "), "{}", ended.stdout);
    assert_eq!(place.outputs(".", 3), place.oracle(&plugin("moody"), "", &inputs, 3));
    assert!(fs::read_dir(place.temporary()).unwrap().next().is_none(), "the copy has gone");
}

#[test]
fn two_builds_of_a_plugin_without_a_version_do_not_work_for_one_job() {
    let place = Place::new();
    let inputs = place.words(3);
    let mut bytes = fs::read(plugin("moody")).unwrap();
    bytes.push(0);
    place.write("other.so", bytes);
    let coordinator = place.coordinator(&inputs, &["--reduces", "2", "--arg", "map=300"]);
    let worker = place.worker(&plugin("moody"));
    coordinator.await_log("registered worker=w1");
    let mut command = place.program("mrworker");
    command.args(["./other.so", "sock"]);
    let words = ["this job runs the app moody of build ", ", but this worker has moody of build "];
    Process::start("mrworker", command).refuse(2, &words);
    coordinator.succeed();
    worker.succeed();
}

#[test]
fn a_plugin_is_used_itself_where_a_copy_of_it_cannot_be() {
    let place = Place::new();
    let inputs = place.words(2);
    let tmp = place.directory("tmp");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "noexec", "tmpfs"]).arg(&tmp).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: mounting a directory without programs is not allowed here");
        return;
    }
    let mut command = place.program("mr");
    command.env("TMPDIR", &tmp).args(["run", &plugin("moody"), "--reduces", "2", "--log", "info"]).args(&inputs);
    let ended = Process::start("mr run", command).wait();
    assert!(Command::new("umount").arg("-l").arg(&tmp).status().unwrap().success());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("the plugin itself is used, because a copy of it cannot be"), "{}", ended.stderr);
    assert_eq!(place.outputs(".", 2), place.oracle(&plugin("moody"), "", &inputs, 2));
}
