//! The command line, as a person or a CI job meets it. What has to fail here are scenarios that ask too much, of a system without a
//! known bug.

mod interrupted;
mod nightly;
mod shards;
mod unheard;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A few workers, a little work, and nothing goes wrong.
const FINE: &str = "about = \"a\"\npromise = \"b\"";

/// No promise covers inputs that rot.
const ROTTEN_INPUT: &str = r#"
about = "The inputs rot."
promise = "None: nobody could notice."
[workload]
apps = ["trail"]
files = 3
words = [50, 80]
empty = 0.0
[[faults]]
when = { at = "0ms" }
what = { bit_rot = { node = "every worker", path_contains = "in/", stored = true, duration = "10s" } }
"#;

/// The job neither fails nor ends in time.
const ENDLESS: &str = r#"
about = "The app stumbles for ever, and the job has more patience than the promise."
promise = "None: nobody could do this work."
[cluster]
workers = 2
task_timeout = "5s"
max_failures = 4294967295
[workload]
files = [2, 4]
empty = 0.0
trouble = { phase = "map", panics = 1.0 }
[models]
message = "100ms"
"#;

/// Nobody is left to do the work.
const NOBODY_LEFT: &str = r#"
about = "All workers die and nobody comes."
promise = "None: there is nobody to work."
[[faults]]
when = { at = "1ms" }
what = { crash = { node = "every worker" } }
"#;

/// A folder of cases of one's own, without regressions.
fn folder(cases: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["cases", "regressions"] {
        fs::create_dir(folder.path().join(part)).unwrap();
    }
    for (name, text) in cases {
        fs::write(folder.path().join("cases").join(format!("{name}.toml")), text).unwrap();
    }
    folder
}

fn mrsim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mrsim")).args(arguments).output().unwrap()
}

fn mrsim_in(folder: &TempDir, arguments: &[&str]) -> Output {
    command_in(folder, arguments).output().unwrap()
}

