//! `mr run` and `mr gen`: what they print, what they leave, and that no option changes an answer.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::time::{Duration, Instant};

use support::{Place, Process, plugin, prose, send};

fn prose_files(place: &Place) -> Vec<String> {
    let names: Vec<String> = (0..3).map(|i| format!("in/{i}.txt")).collect();
    for (i, name) in (0..).zip(&names) {
        place.write(name, prose(i, 8000));
    }
    names
}

#[test]
fn a_run_ends_with_a_summary_and_plain_lines_in_a_pipe() {
    let place = Place::new();
    let inputs = place.books();
    let ended = place.mr_run("wc", &inputs, &["--workers", "2"]).succeed();
    assert_eq!(place.outputs(".", 10), place.oracle("wc", "", &inputs, 10));
    assert_eq!(ended.stderr.lines().count(), 2, "a line per phase: {}", ended.stderr);
    assert!(ended.stderr.starts_with("map: 8 tasks committed after "), "{}", ended.stderr);
    assert!(ended.stdout.contains("8 maps and 10 reduces, all committed"), "{}", ended.stdout);
    assert!(ended.stdout.contains("18, of them 0 retries and 0 failures"), "{}", ended.stdout);
    assert!(!(ended.stdout + &ended.stderr).contains('\u{1b}'), "no escape codes");
}

#[test]
fn no_option_changes_an_answer() {
    let place = Place::new();
    let inputs = prose_files(&place);
    let expected = place.oracle("wc", "", &inputs, 10);
    let elsewhere = place.directory("scratch");
    for options in [
        &["--memory", "4KiB"][..],
        &["--memory", "1", "--no-combine"],
        &["--split-size", "1KiB", "--slots", "4"],
        &["--split-size", "whole", "--workers", "5"],
        &["--dir", elsewhere.to_str().unwrap(), "--task-timeout", "5s"],
        &["--dir", "new/scratch"],
    ] {
        place.mr_run("wc", &inputs, &[options, &["--out", "out"]].concat()).succeed();
        assert_eq!(place.outputs("out", 10), expected, "{options:?}");
    }
    assert!(fs::read_dir(place.join("new/scratch")).unwrap().next().is_none(), "only the directory itself stays");
    assert!(fs::read_dir(elsewhere).unwrap().next().is_none(), "no intermediate file is left");
}

#[test]
fn small_files_share_maps_and_yield_what_each_would_alone() {
    let place = Place::new();
    let name =
        |i: usize| place.write(&format!("in/{i:02}"), format!("word{i:02} common\n")).to_str().unwrap().to_owned();
    let inputs: Vec<String> = (0..40).map(name).collect();
    let expected = place.oracle("indexer", "", &inputs, 10);
    for (options, maps) in [
        (&["--workers", "1"][..], "4 maps"),
        (&["--join-size", "60", "--slots", "2"], "10 maps"),
        (&["--join-size", "1MB"], "1 map"),
        (&["--join-size", "never"], "40 maps"),
        (&["--split-size", "whole"], "40 maps"),
    ] {
        let ended = place.mr_run("indexer", &inputs, &[options, &["--out", "out"]].concat()).succeed();
        assert!(ended.stdout.contains(&format!("tasks     {maps} and ")), "{options:?}: {}", ended.stdout);
        assert_eq!(place.outputs("out", 10), expected, "{options:?}");
    }
}

#[test]
fn a_coordinator_that_is_told_to_lets_small_files_share_maps() {
    let place = Place::new();
    let inputs = prose_files(&place);
    let coordinator = place.coordinator(&inputs, &["--join-size", "1MB"]);
    coordinator.await_log("listening");
    let worker = place.worker("wc");
    let ended = coordinator.succeed();
    assert_eq!(worker.wait().code, Some(0));
    let assigned =
        ended.stderr.lines().filter(|line| line.contains("map 0") && line.contains("assigned")).collect::<Vec<_>>();
    assert!(matches!(assigned[..], [line] if inputs.iter().all(|input| line.contains(input))), "{}", ended.stderr);
    assert!(!ended.stderr.contains("map 1"), "{}", ended.stderr);
    assert_eq!(place.outputs(".", 10), place.oracle("wc", "", &inputs, 10));
}

#[test]
fn a_plugin_and_the_app_that_is_built_in_agree() {
    let place = Place::new();
    let inputs = prose_files(&place);
    place.mr_run(&plugin("indexer"), &inputs, &[]).succeed();
    assert_eq!(place.outputs(".", 10), place.oracle("indexer", "", &inputs, 10));
}

