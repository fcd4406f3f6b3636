//! Campaigns: many seeds on all cores, with results in the order of the seeds, whatever the number of threads.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use crate::turns::lock;

/// Does `one` for every seed, on `jobs` threads (at least one), and hands each result to `each` in the order of `seeds`,
/// until `each` breaks. Results of seeds behind that one are dropped.
///
/// Every seed gets a thread of its own, because madsim can fix the order of standard hash maps only for a thread that has
/// made none yet: so `one` should make none of its own before [`run`](crate::run), and who replays a seed that depends on their order does
/// it with a campaign of that one seed.
///
/// # Panics
///
/// When `one` or `each` does.
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
                let result = result.unwrap_or_else(|panic| resume_unwind(panic));
                if each(seed, result).is_break() {
                    return;
                }
            }
        }
    });
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
    use super::*;

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
    #[should_panic(expected = "seed 3")]
    fn a_panic_of_one_seed_is_passed_on() {
        campaign(0..10, 2, |seed| assert_ne!(seed, 3, "seed 3"), |_, ()| ControlFlow::Continue(()));
    }
}
