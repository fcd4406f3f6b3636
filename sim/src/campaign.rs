//! Campaigns: many seeds on all cores, with results in the order of the seeds, whatever the number of threads.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use crate::sim_world::words_of;
use crate::turns::{Panic, lock};

/// Does `one` for every seed, on `jobs` threads (at least one), and hands each result to `each` in the order of `seeds`,
/// until `each` breaks. Results of seeds behind that one are dropped.
///
/// Every seed gets a thread of its own, because madsim can fix the order of standard hash maps only for a thread that has
/// made none yet: so `one` should make none of its own before [`run`](crate::run), and who replays a seed that depends on their order does
/// it with a campaign of that one seed.
///
/// # Panics
///
/// When `one` or `each` does. What `one` says in panic is passed on behind its seed.
pub fn campaign<T: Send>(
    seeds: impl Iterator<Item = u64> + Send,
    jobs: usize,
    one: impl Fn(u64) -> T + Sync,
    mut each: impl FnMut(u64, T) -> ControlFlow<()>,
) {
    let seeds = Mutex::new(seeds.enumerate());
    let stopped = AtomicBool::new(false);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (sender, seeds, one, stopped) = (sender.clone(), &seeds, &one, &stopped);
            scope.spawn(move || {
                let next = || lock(seeds).next().filter(|_| !stopped.load(Ordering::Relaxed));
                while let Some((index, seed)) = next() {
                    // What panics, or never ends, is then told by its seed.
                    let thread = thread::Builder::new().name(format!("seed {seed}"));
                    let result = thread::scope(|scope| {
                        let run = thread.spawn_scoped(scope, || one(seed)).expect("the system has room for a thread");
                        run.join()
                    });
                    if sender.send((index, seed, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let _stop = StopOnDrop(&stopped);
        let mut early = BTreeMap::new();
        let mut wanted = 0;
        for (index, seed, result) in results {
            early.insert(index, (seed, result));
            while let Some((seed, result)) = early.remove(&wanted) {
                wanted += 1;
                let result = result.unwrap_or_else(|panic| resume_unwind(with_seed(seed, panic)));
                if each(seed, result).is_break() {
                    return;
                }
            }
        }
    });
}

/// The panic of a seed, with the seed in front of its words: who catches it sees no name of a thread.
fn with_seed(seed: u64, panic: Panic) -> Panic {
    let has_words = panic.is::<&str>() || panic.is::<String>();
    if has_words { Box::new(format!("seed {seed}: {}", words_of(&panic))) } else { panic }
}

/// However the receiver leaves, nobody begins another seed.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Fault, FaultKind, Plan, Recording, Seed, Settings, Trigger, run};

    #[test]
    fn results_come_in_the_order_of_the_seeds() {
        for jobs in [0, 1, 3] {
            let mut seen = Vec::new();
            campaign(
                5..30,
                jobs,
                |seed| seed * 2,
                |seed, twice| {
                    seen.push((seed, twice));
                    ControlFlow::Continue(())
                },
            );
            assert_eq!(seen, (5..30).map(|seed| (seed, seed * 2)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_campaign_without_end_stops_when_asked_to() {
        let mut seen = 0;
        campaign(
            0..,
            2,
            |seed| seed,
            |seed, _| {
                seen += 1;
                if seed == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        assert_eq!(seen, 11);
    }

    #[test]
    #[should_panic(expected = "seed 3: not this one")]
    fn a_panic_of_one_seed_is_passed_on_and_names_the_seed() {
        campaign(0..10, 2, |seed| assert!(seed != 3, "not {} one", "this"), |_, ()| ControlFlow::Continue(()));
    }

    #[test]
    #[should_panic(expected = "seed 2: fault 0 of the plan names typo, which is no node of the cluster")]
    fn a_plan_that_makes_no_sense_is_told_by_its_seed() {
        let crash = |node: &str| FaultKind::Crash { node: node.into(), restart_after: None };
        let one = |seed| {
            let what = crash(if seed == 2 { "typo" } else { "w" });
            let plan = Plan { faults: vec![Fault { when: Trigger::At(Duration::ZERO), what }] };
            run(&Settings::new(Seed(seed)), &plan, &mut (), Recording::Nothing, |cluster| {
                cluster.node("w", Duration::ZERO, |_| async {});
            })
        };
        campaign(0..4, 2, one, |_, _| ControlFlow::Continue(()));
    }
}