#[test]
fn sorted_outputs_make_one_sorted_file_of_any_bytes() {
    let place = Place::new();
    let mut bytes = prose(3, 5000).into_bytes();
    bytes.extend_from_slice(b"nul\0nul\n\xff\xfe not UTF-8\r\n\n  spaces  \n\xff\xfe not UTF-8\r\n");
    place.write("in", &bytes);
    place.mr_run("sort", &["in".into()], &["--split-size", "2KiB", "--reduces", "4"]).succeed();
    let sorted = Command::new("sort").env("LC_ALL", "C").arg(place.join("in")).output().unwrap().stdout;
    assert!(place.outputs(".", 4).concat() == sorted, "as `LC_ALL=C sort` has it");
}

#[test]
fn grep_takes_its_pattern_from_the_argument() {
    let place = Place::new();
    let input = place.write("in", "one\ntwo\nthree\n").to_str().unwrap().to_owned();
    place.mr_run("grep", std::slice::from_ref(&input), &["--arg", "^t", "--reduces", "1"]).succeed();
    let expected = format!("{input}:000000000004 two\n{input}:000000000008 three\n");
    assert_eq!(place.outputs(".", 1), [expected.into_bytes()]);
}

#[test]
fn a_second_run_leaves_nothing_of_the_first() {
    let place = Place::new();
    let inputs = prose_files(&place);
    place.mr_run("wc", &inputs, &["--reduces", "12"]).succeed();
    place.mr_run("wc", &inputs, &["--reduces", "2"]).succeed();
    assert_eq!(place.outputs(".", 2), place.oracle("wc", "", &inputs, 2));
}

#[test]
fn a_sequential_job_makes_the_directory_of_its_outputs_and_leaves_no_others_there() {
    let place = Place::new();
    let inputs = prose_files(&place);
    let sequential = |app: &str, argument: &str, reduces: &str| {
        let mut command = place.program("mrsequential");
        command.args([app, "--arg", argument, "--reduces", reduces, "--out", "new/deep"]).args(&inputs);
        Process::start("mrsequential", command)
    };
    sequential("wc", "", "3").succeed();
    place.outputs("new/deep", 3);
    let word = prose(0, 1);
    let failed = sequential(&plugin("moody"), &format!("fail={}", word.trim()), "2").wait();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    place.outputs("new/deep", 3);
    sequential("wc", "", "2").succeed();
    assert_eq!(place.outputs("new/deep", 2), place.oracle("wc", "", &inputs, 2));
}

#[test]
fn the_one_output_of_the_courses_sequential_form_is_written_beside_those_of_a_job() {
    let place = Place::new();
    let inputs = prose_files(&place);
    place.write("mr-out-1", "of a job");
    let mut command = place.program("mrsequential");
    command.arg("wc").args(&inputs);
    Process::start("mrsequential", command).succeed();
    assert_eq!(place.outputs(".", 2)[1], b"of a job");
}

#[test]
fn a_run_that_cannot_start_leaves_the_outputs_of_an_earlier_job() {
    let place = Place::new();
    let inputs = place.words(1);
    place.write("out/mr-out-0", "of an earlier job");
    let missing = place.join("missing").into_os_string().into_string().unwrap();
    let run = |tmpdir: &str, dir: &str| {
        let mut command = place.program("mr");
        command.env("TMPDIR", tmpdir).args(["run", "wc", "--out", "out", "--dir", dir]).args(&inputs);
        Process::start("mr run", command)
    };
    run(&missing, ".").refuse(3, &["the coordinator's socket", "set TMPDIR"]);
    run("/tmp", "w/0/x").refuse(3, &["`w/0/x`", "Not a directory", "give --dir another"]);
    run("/tmp", "w/0").refuse(3, &["`w/0` is no directory", "give --dir another"]);
    assert_eq!(place.outputs("out", 1), [b"of an earlier job"]);
    for (make, what) in [("mkdir", "a directory"), ("mkfifo", "no regular file")] {
        assert!(Command::new(make).arg(place.join("out/mr-out-1")).status().unwrap().success());
        run("/tmp", ".").refuse(3, &["`out/mr-out-1` has the name of an output", what, "give --out another"]);
        assert_eq!(fs::read_to_string(place.join("out/mr-out-0")).unwrap(), "of an earlier job");
        assert!(Command::new("rm").arg("-r").arg(place.join("out/mr-out-1")).status().unwrap().success());
    }
}

