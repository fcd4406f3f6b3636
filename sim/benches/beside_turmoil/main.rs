//! The same job of `mr-core`, without faults, in `sim` and on turmoil: how much does a run cost in each?
//!
//! In `sim` every step on files and every message takes time and is hashed. Turmoil is measured twice: with files whose steps take time
//! as well, which there is a tick of a millisecond at least; and with files that take none, so that there is next to nothing to simulate.
//! Computing takes no time on turmoil, and messages take up to a tick.

mod job;
mod turmoil_world;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

use job::Size;

fn beside_turmoil(criterion: &mut Criterion) {
    for (name, size) in
        [("3 workers, 8 maps, 10 reduces", Size::SMALL), ("50 workers, 400 maps, 20 reduces", Size::LARGE)]
    {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        let mut seed = 0;
        group.bench_function("sim", |bencher| {
            bencher.iter(|| {
                seed += 1;
                job::in_sim(size, seed);
            });
        });
        for (name, step) in
            [("turmoil, files take time", Duration::from_micros(60)), ("turmoil, files take none", Duration::ZERO)]
        {
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    seed += 1;
                    job::on_turmoil(size, seed, step);
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, beside_turmoil);
criterion_main!(benches);
