//! Shrinking with promises that are made up, and with one that is really broken.

use std::collections::BTreeMap;
use std::path::Path;

use sim::{FaultKind, Finished, Node, Recording, Report};

use super::*;
use crate::coverage::Grid;
use crate::evidence::Evidence;
use crate::invariants::{Broken, Judgement};
use crate::rehearsal::Rehearsal;
use crate::scenario::Scenario;
use crate::{PlanFile, rehearse};

fn case(name: &str) -> Scenario {
    Scenario::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("cases/{name}.toml"))).unwrap()
}

fn everything(seed: u64) -> Schedule {
    case("everything").draw(seed)
}

/// A rehearsal that did not happen.
fn made_up(promise: Option<&'static str>) -> Rehearsal {
    ended(Finished::AllNodesDone, promise)
}

/// A rehearsal that did not happen, and how it ended.
fn ended(finished: Finished, promise: Option<&'static str>) -> Rehearsal {
    let report = Report {
        finished,
        virtual_time: Duration::ZERO,
        healed_at: Duration::ZERO,
        events: 0,
        history_hash: 0,
        faults_by_kind: BTreeMap::new(),
        marks: BTreeMap::new(),
        nodes: Vec::new(),
        dead: Vec::new(),
        history: None,
        log: Vec::new(),
    };
    let broken = promise.map(|promise| Broken { promise, judgement: Judgement::Safety, what: String::new() });
    Rehearsal {
        broken,
        nobody_left: None,
        outputs: None,
        report,
        evidence: Evidence::default(),
        coverage: Grid::default(),
    }
}

const LONG: Duration = Duration::from_secs(60);

fn go_on(_: Shrinking) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn what_does_not_matter_goes_and_what_does_stays() {
    let schedule = (0..).map(everything).find(|schedule| {
        let pause =
            schedule.faults.iter().any(|fault| matches!(&fault.what, FaultKind::Pause { node, .. } if node == "w2"));
        pause && schedule.faults.len() > 3 && schedule.cluster.workers.len() > 2 && schedule.workload.inputs.len() > 2
    });
    // It takes a pause of a worker of at least 5 ms, and an input with two words.
    let rehearse = |schedule: &Schedule, _| {
        let long =
            |fault: &sim::Fault| matches!(fault.what, FaultKind::Pause { duration, .. } if duration.as_millis() >= 5);
        let words = schedule.workload.inputs.iter().any(|input| input.0.split(|byte| *byte == b' ').count() >= 2);
        made_up((schedule.faults.iter().any(long) && words).then_some("made_up"))
    };
    let shrunk = shrink(&schedule.unwrap(), "made_up", LONG, &rehearse, go_on);
    let smallest = &shrunk.schedule;
    assert!(shrunk.complete);
    assert_eq!((smallest.faults.len(), smallest.cluster.workers.len(), smallest.workload.reduces), (1, 1, 1));
    assert_eq!((smallest.workload.inputs.len(), smallest.workload.split_size), (1, None));
    assert!(smallest.faults[0].what.extent() < Duration::from_millis(10), "{smallest:?}");
    assert_eq!(smallest.models, Default::default());
    let plan = PlanFile { about: "a".into(), breaks: None, schedule: smallest.clone() };
    assert_eq!(
        PlanFile::parse(Path::new("plan.toml"), &plan.to_toml()),
        Ok(plan),
        "its faults name nodes that are there"
    );
}

#[test]
fn a_smaller_schedule_that_breaks_another_promise_is_not_taken() {
    let schedule = (0..).map(everything).find(|schedule| schedule.faults.len() == 4).unwrap();
    let rehearse = |schedule: &Schedule, _| made_up(Some(if schedule.faults.len() < 3 { "other" } else { "this" }));
    let shrunk = shrink(&schedule, "this", LONG, &rehearse, go_on);
    assert_eq!(shrunk.schedule.faults.len(), 3);
}

/// How many of four faults are left of a schedule that breaks `promise` whatever is taken away, and ends as `ends` says for so many.
fn faults_left(ends: impl Fn(usize) -> Finished + Sync, promise: &'static str) -> usize {
    let schedule = (0..).map(everything).find(|schedule| schedule.faults.len() == 4).unwrap();
    let rehearse = |schedule: &Schedule, _| ended(ends(schedule.faults.len()), Some(promise));
    shrink(&schedule, promise, LONG, &rehearse, go_on).schedule.faults.len()
}

#[test]
fn a_job_that_goes_in_circles_is_not_shrunk_to_one_that_waits() {
    let ends = |faults| match faults {
        2.. => Finished::EventLimit { unfinished: Vec::new() },
        1 => Finished::Spinning { node: Node::new(1, "w1") },
        _ => Finished::TimeLimit { unfinished: Vec::new() },
    };
    assert_eq!(faults_left(ends, "finishes"), 2);
}

