//! The campaign's own promises, held with rehearsals that are made up.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use sim::{Finished, Report};

use super::*;
use crate::coverage::Grid;
use crate::evidence::Evidence;
use crate::invariants::{Broken, Judgement};

fn scenarios() -> Vec<Scenario> {
    let text = "about = \"a\"\npromise = \"b\"";
    ["one.toml", "two.toml"].map(|name| Scenario::parse(Path::new(name), text).unwrap()).to_vec()
}

fn campaign(scenarios: &[Scenario], jobs: usize) -> Campaign<'_> {
    Campaign {
        regressions: &[],
        scenarios,
        seeds: Seeds::starting_at(0),
        schedules: 200,
        time_box: None,
        interrupted: None,
        jobs,
        determinism: Determinism::Sampled,
    }
}

/// A rehearsal that did not happen.
fn made_up(history_hash: u64, broken: Option<Broken>) -> Rehearsal {
    let report = Report {
        finished: Finished::AllNodesDone,
        virtual_time: Duration::from_secs(1),
        healed_at: Duration::ZERO,
        events: 7,
        history_hash,
        faults_by_kind: BTreeMap::new(),
        marks: BTreeMap::new(),
        nodes: Vec::new(),
        dead: Vec::new(),
        history: Some(Vec::new()),
        log: Vec::new(),
    };
    Rehearsal {
        broken,
        nobody_left: None,
        outputs: Some(1),
        report,
        evidence: Evidence::default(),
        coverage: Grid::default(),
    }
}

fn results(campaign: &Campaign<'_>, rehearse: Rehearse<'_>) -> Vec<Rehearsed> {
    let mut results = Vec::new();
    campaign.run(rehearse, |rehearsed| {
        results.push(rehearsed);
        ControlFlow::Continue(())
    });
    results
}

#[test]
fn scenarios_take_turns_and_results_come_in_order_however_many_jobs() {
    let scenarios = scenarios();
    let rehearse = |schedule: &Schedule, _| made_up(schedule.seed, None);
    let one = results(&campaign(&scenarios, 1), &rehearse);
    let seen: Vec<_> = one.iter().take(4).map(|result| (result.name.as_str(), result.seed)).collect();
    assert_eq!(seen, [("one", 0), ("two", 0), ("one", 1), ("two", 1)]);
    assert_eq!(one.len(), 200);
    assert_eq!(one, results(&campaign(&scenarios, 3), &rehearse));
}

#[test]
fn a_run_that_differs_the_second_time_is_caught_among_the_sampled() {
    let scenarios = scenarios();
    let runs = AtomicU64::new(0);
    let rehearse = |_: &Schedule, _| made_up(runs.fetch_add(1, Ordering::Relaxed), None);
    let results = results(&campaign(&scenarios, 2), &rehearse);
    let caught: Vec<_> = results.iter().filter(|result| !result.passed()).collect();
    assert_eq!(caught.len(), 200 / 50);
    assert!(caught.iter().all(|result| result.outcome.judgement() == "nondeterminism"));
    assert!(caught[0].outcome.what().contains("two runs differed"), "{:?}", caught[0]);
    assert_ne!(caught[0].name, caught[1].name, "the sample goes round");
}

#[test]
fn a_crash_of_the_harness_is_told_with_its_seed_and_the_campaign_goes_on() {
    let scenarios = scenarios();
    let rehearse = |schedule: &Schedule, _| {
        assert_ne!(schedule.seed, 3, "made up");
        made_up(0, None)
    };
    let results = results(&campaign(&scenarios, 2), &rehearse);
    let crashed: Vec<_> = results.iter().filter(|result| !result.passed()).collect();
    assert_eq!(results.len(), 200);
    assert_eq!(crashed.iter().map(|result| result.seed).collect::<Vec<_>>(), [3, 3]);
    assert!(crashed[0].outcome.what().contains("made up"));
    assert_eq!(crashed[0].outcome.judgement(), "crash");
}

#[test]
fn a_broken_promise_can_end_a_campaign() {
    let scenarios = scenarios();
    let broken = |seed| Broken { promise: "p", judgement: Judgement::Safety, what: format!("in {seed}") };
    let rehearse = |schedule: &Schedule, _| made_up(0, (schedule.seed >= 5).then(|| broken(schedule.seed)));
    let mut seen = 0;
    campaign(&scenarios, 2).run(&rehearse, |rehearsed| {
        seen += 1;
        if rehearsed.passed() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!(seen, 11);
}

#[test]
fn runs_of_one_workload_whose_outputs_differ_are_caught() {
    let scenarios = scenarios();
    let runs = AtomicU64::new(0);
    // Both scenarios draw the same workload from the same seed.
    let rehearse =
        |_: &Schedule, _| Rehearsal { outputs: Some(runs.fetch_add(1, Ordering::Relaxed)), ..made_up(0, None) };
    let results = results(&campaign(&scenarios, 1), &rehearse);
    assert!(results[0].passed());
    assert_eq!(results[1].outcome.promise(), Some("agreement"));
    assert!(results[1].outcome.what().contains("one, seed 0"), "{:?}", results[1]);
}
