//! Snapshots of what people read: the plan and the timeline of a handful of canonical runs, and every kind of failure report. They change
//! when a schedule, a message, a file step or a wording changes, and then somebody should look: `cargo insta review`.

#[path = "../scenarios/tests/support/mod.rs"]
mod support;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use anstream::adapter::strip_str;
use insta::{assert_snapshot, with_settings};
use scenarios::story::{Part, Timeline};
use scenarios::{
    Broken, Campaign, Determinism, Failure, Folders, Judgement, Outcome, PlanFile, Recorded, Rehearsed, Scenario,
    Seeds, rehearse,
};

use support::{CRASH, POWER_LOSS, canonical, endless};

/// The plan of seed 1 and what happens in it.
fn told(scenario: &Scenario) -> String {
    let schedule = scenario.draw(1);
    let plan = PlanFile { about: scenario.about.clone(), breaks: None, schedule: schedule.clone() };
    let recorded = Recorded::run(&schedule, None).expect("the harness does not crash");
    let timeline = Timeline::new(&recorded.story, &Part::default()).to_string();
    format!("{}\n{}\n\n{}", plan.to_toml(), schedule.describe(), strip_str(&timeline))
}

fn check(name: &str, text: &str) {
    with_settings!({ snapshot_path => ".", prepend_module_to_snapshot => false, omit_expression => true }, {
        assert_snapshot!(name, text);
    });
}

#[test]
fn a_run_without_faults() {
    check("run_fault_free", &told(&canonical("Nothing goes wrong.", "")));
}

#[test]
fn a_worker_that_crashes_before_its_map_has_its_name() {
    check("run_crash", &told(&canonical("A worker crashes.", CRASH)));
}

#[test]
fn a_zombie_that_wakes_when_its_reduce_is_done_by_another() {
    let faults = r#"
[[faults]]
when = { after = { node = "w1", operations = ["append"], nth = 2 } }
what = { pause = { node = "w1", duration = "3s" } }
"#;
    check("run_zombie", &told(&canonical("A worker sleeps through its timeout.", faults)));
}

#[test]
fn a_worker_that_is_cut_off_for_a_while() {
    let faults = r#"
[[faults]]
when = { after = { node = "w1", operations = ["rename"], nth = 1 } }
what = { partition = { from = ["w1"], to = ["coordinator"], both_ways = 1.0, duration = "2s" } }
"#;
    check("run_partition", &told(&canonical("A worker is cut off.", faults)));
}

#[test]
fn a_power_loss_between_rename_and_sync() {
    check("run_power_loss", &told(&canonical("A machine loses power.", POWER_LOSS)));
}

/// Inputs that rot are covered by no promise: a failure of a system without a known bug.
const ROTTEN: &str = r#"
[[faults]]
when = { at = "0ms" }
what = { bit_rot = { node = "every worker", path_contains = "in/", stored = true, duration = "10s" } }
"#;

/// Seed 1 of `scenario`, as a campaign sees it.
fn rehearsed(scenario: Scenario) -> Rehearsed {
    let mut results = Vec::new();
    let campaign = Campaign {
        regressions: &[],
        scenarios: &[scenario],
        seeds: Seeds::range(1, 2),
        schedules: 1,
        time_box: None,
        interrupted: None,
        jobs: 1,
        determinism: Determinism::Sampled,
    };
    campaign.run(&rehearse, |rehearsed| {
        results.push(rehearsed);
        ControlFlow::Continue(())
    });
    results.remove(0)
}

/// The report of `rehearsed`, with what differs from checkout to checkout left out.
fn report(rehearsed: &Rehearsed, scenario: &Scenario) -> String {
    let time = Duration::from_secs(600);
    let failure =
        Failure::investigate(rehearsed, &scenario.draw(1), &Folders::default(), time, |_| ControlFlow::Continue(()));
    let failure = Failure { commit: "0123abc".into(), ..failure };
    let report = failure.report(Some(Path::new("mrsim-failures/canonical-1"))).to_string();
    let report = strip_str(&report).to_string();
    assert!(report.lines().count() <= 40, "{} lines:\n{report}", report.lines().count());
    report
}

#[test]
fn the_report_of_a_wrong_output() {
    let scenario = canonical("The inputs rot.", ROTTEN);
    check("report_safety", &report(&rehearsed(scenario.clone()), &scenario));
}

#[test]
fn the_report_of_a_job_that_does_not_end() {
    let scenario = endless("The app stumbles for ever.", "100ms");
    check("report_liveness", &report(&rehearsed(scenario.clone()), &scenario));
}

/// What a failure of `outcome` reports, in a run in which nothing goes wrong.
fn report_of(outcome: Outcome) -> String {
    let scenario = canonical("Nothing goes wrong.", "");
    let rehearsed = Rehearsed { outcome, ..rehearsed(scenario.clone()) };
    let failure = Failure::investigate(&rehearsed, &scenario.draw(1), &Folders::default(), Duration::ZERO, |_| {
        ControlFlow::Continue(())
    });
    strip_str(&Failure { commit: "0123abc".into(), ..failure }.report(None).to_string()).to_string()
}

#[test]
fn the_report_of_a_panic() {
    let what = "w1 panicked: index out of bounds: the len is 3 but the index is 7".to_owned();
    check(
        "report_panic",
        &report_of(Outcome::Broken(Broken { promise: "no_panic", judgement: Judgement::Panic, what })),
    );
}

#[test]
fn the_report_of_a_schedule_that_ran_in_two_ways() {
    let what = "two runs differ from event 2 on:\n  one run:\n    > 2 0.000100 w1 starts\n  the other:\n    > 2 0.000100 w2 starts";
    check("report_nondeterminism", &report_of(Outcome::Nondeterministic(what.to_owned())));
}

#[test]
fn the_report_of_a_harness_that_crashed() {
    check(
        "report_crash",
        &report_of(Outcome::HarnessCrashed("called `Option::unwrap()` on a `None` value".to_owned())),
    );
}
