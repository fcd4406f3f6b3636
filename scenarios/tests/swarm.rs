//! Drawn runs, with whatever goes wrong in them, against every promise.

use std::ops::{ControlFlow, Range};
use std::thread;

use scenarios::{draw, rehearse};
use sim::campaign;

/// How many schedules are rehearsed when nobody asks for others.
const DEFAULT_SCHEDULES: u64 = 2000;

/// The seeds to run, by madsim's variables: `MADSIM_TEST_SEED`, the first one, and `MADSIM_TEST_NUM`, how many. With a seed and
/// no number it is that one alone.
fn seeds() -> Range<u64> {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} must be a number, not `{text}`")))
    };
    let (first, count) = (number("MADSIM_TEST_SEED"), number("MADSIM_TEST_NUM"));
    let default = if first.is_some() { 1 } else { DEFAULT_SCHEDULES };
    let first = first.unwrap_or(0);
    first..first.saturating_add(count.unwrap_or(default))
}

fn jobs() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[test]
fn no_drawn_run_breaks_a_promise() {
    let mut broken = Vec::new();
    campaign(
        seeds(),
        jobs(),
        |seed| rehearse(seed, &draw(seed), false).broken,
        |seed, result| {
            broken.extend(result.map(|what| format!("seed {seed}: {what:?}")));
            ControlFlow::Continue(())
        },
    );
    let repeat = "MADSIM_TEST_SEED=<seed> cargo test -p scenarios no_drawn_run";
    assert!(broken.is_empty(), "{} runs broke a promise; to repeat one: {repeat}\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn a_seed_repeats_itself_event_for_event() {
    let mut hashes = [Vec::new(), Vec::new()];
    for (hashes, jobs) in hashes.iter_mut().zip([1, 2]) {
        campaign(
            0..50,
            jobs,
            |seed| rehearse(seed, &draw(seed), false).report.history_hash,
            |_, hash| {
                hashes.push(hash);
                ControlFlow::Continue(())
            },
        );
    }
    assert_eq!(hashes[0], hashes[1]);
}
