//! What a scenario file may say, and what a person is told whose file says something else.

use std::collections::BTreeSet;

use super::*;
use crate::PlanFile;

const SCENARIO: &str = r#"about = "a"
promise = "b"

[cluster]
workers = [1, 3]
slots = 2

[workload]
apps = ["trail"]
files = [1, 2]
reduces = [1, 4]

[[faults]]
count = [1, 2]
when = { at = ["0ms", "10ms"], after = { operations = ["rename"], nth = [1, 3] } }
what = { crash = { node = "any worker", restart_after = "1s" } }
"#;

fn parse(text: &str) -> Result<Scenario, FileProblem> {
    Scenario::parse(Path::new("here/zombie.toml"), text)
}

fn problem_of(from: &str, to: &str) -> String {
    assert!(SCENARIO.contains(from), "{from}");
    parse(&SCENARIO.replacen(from, to, 1)).expect_err(to).to_string()
}

fn cases() -> Vec<Scenario> {
    Scenario::read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"))
        .unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn a_scenario_is_named_after_its_file_and_draws_within_its_ranges() {
    let scenario = parse(SCENARIO).unwrap();
    assert_eq!(scenario.name, "zombie");
    let drawn: Vec<Schedule> = (0..200).map(|seed| scenario.draw(seed)).collect();
    let range = |of: &dyn Fn(&Schedule) -> usize| {
        let all: BTreeSet<usize> = drawn.iter().map(of).collect();
        all.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(range(&|schedule| schedule.cluster.workers.len()), [1, 2, 3]);
    assert_eq!(range(&|schedule| schedule.cluster.workers[0].slots as usize), [2]);
    assert_eq!(range(&|schedule| schedule.workload.inputs.len()), [1, 2]);
    assert_eq!(range(&|schedule| schedule.workload.reduces as usize), [1, 2, 3, 4]);
    assert_eq!(range(&|schedule| schedule.faults.len()), [1, 2]);
}

#[test]
fn a_seed_draws_the_same_schedule_twice_and_another_seed_another() {
    let scenario = parse(SCENARIO).unwrap();
    assert_eq!(scenario.draw(4711), scenario.draw(4711));
    assert_ne!(scenario.draw(4711).workload, scenario.draw(4712).workload);
}

#[test]
fn another_range_in_one_part_leaves_the_others_as_they_were() {
    let scenario = parse(SCENARIO).unwrap();
    let other = parse(&SCENARIO.replace("slots = 2", "slots = [3, 9]")).unwrap();
    let (one, other) = (scenario.draw(5), other.draw(5));
    assert_ne!(one.cluster, other.cluster);
    assert_eq!((one.workload, one.models, one.faults), (other.workload, other.models, other.faults));
    let more = format!(
        "{SCENARIO}\n[[faults]]\nwhen = {{ at = \"1s\" }}\nwhat = {{ pause = {{ node = \"w1\", duration = \"1s\" }} }}\n"
    );
    let (one, more) = (scenario.draw(5), parse(&more).unwrap().draw(5));
    assert_eq!(one.faults[..], more.faults[..one.faults.len()], "a group added at the end moves nothing");
}

#[test]
fn unknown_words_are_told_with_file_line_and_the_nearest_right_one() {
    for (from, to, problem) in [
        ("workers =", "wokers =", "here/zombie.toml:5: unknown field `wokers`"),
        ("apps =", "aps =", "here/zombie.toml:9: unknown field `aps`"),
        ("\"trail\"", "\"trial\"", "here/zombie.toml:9: unknown variant `trial`"),
        ("count =", "cuont =", "here/zombie.toml:14: unknown field `cuont`"),
        ("\"rename\"", "\"renmae\"", "here/zombie.toml:15: unknown variant `renmae`"),
        ("crash =", "crahs =", "here/zombie.toml:16: unknown variant `crahs`"),
        ("restart_after", "restarts_after", "here/zombie.toml:16: unexpected keys in table: restarts_after"),
    ] {
        let found = problem_of(from, to);
        let meant = format!("did you mean `{}`?", from.trim_end_matches(" =").trim_matches('"'));
        assert!(found.starts_with(problem) && found.ends_with(&meant), "{found}");
    }
    let found = problem_of("any worker", "any wroker");
    assert!(found.starts_with("here/zombie.toml:16: ") && found.ends_with("did you mean \"any worker\"?"), "{found}");
}

#[test]
fn wrong_ranges_and_nodes_that_are_not_there_are_told_with_their_line() {
    for (from, to, problem) in [
        ("[1, 3]", "[3, 1]", "here/zombie.toml:5: the range [low, high] ends before it starts"),
        ("[1, 3]", "0", "here/zombie.toml:5: `0` is not a whole number from 1"),
        ("\"1s\"", "\"soon\"", "here/zombie.toml:16: `soon` is not a duration"),
        ("any worker", "w2", "here/zombie.toml:16: some clusters of this scenario have no \"w2\""),
        ("any worker", "everybody", "here/zombie.toml:16: this kind of fault hits one node"),
        ("any worker", "coordinator", "here/zombie.toml:16: a coordinator that has died does not come back"),
        ("operations =", "node = \"every worker\", operations =", "here/zombie.toml:15: a fault waits for one node"),
        ("operations =", "node = \"everybody\", operations =", "here/zombie.toml:15: a fault waits for one node"),
        ("[\"trail\"]", "[]", "here/zombie.toml:9: `apps` names none"),
        ("[\"rename\"]", "[]", "here/zombie.toml:15: `operations` names none"),
        ("promise = \"b\"", "", "here/zombie.toml:1: missing field `promise`"),
    ] {
        let found = problem_of(from, to);
        assert!(found.starts_with(problem), "{found}");
    }
    let nowhen = SCENARIO.lines().map(|line| if line.starts_with("when") { "when = {}" } else { line });
    let found = parse(&nowhen.collect::<Vec<_>>().join("\n")).unwrap_err().to_string();
    assert!(found.starts_with("here/zombie.toml:15: a fault strikes `at` a time or `after` an operation"), "{found}");
}

#[test]
fn what_no_plan_could_have_is_told_with_its_line_and_what_is_allowed() {
    for (from, to, problem) in [
        ("[1, 3]", "[1, 20000]", "here/zombie.toml:5: a cluster has 1 to 10000 workers, not 20000"),
        ("slots = 2", "slots = [1, 20000]", "here/zombie.toml:6: a worker has 1 to 10000 slots, not 20000"),
        ("slots = 2", "task_timeout = [\"0s\", \"1s\"]", "here/zombie.toml:6: the task timeout is longer than nothing"),
        (
            "slots = 2",
            "late = { workers = 10000, after = \"1s\" }",
            "here/zombie.toml:6: a cluster has 1 to 10000 workers, not 10003",
        ),
        ("[1, 4]", "[1, 20000]", "here/zombie.toml:11: a job has 1 to 10000 reduces, not 20000"),
        ("[1, 2]\nreduces", "[1, 20000]\nreduces", "here/zombie.toml:10: a job has at most 10000 files, not 20000"),
        (
            "reduces = [1, 4]",
            "words = 1000000000000",
            "here/zombie.toml:11: the files of a job have at most 100000000 bytes in all, not 10000000000000, as 2 of \
             1000000000000 words can have",
        ),
        (
            "[1, 2]\nreduces",
            "10000\nlong_words = 0.1\nreduces",
            "here/zombie.toml:10: the files of a job have at most 100000000 bytes",
        ),
        (
            "reduces = [1, 4]",
            "vocabulary = 20000",
            "here/zombie.toml:11: there are 1 to 10000 different words, not 20000",
        ),
        ("count = [1, 2]", "count = [1, 20000]", "here/zombie.toml:14: a plan has at most 10000 faults, not 20000"),
    ] {
        let found = problem_of(from, to);
        assert!(found.starts_with(problem), "{found}");
    }
    let twice = SCENARIO.replacen("count = [1, 2]", "count = 2000", 1).replacen("any worker", "every worker", 1);
    let twice = parse(&twice.replacen("[1, 3]", "[1, 10]", 1)).unwrap_err().to_string();
    assert_eq!(twice, "here/zombie.toml:14: a plan has at most 10000 faults, not 20000", "ten times two thousand");
    let full = SCENARIO.replacen("count = [1, 2]", "count = 10000", 1);
    let uncounted = "[[faults]]\nwhat = { clock_jump = { node = \"w1\", forward = \"1s\" } }\nwhen = { at = \"1s\" }\n";
    let one_more = parse(&format!("{full}{uncounted}")).unwrap_err().to_string();
    assert_eq!(one_more, "here/zombie.toml:19: a plan has at most 10000 faults, not 10001");
}

/// Ranges from the least to the most that there can be; of workers, files, words and faults only to as many as are quickly written down.
const WIDEST: &str = r#"about = "a"
promise = "b"
[cluster]
workers = [1, 100]
slots = [1, 10000]
task_timeout = ["1ns", "36500days"]
max_failures = [1, 4294967295]
backup_tasks = 0.5
[cluster.late]
workers = [1, 100]
after = ["0s", "36500days"]
[workload]
files = [0, 20]
words = [0, 20]
vocabulary = [1, 10000]
long_words = 0.1
empty = 0.1
binary = 0.3
reduces = [1, 10000]
tight = 0.5
[workload.split]
share = 0.5
bytes = [1, 4294967295]
[workload.join]
share = 0.5
bytes = [1, 4294967295]
[workload.trouble]
phase = "map"
times = [1, 4294967295]
[models]
message = ["0s", "36500days"]
file_operation = ["0s", "36500days"]
compute_per_byte = ["0s", "36500days"]
compute_per_record = ["0s", "36500days"]
[[faults]]
count = [1, 20]
[faults.when]
at = ["0s", "36500days"]
[faults.when.after]
operations = ["send"]
nth = [1, 4294967295]
[faults.what.crash]
node = "every worker"
restart_after = ["0s", "36500days"]
[[faults]]
when.at = "0s"
[faults.what.lossy]
from = ["everybody"]
to = ["any worker", "w1"]
requests = [0, 1]
replies = [0, 1]
duration = ["0s", "36500days"]
[[faults]]
when.at = "0s"
[faults.what.delaying]
from = ["coordinator"]
to = []
extra = ["0s", "36500days"]
duration = ["0s", "36500days"]
[[faults]]
when.at = "0s"
[faults.what.slow_disk]
node = "any worker"
factor = [1, 1e9]
duration = ["0s", "36500days"]
[[faults]]
when.at = "0s"
[faults.what.clock_drift]
node = "coordinator"
parts_per_million = [-900000, 1000000000]
duration = ["0s", "36500days"]
[[faults]]
when.at = "0s"
[faults.what.clock_jump]
node = "w1"
forward = ["0s", "36500days"]
"#;

/// Writes down what each of these seeds draws, and reads it again.
fn check_plans(scenario: &Scenario, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let plan = PlanFile { about: scenario.about.clone(), breaks: None, schedule: scenario.draw(seed) };
        let read = PlanFile::parse(Path::new(&scenario.name), &plan.to_toml());
        assert_eq!(read.as_ref(), Ok(&plan), "{} {seed}", scenario.name);
    }
}

#[test]
fn what_is_drawn_from_the_widest_ranges_can_be_written_down_and_read_again() {
    check_plans(&parse(WIDEST).unwrap(), 0..50);
    // One end of all of them, and the other. Each has a line of its own; three keys have lists, which are no ranges.
    assert!(!WIDEST.contains('{'), "the ranges in an inline table would not be found");
    let is_range = |key: &str| !["operations", "from", "to"].contains(&key);
    let ends = |end: usize| {
        let line = |line: &str| match line.split_once(" = [").filter(|(key, _)| is_range(key)) {
            Some((key, ends)) => format!("{key} = {}\n", ends.trim_end_matches(']').split(", ").nth(end).unwrap()),
            None => format!("{line}\n"),
        };
        WIDEST.lines().map(line).collect::<String>()
    };
    for end in [0, 1] {
        check_plans(&parse(&ends(end)).unwrap(), 0..5);
    }
}

#[test]
fn a_file_or_folder_that_is_not_there_is_named() {
    for problem in [Scenario::read(Path::new("no/such.toml")).map(drop), Scenario::read_all(Path::new("no")).map(drop)]
    {
        let problem = problem.unwrap_err().to_string();
        assert!(problem.starts_with("no") && problem.contains("cannot be read"), "{problem}");
    }
}

#[test]
fn every_case_draws_schedules_that_can_be_written_down_and_read_again() {
    cases().iter().for_each(|scenario| check_plans(scenario, 0..100));
}

#[test]
fn the_scenario_of_everything_draws_every_kind_of_fault() {
    let scenarios = cases();
    let everything = scenarios.iter().find(|scenario| scenario.name == "everything").unwrap();
    let drawn: BTreeSet<_> =
        (0..500).flat_map(|seed| everything.draw(seed).faults).map(|fault| fault.what.name()).collect();
    let kinds = [
        "bit_rot",
        "clock_drift",
        "clock_jump",
        "crash",
        "delaying",
        "disk_error",
        "duplicating",
        "lossy",
        "partition",
        "pause",
        "power_loss",
        "short_write",
        "slow_compute",
        "slow_disk",
        "torn_write",
    ];
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), kinds);
}
