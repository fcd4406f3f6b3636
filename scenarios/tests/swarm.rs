//! Drawn runs, with whatever goes wrong in them, against every promise.

use std::ops::ControlFlow;
use std::thread;

use scenarios::{draw, rehearse};
use sim::campaign;

/// The seeds that are always run. To run another: `SEED=4711 cargo test -p scenarios`; more: `SEEDS=100000`.
fn seeds() -> std::ops::Range<u64> {
    match std::env::var("SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..std::env::var("SEEDS").map_or(2000, |count| count.parse().expect("SEEDS is a number")),
    }
}

#[test]
fn no_drawn_run_breaks_a_promise() {
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let mut broken = Vec::new();
    campaign(
        seeds(),
        jobs,
        |seed| rehearse(seed, &draw(seed), false).broken,
        |seed, result| {
            broken.extend(result.map(|what| format!("seed {seed}: {what:?}")));
            ControlFlow::Continue(())
        },
    );
    assert!(broken.is_empty(), "{} runs broke a promise; repeat one with SEED=N\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn a_seed_repeats_itself_event_for_event() {
    for seed in 0..20 {
        let hashes = [(); 2].map(|()| thread::spawn(move || rehearse(seed, &draw(seed), false).report.history_hash));
        let [one, other] = hashes.map(|hash| hash.join().expect("a rehearsal does not panic"));
        assert_eq!(one, other, "seed {seed}");
    }
}
