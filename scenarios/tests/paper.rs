//! The paper's sort on a tenth of its cluster and smaller ones: that backups pay, that killing costs little, and that work grows with the
//! cluster and no faster.

use std::time::Duration;

use scenarios::paper::{Flow, Sort, Sorted};

fn small() -> Sort {
    Sort::of_the_paper().scaled_down(20)
}

#[test]
fn a_straggler_costs_much_without_backups_and_killed_workers_cost_little() {
    let normal = small().run(1);
    let without = small().without_backups().run(1);
    let killed = small().with_killed(10).run(1);
    let ratio = |took: Duration| took.as_secs_f64() / normal.took.as_secs_f64();
    assert!(ratio(without.took) > 1.2, "one machine in 87 is slow, and everybody waits for it: {:?}", without.took);
    assert!((0.95..1.1).contains(&ratio(killed.took)), "{:?} and {:?}", killed.took, normal.took);
    assert!((1..=3).contains(&normal.progress.backups), "{}", normal.progress.backups);
    assert_eq!((without.progress.backups, without.progress.retries), (0, 0));
    assert!(killed.progress.retries >= 9, "what the killed were at is done again: {}", killed.progress.retries);
    let read = |sorted: &Sorted| sorted.bytes_of(Flow::Input).iter().sum::<u64>();
    let again = read(&killed) as f64 / read(&normal) as f64;
    assert!(
        (1.05..1.2).contains(&again),
        "one machine in nine has lost what it mapped: {again:.2} times the input is read"
    );
}

#[test]
fn a_straggler_whose_backup_is_killed_gets_another() {
    // On this cluster the backup, given after 634 s, runs on a worker that is killed.
    let sort = Sort::of_the_paper().scaled_down(10);
    let without = sort.clone().without_backups().run(1);
    let mut late = sort.with_killed(20);
    late.rates.killed_at = Duration::from_secs(650);
    let late = late.run(1);
    assert_eq!(late.progress.backups, 2);
    assert!(late.took.as_secs_f64() < 0.9 * without.took.as_secs_f64(), "{:?} and {:?}", late.took, without.took);
}

#[test]
fn every_byte_is_moved_and_little_is_moved_twice() {
    let normal = small().run(2);
    let moved = |flow| normal.bytes_of(flow).iter().sum::<u64>() as f64 / 1e9;
    for (flow, gigabytes) in [(Flow::Input, 50.25), (Flow::Shuffle, 50.0), (Flow::Output, 50.0)] {
        assert!((0.99..1.05).contains(&(moved(flow) / gigabytes)), "{flow:?}: {} GB", moved(flow));
    }
}

#[test]
fn a_sort_is_a_function_of_its_seed() {
    let smaller = || Sort::of_the_paper().scaled_down(100);
    assert_eq!(smaller().run(3), smaller().run(3));
    assert_ne!(smaller().run(3).bytes, smaller().run(4).bytes);
}

#[test]
fn events_grow_with_the_cluster_and_neither_faster_nor_slower() {
    let events_per_task = |divisor: usize| {
        let sort = Sort::of_the_paper().scaled_down(divisor);
        sort.run(1).events as f64 / (sort.maps + sort.reduces as usize) as f64
    };
    let (small, large) = (events_per_task(80), events_per_task(10));
    let ratio = large / small;
    assert!(
        (0.9..1.1).contains(&ratio),
        "{small:.0} events a task on a small cluster, {large:.0} on one eight times as large"
    );
}