fn command_in(folder: &TempDir, arguments: &[&str]) -> Command {
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [cases, regressions, failures] = ["cases", "regressions", "failures"].map(path);
    let mut arguments = [arguments, &["--cases", &cases, "--regressions", &regressions]].concat();
    if arguments[0] == "run" && !arguments.contains(&"--failures") {
        arguments.extend(["--failures", &failures]);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_mrsim"));
    command.args(arguments);
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The lines of a JSON file but for the time that they took.
fn json(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &mut lines {
        line.as_object_mut().unwrap().retain(|key, _| key != "wall_seconds" && key != "kept");
    }
    lines
}

/// The hash of the history that `replay` prints.
fn history(output: &Output) -> String {
    let text = stdout(output);
    let line =
        text.lines().find(|line| line.contains("history ")).unwrap_or_else(|| panic!("{text}{}", stderr(output)));
    line.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn a_campaign_that_passes_says_so_in_a_table_and_exits_with_0() {
    let output = mrsim(&["run", "zombie", "tiny", "--seeds", "0..20"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("2 scenarios, 40 schedules, seeds from 0"), "{text}");
    let row = |name: &str| text.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_owned();
    assert_eq!(row("zombie").split_whitespace().collect::<Vec<_>>()[1..4], ["20", "20", "0"]);
    assert!(stderr(&output).is_empty(), "no progress bar in a pipe: {}", stderr(&output));
}

#[test]
fn a_broken_promise_exits_with_1_and_tells_how_to_repeat_it() {
    let folder = folder(&[("rotten", ROTTEN_INPUT)]);
    let output = mrsim_in(&folder, &["run", "--seeds", "0..5"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("differs from the sequential run at byte"), "{text}");
    assert!(text.contains("to repeat it: cargo mrsim replay rotten "), "{text}");
    let seed = text.split("replay rotten ").nth(1).unwrap().split_whitespace().next().unwrap();
    let replayed = mrsim_in(&folder, &["replay", "rotten", seed]);
    assert_eq!(replayed.status.code(), Some(1));
    assert!(stdout(&replayed).contains("broken promise: outputs"), "{}", stdout(&replayed));
    assert!(stdout(&replayed).contains("timeline, up to the break:"), "{}", stdout(&replayed));
}

#[test]
fn the_first_failure_is_shrunk_and_everything_kept() {
    let folder = folder(&[("rotten", ROTTEN_INPUT)]);
    let text = stdout(&mrsim_in(&folder, &["run", "--seeds", "0..5", "--fail-fast"]));
    assert!(text.contains("to 1, 1 and 1, in "), "one fault, worker and input: {text}");
    let repeat = text.lines().find_map(|line| line.strip_prefix("repeat:  cargo mrsim ")).unwrap();
    let repeated = mrsim(&repeat.split(' ').collect::<Vec<_>>());
    assert_eq!(repeated.status.code(), Some(1), "the command that is told repeats it: {repeat}");
    let kept = fs::read_dir(folder.path().join("failures")).unwrap().next().unwrap().unwrap().path();
    let plan = kept.join("plan.toml");
    let replayed = mrsim(&["replay", "--plan", plan.to_str().unwrap()]);
    assert_eq!(replayed.status.code(), Some(1));
    assert!(stdout(&replayed).contains("broken promise: outputs"), "{}", stdout(&replayed));
}

#[test]
fn what_is_told_repeats_a_failure_whatever_files_are_called() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["my cases", "it's old"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("my cases/so rotten.toml"), ROTTEN_INPUT).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mrsim"));
        command.args(arguments).args(["--cases", "my cases", "--regressions", "it's old"]);
        command.current_dir(&folder).output().unwrap()
    };
    let told_to_shell = |words: &str| {
        let command = words.rsplit("cargo mrsim ").next().unwrap().lines().next().unwrap();
        let command = format!("'{}' {command}", env!("CARGO_BIN_EXE_mrsim"));
        let output = Command::new("sh").args(["-c", &command]).current_dir(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {}", stderr(&output));
    };
    let drawn = run(&["run", "--seeds", "0..5", "--fail-fast", "--reports", "0"]);
    told_to_shell(&stdout(&drawn));
    let seed = stdout(&drawn).split(", seed ").nth(1).unwrap().split(':').next().unwrap().to_owned();
    told_to_shell(&stderr(&run(&["shrink", "so rotten", &seed, "--output", "it's old/a bug.toml"])));
    told_to_shell(&stdout(&run(&["run", "--seeds", "0", "--fail-fast", "--reports", "0"])));
}

#[test]
fn a_seed_is_shrunk_to_a_plan_file_or_a_test() {
    let folder = folder(&[("rotten", ROTTEN_INPUT)]);
    let seed = (0..5).map(|seed| seed.to_string());
    let seed = seed.into_iter().find(|seed| mrsim_in(&folder, &["replay", "rotten", seed]).status.code() == Some(1));
    let seed = seed.unwrap();
    let file = folder.path().join("plan.toml");
    let shrunk = mrsim_in(&folder, &["shrink", "rotten", &seed]);
    assert_eq!(shrunk.status.code(), Some(1), "{}", stderr(&shrunk));
    let again = mrsim_in(&folder, &["shrink", "rotten", &seed, "--output", file.to_str().unwrap()]);
    assert!(stdout(&again).is_empty() && stderr(&again).contains("cargo mrsim replay --plan"), "{}", stderr(&again));
    assert_eq!(fs::read(&file).unwrap(), shrunk.stdout);
    let test = stdout(&mrsim_in(&folder, &["shrink", "rotten", &seed, "--emit-test"]));
    assert!(test.contains("fn a_schedule_that_broke_outputs_keeps_its_promises()"), "{test}");
    assert!(test.contains(stdout(&shrunk).trim()), "{test}");
    let fine = mrsim(&["shrink", "fault_free", "1"]);
    assert_eq!(fine.status.code(), Some(2));
    assert!(stderr(&fine).contains("breaks no promise"), "{}", stderr(&fine));
}

#[test]
fn a_job_that_does_not_end_exits_with_3_and_a_broken_promise_is_graver() {
    let folder = folder(&[("endless", ENDLESS), ("rotten", ROTTEN_INPUT)]);
    assert_eq!(mrsim_in(&folder, &["run", "endless", "--seeds", "0..3", "--reports", "0"]).status.code(), Some(3));
    assert_eq!(mrsim_in(&folder, &["run", "--seeds", "0..5", "--reports", "0"]).status.code(), Some(1));
}

#[test]
fn a_job_that_the_plan_leaves_nobody_to_finish_breaks_no_promise_and_is_told() {
    let folder = folder(&[("nobody", NOBODY_LEFT)]);
    let file = folder.path().join("results.jsonl");
    let output = mrsim_in(&folder, &["run", "--seeds", "0..3", "--json", file.to_str().unwrap()]);
    let told = "nobody was left to finish 3 of these, as their plans had it";
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains(told), "{}", stdout(&output));
    assert!(stdout(&mrsim(&["merge", file.to_str().unwrap()])).contains(told));
    let replayed = mrsim_in(&folder, &["replay", "nobody", "1"]);
    assert_eq!(replayed.status.code(), Some(0));
    let told = "the job did not end, as the plan has it: nobody was left: w1 had crashed";
    assert!(stdout(&replayed).contains(told), "{}", stdout(&replayed));
}

#[test]
fn fail_fast_stops_at_the_first_failure() {
    let folder = folder(&[("endless", ENDLESS)]);
    let file = folder.path().join("results.json");
    let file_name = file.to_str().unwrap();
    let arguments = ["run", "--seeds", "7..500", "--fail-fast", "--reports", "0", "--json", file_name];
    assert_eq!(mrsim_in(&folder, &arguments).status.code(), Some(3));
    let lines = json(&file);
    assert_eq!(
        (&lines[0]["kind"], &lines[0]["seed"], &lines[0]["schedules"]),
        (&"failure".into(), &7.into(), &1.into())
    );
    assert_eq!((&lines[0]["promise"], &lines[0]["judgement"]), (&"finishes".into(), &"liveness".into()));
    let total = lines.iter().find(|line| line["kind"] == "total").unwrap();
    assert_eq!(total["schedules"], 1);
}

#[test]
fn results_do_not_depend_on_the_number_of_jobs() {
    let folder = folder(&[("rotten", ROTTEN_INPUT), ("endless", ENDLESS)]);
    let results = ["1", "3"].map(|jobs| {
        let file = folder.path().join(jobs);
        mrsim_in(
            &folder,
            &["run", "--seeds", "0..30", "--reports", "0", "--jobs", jobs, "--json", file.to_str().unwrap()],
        );
        json(&file)
    });
    assert!(results[0].len() > 30, "failures, two scenarios and a total");
    assert_eq!(results[0], results[1]);
}

#[test]
fn a_time_box_ends_a_campaign() {
    let output = mrsim(&["run", "tiny", "--for", "300ms"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with("tiny, for 300ms, seeds from 0"), "{}", stdout(&output));
}

#[test]
fn a_plan_that_was_written_down_replays_as_its_seed_does() {
    let folder = folder(&[]);
    let file = folder.path().join("plan.toml");
    let plan = mrsim(&["plan", "power_loss", "12"]);
    assert_eq!(plan.status.code(), Some(0));
    fs::write(&file, &plan.stdout).unwrap();
    let seed = mrsim(&["replay", "power_loss", "12", "--check-determinism"]);
    assert!(stdout(&seed).contains("it ran the same way twice"), "{}", stdout(&seed));
    assert_eq!(history(&seed), history(&mrsim(&["replay", "--plan", file.to_str().unwrap()])));
    assert_ne!(history(&seed), history(&mrsim(&["replay", "power_loss", "13"])));
}

#[test]
fn there_are_no_more_threads_than_schedules() {
    let output = mrsim(&["run", "tiny", "--seeds", "0..3", "--jobs", "1000", "--regressions", "none"]);
    assert!(stdout(&output).starts_with("tiny, 3 schedules, seeds from 0, 3 jobs"), "{}", stdout(&output));
}

#[test]
fn the_folder_of_a_failure_says_how_to_repeat_it_and_in_which_version() {
    let folder = folder(&[("rotten", ROTTEN_INPUT)]);
    mrsim_in(&folder, &["run", "--seeds", "0..5", "--fail-fast", "--shrink-for", "0s"]);
    let kept = fs::read_dir(folder.path().join("failures")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(kept.join("repeat.txt")).unwrap();
    let report = fs::read_to_string(kept.join("report.txt")).unwrap();
    let commit = text.lines().next().unwrap().strip_prefix("# commit ").unwrap();
    assert!(report.contains(&format!("(commit {commit})")), "{text}{report}");
    let commands: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("cargo mrsim ")).collect();
    assert_eq!(commands.len(), 2, "{text}");
    for command in commands {
        let command = format!("'{}' {command}", env!("CARGO_BIN_EXE_mrsim"));
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {}", stderr(&output));
    }
}

#[test]
fn regressions_run_first() {
    let folder = folder(&[("endless", ENDLESS)]);
    let regressions = folder.path().join("regressions");
    fs::write(regressions.join("old_bug.toml"), mrsim_in(&folder, &["plan", "endless", "3"]).stdout).unwrap();
    let output = mrsim_in(&folder, &["run", "--seeds", "0..3", "--fail-fast", "--reports", "0"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    let plan = regressions.join("old_bug.toml");
    assert!(text.contains(&format!("cargo mrsim replay --plan {}", plan.display())), "{text}");
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_to_do() {
    let folder = folder(&[("zombie", "about = \"a\"\npromse = \"b\"")]);
    let no_cases = ["list", "--cases", "no/such/folder"];
    for (output, words) in [
        (mrsim(&["run", "zombi"]), "there is no scenario `zombi`; did you mean `zombie`?"),
        (mrsim(&["run", "xyzzy"]), "there is no scenario `xyzzy`; `cargo mrsim list` tells which there are"),
        (mrsim(&["run", "--seeds", "5..5"]), "there is no seed in `5..5`"),
        (mrsim(&["run", "--shard", "3/2"]), "no shard"),
        (mrsim(&["replay", "zombie"]), "<SEED>"),
        (mrsim(&["replay"]), "say which"),
        (mrsim(&no_cases), "no/such/folder: cannot be read"),
        (mrsim_in(&folder, &["list"]), "zombie.toml:2: unknown field `promse`"),
        (mrsim(&["run", "tiny", "--regressions", "no/such/folder"]), "no/such/folder: cannot be read"),
        (mrsim(&["run", "tiny", "--json", "no/such/folder/file"]), "no/such/folder/file"),
        (mrsim(&["run", "tiny", "--failures", "/dev/null/folder"]), "cannot write the results: /dev/null/folder"),
        (mrsim(&["run", "tiny", "--jobs", "100000"]), "a number from 1 to 1024"),
        (mrsim(&["run", "tiny", "--jobs", "0"]), "a number from 1 to 1024"),
        (mrsim(&["replay", "zombie", "4", "--task", "map-99"]), "there is no map-99; there are map-0 to map-"),
        (mrsim(&["replay", "zombie", "4", "--task", "reduce-99"]), "there is no reduce-99; there are reduce-0 to"),
        (mrsim(&["replay", "zombie", "4", "--from", "5s", "--to", "1s"]), "--from is later than --to"),
        (
            mrsim(&["replay", "zombie", "4", "--from", "1h"]),
            "nothing happens in the part that is asked for; the run ends at",
        ),
    ] {
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(stderr(&output).contains(words), "{words}: {}", stderr(&output));
    }
}

#[test]
fn the_list_names_every_case_with_what_it_is_about() {
    let text = stdout(&mrsim(&["list"]));
    let zombie = text.lines().find(|line| line.starts_with("zombie ")).unwrap();
    assert!(zombie.contains("sleeps for longer than the timeout"), "{zombie}");
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).unwrap();
    assert_eq!(text.lines().count(), files.count());
}

#[test]
fn what_was_never_tried_is_shown_and_fails_if_it_must_not_be() {
    let arguments = ["run", "tiny", "--seeds", "0..3", "--regressions", "none"];
    let output = mrsim(&[&arguments[..], &["--coverage"]].concat());
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("EMPTY") && stdout(&output).contains("NEVER  a reduce was stranded"));
    let output = mrsim(&[&arguments[..], &["--require-coverage"]].concat());
    assert_eq!(output.status.code(), Some(6));
    assert!(stdout(&output).contains("not everything was tried:"), "{}", stdout(&output));
}

#[test]
fn a_replay_tells_its_timeline_and_writes_what_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (page, trace) = (path("page.html"), path("trace.json"));
    let output = mrsim(&["replay", "zombie", "4", "--timeline", "--html", &page, "--perfetto", &trace]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    assert!(text.contains("seconds  coord   w1") && !text.contains('\u{1b}'), "no colours in a pipe: {text}");
    assert!(fs::read_to_string(page).unwrap().starts_with("<!doctype html>"));
    assert!(serde_json::from_str::<Value>(&fs::read_to_string(trace).unwrap()).is_ok());
    for (wrong, why) in
        [(["--node", "w9"], "there is no node `w9`"), (["--causal-of", "mr-out-99"], "nobody ever writes")]
    {
        let output = mrsim(&[&["replay", "zombie", "4"], &wrong[..]].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
    assert_eq!(mrsim(&["replay", "zombie", "4", "--task", "nap-3"]).status.code(), Some(2));
}