#[test]
fn a_panic_is_the_same_on_another_node_and_at_other_numbers_and_not_in_other_words() {
    let panic =
        |node: usize, message: String| Finished::Panicked { node: Node::new(node, &format!("w{node}")), message };
    let ends = |faults| match faults {
        2.. => panic(faults, format!("the len is {faults} but the index is 7")),
        _ => panic(1, "no more slots".into()),
    };
    assert_eq!(faults_left(ends, "no_panic"), 2);
}

#[test]
fn a_worker_that_is_taken_out_takes_its_slowness_with_it() {
    let mut schedule = (0..).map(everything).find(|schedule| schedule.cluster.workers.len() == 3).unwrap();
    schedule.models.compute.slowness = [("w1".into(), 2.0), ("w3".into(), 3.0)].into();
    let left: Vec<BTreeMap<String, f64>> =
        cluster::fewer_workers(&schedule).into_iter().map(|smaller| smaller.models.compute.slowness).collect();
    let all = |left: &[(&str, f64)]| left.iter().map(|(name, slowness)| ((*name).to_owned(), *slowness)).collect();
    assert_eq!(left, [all(&[("w1", 2.0)]), all(&[("w1", 2.0), ("w2", 3.0)]), all(&[("w2", 3.0)])]);
}

#[test]
fn shrinking_stops_when_its_time_is_up() {
    let rehearse = |_: &Schedule, _| made_up(None);
    let shrunk = shrink(&everything(1), "this", Duration::ZERO, &rehearse, go_on);
    assert_eq!((shrunk.complete, shrunk.shrinking.tried, shrunk.schedule), (false, 0, everything(1)));
}

#[test]
fn whoever_watches_can_end_it() {
    let rehearse = |_: &Schedule, _| made_up(Some("this"));
    let enough =
        |shrinking: Shrinking| if shrinking.tried < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let shrunk = shrink(&everything(1), "this", LONG, &rehearse, enough);
    assert_eq!((shrunk.complete, shrunk.shrinking.tried), (false, 3));
    assert!(shrunk.schedule != everything(1), "what it came to by then is kept");
}

#[test]
fn a_job_whose_input_rots_shrinks_to_one_file_and_one_worker() {
    let text = r#"
about = "a"
promise = "b"
[workload]
apps = ["trail"]
files = [2, 4]
words = [20, 40]
[[faults]]
when = { at = "0ms" }
what = { bit_rot = { node = "every worker", path_contains = "in/", stored = true, duration = "10s" } }
[[faults]]
count = 3
when = { at = ["0ms", "100ms"] }
what = { pause = { node = "any worker", duration = ["10ms", "1s"] } }
"#;
    let scenario = Scenario::parse(Path::new("rotten.toml"), text).unwrap();
    let broken = |schedule: &Schedule| rehearse(schedule, Recording::Nothing).broken.map(|broken| broken.promise);
    let schedule = (0..).map(|seed| scenario.draw(seed)).find(|schedule| broken(schedule) == Some("outputs")).unwrap();
    let mut steps = 0;
    let shrunk = shrink(&schedule, "outputs", LONG, &rehearse, |_| {
        steps += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(broken(&shrunk.schedule), Some("outputs"));
    let smallest = shrunk.schedule;
    assert_eq!((smallest.faults.len(), smallest.cluster.workers.len(), smallest.workload.inputs.len()), (1, 1, 1));
    assert_eq!(steps, shrunk.shrinking.tried);
}

/// As the code would behave if it never gave a dead worker's tasks to another: a real run, which hangs as soon as one has died.
fn dead_worker_is_waited_for(schedule: &Schedule, recording: Recording) -> Rehearsal {
    let mut rehearsal = rehearse(schedule, recording);
    if !rehearsal.report.dead.is_empty() && rehearsal.nobody_left.is_none() {
        rehearsal.broken = Some(Broken { promise: "finishes", judgement: Judgement::Liveness, what: String::new() });
    }
    rehearsal
}

#[test]
fn a_job_that_hangs_shrinks_to_one_in_which_somebody_is_left_to_work() {
    let bug = |schedule: &Schedule| dead_worker_is_waited_for(schedule, Recording::Nothing);
    let scenario = case("worker_crash");
    for schedule in (0..).map(|seed| scenario.draw(seed)).filter(|schedule| bug(schedule).broken.is_some()).take(5) {
        let shrunk = shrink(&schedule, "finishes", LONG, &dead_worker_is_waited_for, go_on);
        let smallest = shrunk.schedule;
        assert_eq!((smallest.faults.len(), smallest.cluster.workers.len()), (1, 2), "one to die and one to work");
        assert_eq!(bug(&smallest).report.dead.len(), 1);
    }
}
