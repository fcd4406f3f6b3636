//! Memory stays flat: what a run allocates it gives back, however it ends. Alone in its file, because the figure is that of
//! the whole process.

mod support;

use sim::{FaultKind, Finished, Plan, Recording, Seed, Settings, run};
use support::{at, ms, plan, secs, small_system};
use world::{Clock, World};

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4
}

#[test]
fn three_thousand_runs_leave_no_memory_behind() {
    let crash = plan([at(ms(12), FaultKind::Crash { node: "one".into(), restart_after: Some(ms(5)) })]);
    let one = |seed: u64| {
        let mut settings = Settings::new(Seed(seed));
        settings.limit = secs(3);
        match seed % 3 {
            0 => run(&settings, &Plan::default(), &mut (), Recording::Nothing, small_system),
            1 => run(&settings, &crash, &mut (), Recording::Nothing, small_system),
            _ => run(&settings, &Plan::default(), &mut (), Recording::Nothing, |cluster| {
                small_system(cluster);
                cluster.node("forever", ms(0), |world| async move {
                    let kept = (world.clone(), vec![0_u8; 20_000]);
                    world.spawn(async move {
                        kept.0.clock().sleep(secs(1000)).await;
                        drop(kept);
                    });
                    std::future::pending::<()>().await;
                });
            }),
        }
    };
    for seed in 0..300 {
        one(seed);
    }
    let before = resident();
    let mut ends = [0; 2];
    for seed in 0..3000 {
        let finished = one(seed).finished;
        ends[usize::from(finished == Finished::AllNodesDone)] += 1;
    }
    let grown = resident().saturating_sub(before);
    println!("{before} KiB before, {grown} KiB more after 3,000 runs");
    assert!(grown < 1024, "{grown} KiB more after 3,000 runs");
    assert!(ends.iter().all(|count| *count >= 900), "runs end in both ways: {ends:?}");
}