#[test]
fn a_run_that_cannot_clear_the_directory_says_of_what_and_leaves_no_workers() {
    let place = Place::new();
    let inputs = place.words(1);
    let busy = place.write("out/mr-out-7", "of an earlier job");
    let mounted = Command::new("mount").arg("--bind").arg(place.join("w/0")).arg(&busy).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: mounting a file is not allowed here");
        return;
    }
    let ended = place.mr_run("wc", &inputs, &["--workers", "4", "--out", "out"]).wait();
    let left = place.processes();
    assert!(Command::new("umount").arg("-l").arg(&busy).status().unwrap().success());
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("cannot remove `out/mr-out-7`, an output of an earlier job"), "{}", ended.stderr);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_directory_for_temporary_files_whose_name_no_socket_can_have_does_no_harm() {
    let place = Place::new();
    let inputs = place.words(1);
    for name in [OsStr::new(&"long".repeat(30)), OsStr::from_bytes(b"no UTF-8 \xff")] {
        let directory = place.path().join(name);
        fs::create_dir(&directory).unwrap();
        let mut command = place.program("mr");
        command.env("TMPDIR", directory).args(["run", "wc", "--out", "out"]).args(&inputs);
        Process::start("mr run", command).succeed();
        assert_eq!(place.outputs("out", 10), place.oracle("wc", "", &inputs, 10));
    }
}

#[test]
fn more_map_outputs_than_files_may_be_open_by_default_are_no_trouble() {
    let place = Place::new();
    let inputs = place.words(120);
    let expected = place.oracle("wc", "", &inputs, 4);
    let few_files = r#"ulimit -S -n 64 && exec "$0" "$@""#;
    let mut command = place.program_in_shell("mr", few_files);
    command.args(["run", "wc", "--workers=1", "--slots=4", "--join-size=never", "--reduces=4"]).args(&inputs);
    Process::start("mr run", command).succeed();
    assert_eq!(place.outputs(".", 4), expected);

    let coordinator = place.coordinator(&inputs, &["--reduces", "4"]);
    let mut command = place.program_in_shell("mrworker", few_files);
    command.args(["wc", "sock", "--slots=4", "--out"]).arg(place.directory("out"));
    let worker = Process::start("mrworker", command);
    coordinator.succeed();
    worker.succeed();
    assert_eq!(place.outputs("out", 4), expected);
}

