//! Properties over schedules that proptest makes. One that breaks a promise is shrunk and lands in `scenarios/regressions` as a
//! plan file, which every later run begins with.
//!
//! The cases are the same ones every time, so that a change that breaks one is known to have done it. `PROPTEST_RNG_SEED` takes
//! others and `PROPTEST_CASES` more of them.

mod strategies;

use std::path::{Path, PathBuf};
use std::thread;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use scenarios::{PlanFile, Rehearsal, Schedule, rehearse};
use sim::{FaultKind, Recording};
use strategies::schedules;

/// How long, in milliseconds, a failing case may be shrunk.
const SHRINK_FOR: u32 = 20_000;

fn runner(cases: u32) -> TestRunner {
    let given = Config::default();
    let asked_for = std::env::var_os("PROPTEST_CASES").map(|_| given.cases);
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0x6d72),
        fixed => fixed,
    };
    TestRunner::new(Config {
        cases: asked_for.unwrap_or(cases),
        rng_seed,
        failure_persistence: None,
        max_shrink_time: SHRINK_FOR,
        max_shrink_iters: u32::MAX,
        ..given
    })
}

/// A run has a thread to itself.
fn rehearse_alone(schedule: &Schedule) -> Rehearsal {
    thread::scope(|scope| scope.spawn(|| rehearse(schedule, Recording::Nothing)).join())
        .expect("the harness does not panic")
}

fn keeps_its_promises(schedule: &Schedule) -> Result<(), String> {
    rehearse_alone(schedule).broken.map_or(Ok(()), |broken| Err(broken.to_string()))
}

/// Tries `holds` on many schedules. The smallest one found on which it does not is written to `directory`.
fn find(
    cases: u32,
    directory: &Path,
    holds: impl Fn(&Schedule) -> Result<(), String>,
) -> Result<(), Box<(PathBuf, PlanFile)>> {
    let result = runner(cases).run(&schedules(), |schedule| holds(&schedule).map_err(TestCaseError::fail));
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Abort(reason)) => panic!("proptest gave up: {reason}"),
        Err(TestError::Fail(_, schedule)) => {
            let broken = holds(&schedule).expect_err("proptest says that it does not hold");
            let file = PlanFile { about: format!("Found by proptest. It broke {broken}"), breaks: None, schedule };
            let path = directory.join(format!("found-{:016x}.toml", file.schedule.seed));
            std::fs::write(&path, file.to_toml()).expect("the folder can be written to");
            Err(Box::new((path, file)))
        }
    }
}

#[test]
fn no_schedule_breaks_a_promise() {
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    if let Err(found) = find(1500, &regressions, keeps_its_promises) {
        let (path, file) = *found;
        panic!("{}\nto repeat it: cargo mrsim replay --plan {}\n\n{}", file.about, path.display(), file.to_toml());
    }
}

#[test]
fn the_same_schedule_runs_the_same_way_twice() {
    let result = runner(200).run(&schedules(), |schedule| {
        let [one, other] = [(); 2].map(|()| rehearse_alone(&schedule).report);
        proptest::prop_assert_eq!(one, other);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_failing_schedule_shrinks_to_what_it_takes_and_lands_in_a_plan_file() {
    // Broken by any plan with a power loss beside a workload of two inputs: the rest is to be shrunk away.
    let holds = |schedule: &Schedule| {
        let power_loss = schedule.faults.iter().any(|fault| matches!(fault.what, FaultKind::PowerLoss { .. }));
        if power_loss && schedule.workload.inputs.len() >= 2 { Err("a rule made up".to_owned()) } else { Ok(()) }
    };
    let directory = tempfile::tempdir().unwrap();
    let (path, file) = *find(1000, directory.path(), holds).expect_err("some plan has a power loss");
    assert_eq!(PlanFile::read(&path).unwrap(), file, "it reads back as it was written");
    let smallest = file.schedule;
    let sizes = (smallest.faults.len(), smallest.cluster.workers.len(), smallest.workload.reduces);
    assert_eq!(sizes, (1, 1, 1), "{smallest:?}");
    assert_eq!(smallest.workload.inputs.iter().map(|input| input.0.len()).collect::<Vec<_>>(), [0, 0]);
}