#[test]
fn who_may_have_too_few_files_open_is_told_how_to_have_more() {
    let place = Place::new();
    let inputs = place.words(120);
    let mut command = place.program_in_shell("mr", r#"ulimit -n 60 && exec "$0" "$@""#);
    command.args(["run", "wc", "--workers=1", "--join-size=never", "--reduces=1"]).args(&inputs);
    let ended = Process::start("mr run", command).wait();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let advice = "Too many open files (os error 24); allow more (`ulimit -n`), or use fewer --slots";
    assert!(ended.stderr.contains(advice), "{}", ended.stderr);
}

#[test]
fn files_named_twice_or_alike_are_tasks_of_their_own_and_empty_ones_are_too() {
    let place = Place::new();
    place.write("a/f", "x y");
    place.write("b/f", "y z");
    place.write("empty", "");
    let inputs: Vec<String> = ["a/f", "b/f", "a/f", "empty"].map(String::from).into();
    let ended = place.mr_run("wc", &inputs, &["--reduces", "1"]).succeed();
    assert!(ended.stdout.contains("4 maps and 1 reduce"), "{}", ended.stdout);
    assert_eq!(place.outputs(".", 1), [b"x 2\ny 3\nz 1\n".to_vec()]);
}

#[test]
fn a_worker_that_dies_is_replaced_without_waiting_for_the_timeout() {
    let place = Place::new();
    let inputs = place.words(6);
    let started = Instant::now();
    let run = place.mr_run(
        &plugin("moody"),
        &inputs,
        &["--workers", "2", "--arg", "map=400", "--task-timeout", "100s", "--log", "info", "--reduces", "3"],
    );
    run.await_log("attempt started worker=w1");
    let children = Command::new("pgrep").args(["-P", &run.pid().to_string()]).output().unwrap().stdout;
    let child = String::from_utf8(children).unwrap().lines().next().unwrap().to_owned();
    assert!(Command::new("kill").args(["-9", &child]).status().unwrap().success());
    let ended = run.succeed();
    assert!(started.elapsed() < Duration::from_secs(50), "the timeout was not waited for");
    assert!(ended.stdout.contains("of them 1 retry"), "{}", ended.stdout);
    assert_eq!(place.outputs(".", 3), place.oracle(&plugin("moody"), "", &inputs, 3));
}

#[test]
fn a_worker_is_replaced_by_one_of_the_same_program_even_if_that_was_built_anew_meanwhile() {
    let place = Place::new();
    let inputs = place.words(6);
    let program = place.join("program");
    // By another process: what this one writes to, children of other tests have open for a moment, and that cannot be started.
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_mr")).arg(&program).status().unwrap().success());
    let mut command = Command::new(&program);
    command.env("TMPDIR", place.temporary());
    command.current_dir(place.path()).args(["run", &plugin("moody"), "--workers", "1", "--reduces", "3"]).args(&inputs);
    command.args(["--arg", "map=300", "--task-timeout", "100s", "--log", "info"]);
    let run = Process::start("mr run", command);
    run.await_log("committed worker=w1");
    fs::remove_file(&program).unwrap();
    place.write("program", "of another build");
    let workers: Vec<_> = place.processes().into_iter().filter(|&pid| pid != run.pid()).collect();
    let [worker] = workers[..] else { panic!("one worker, not {workers:?}") };
    assert_eq!(fs::read_to_string(format!("/proc/{worker}/comm")).unwrap(), "program\n");
    send("KILL", worker);
    run.await_log("registered worker=w2");
    run.succeed();
    assert_eq!(place.outputs(".", 3), place.oracle(&plugin("moody"), "", &inputs, 3));
}

#[test]
fn workers_that_only_ever_die_end_the_job() {
    // 0 and 1 are what a worker leaves with when the job has ended, and here it has not; 2 and 3 when it cannot work, and here it could.
    for code in ["77", "0", "1", "2", "3"] {
        let place = Place::new();
        let inputs = place.words(2);
        let mood = format!("exit={code}");
        let ended = place.mr_run(&plugin("moody"), &inputs, &["--workers", "2", "--arg", &mood]).wait();
        assert_eq!(ended.code, Some(1));
        let message = "worker processes died in a row without finishing a task";
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
        let cause = format!("(the last: exit status: {code})");
        assert!(ended.stderr.contains(&cause), "with what they died of: {}", ended.stderr);
        let message = ended.stderr.lines().last().unwrap();
        let task = [0, 1].map(|i| format!("), while it was at map {i} (w/{i})"));
        assert!(task.iter().any(|task| message.ends_with(task)), "with what they died at: {message}");
        assert!(message.contains(": 13 worker"), "{message}");
        place.outputs(".", 0);
    }
}

#[test]
fn a_worker_that_its_app_ends_before_the_job_has_ended_is_replaced() {
    for code in ["0", "1", "2", "3"] {
        let place = Place::new();
        let inputs = place.words(3);
        let mood = format!("exit-once={code}");
        let options = ["--workers", "1", "--arg", &mood, "--task-timeout", "100s", "--reduces", "2"];
        let started = Instant::now();
        let ended = place.mr_run(&plugin("moody"), &inputs, &options).succeed();
        assert!(started.elapsed() < Duration::from_secs(50), "the timeout was not waited for");
        assert!(ended.stdout.contains("of them 1 retry"), "{}", ended.stdout);
        assert_eq!(place.outputs(".", 2), place.oracle(&plugin("moody"), "", &inputs, 2));
    }
}

#[test]
fn an_interrupted_run_takes_its_workers_with_it_and_leaves_nothing() {
    let place = Place::new();
    let inputs = place.words(8);
    let run = place.mr_run(&plugin("moody"), &inputs, &["--workers", "2", "--arg", "map=1000", "--log", "info"]);
    run.await_log("committed worker=w");
    let pid = run.pid().to_string();
    run.signal("INT");
    let ended = run.wait();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    place.outputs(".", 0);
    let children = Command::new("pgrep").args(["-P", &pid]).output().unwrap().stdout;
    assert!(children.is_empty(), "{children:?}");
}

#[test]
fn a_corpus_has_the_size_asked_for_is_the_same_twice_and_is_not_overwritten() {
    let place = Place::new();
    let generate = |dir: &str, seed: &str| {
        let mut command = place.program("mr");
        command.args(["gen", "--bytes", "300kB", "--seed", seed, dir]);
        Process::start("mr gen", command)
    };
    for (dir, seed) in [("one", "7"), ("two", "7"), ("three", "8")] {
        generate(dir, seed).succeed();
    }
    let bytes = |dir: &str| fs::read(place.join(dir).join("gen-00000.txt")).unwrap();
    assert_eq!(bytes("one").len(), 300_000);
    assert!(bytes("one") == bytes("two") && bytes("one") != bytes("three"));
    generate("one", "9").refuse(3, &["gen-00000.txt", "exists already"]);
    assert!(bytes("one") == bytes("two"));
}
