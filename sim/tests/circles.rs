//! Systems that go in circles: each run ends all the same, and says who does.

mod support;

use std::future::Future;
use std::time::Duration;

use sim::{Finished, Plan, Recording, Report, Seed, Settings, SimWorld, run};
use support::{ms, path, record, secs};
use world::{Address, Clock, File, FileSystem, Network, Work, World};

#[test]
fn a_run_that_goes_in_circles_ends_at_the_limit_of_events() {
    let settings = Settings { event_limit: 500, limit: secs(1_000_000), ..Settings::new(Seed(1)) };
    let report = run(&settings, &Plan::default(), &mut (), Recording::Nothing, |cluster| {
        cluster.node("quick", ms(0), |_| async {});
        cluster.node("w", ms(0), |world| async move {
            loop {
                world.note("again");
                world.clock().sleep(ms(1)).await;
            }
        });
    });
    let Finished::EventLimit { unfinished } = report.finished else { panic!("{:?}", report.finished) };
    assert_eq!(unfinished.iter().map(sim::Node::name).collect::<Vec<_>>(), ["w"]);
    assert_eq!(report.events, 501);
}

#[test]
fn a_task_that_spins_is_caught() {
    let (report, _) = record(1, &Plan::default(), |cluster| {
        cluster.node("w", ms(0), |_| {
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                std::task::Poll::Pending
            })
        });
    });
    assert!(matches!(report.finished, Finished::Spinning { node } if node.name() == "w"));
}

/// Runs `program` beside a node that has nothing to do with it.
fn spin<F: Future<Output = ()> + Send + 'static>(
    settings: &Settings,
    program: impl Fn(SimWorld) -> F + Send + Sync + 'static,
) -> Report {
    run(settings, &Plan::default(), &mut (), Recording::Nothing, |cluster| {
        cluster.node("other", ms(0), |world| async move {
            loop {
                world.clock().sleep(ms(1)).await;
            }
        });
        cluster.node("w", ms(0), program);
    })
}

fn assert_spins(report: &Report) {
    assert!(matches!(&report.finished, Finished::Spinning { node } if node.name() == "w"), "{:?}", report.finished);
}

#[test]
fn who_asks_for_ever_for_what_takes_no_time_is_caught() {
    let settings = Settings::new(Seed(1));
    let sleeps = |world: SimWorld| async move {
        loop {
            world.clock().sleep(Duration::ZERO).await;
        }
    };
    let computes = |world: SimWorld| async move {
        loop {
            world.charge(Work::default()).await;
        }
    };
    let listens = |world: SimWorld| async move {
        loop {
            drop(world.network().listen(&Address::new("w")).await);
        }
    };
    let appends = |world: SimWorld| async move {
        world.files().create(path("log")).await.unwrap();
        let mut read_only = world.files().open(path("log")).await.unwrap();
        loop {
            read_only.append(b"more").await.unwrap_err();
        }
    };
    assert_spins(&spin(&settings, sleeps));
    assert_spins(&spin(&settings, computes));
    assert_spins(&spin(&settings, listens));
    assert_spins(&spin(&settings, appends));
}

#[test]
fn who_asks_often_for_what_takes_no_time_has_it() {
    let (report, _) = record(1, &Plan::default(), |cluster| {
        cluster.node("w", ms(0), |world| async move {
            for _ in 0..900_000 {
                world.clock().sleep(Duration::ZERO).await;
            }
            world.clock().sleep(ms(1)).await;
            for _ in 0..900_000 {
                world.charge(Work::default()).await;
            }
        });
    });
    assert_eq!((report.finished, report.virtual_time), (Finished::AllNodesDone, ms(1)));
}

#[test]
fn who_sleeps_for_next_to_nothing_for_ever_is_caught() {
    let settings = Settings { event_limit: 500, limit: secs(1_000_000), ..Settings::new(Seed(1)) };
    let report = spin(&settings, |world| async move {
        loop {
            world.clock().sleep(Duration::from_micros(1)).await;
        }
    });
    assert_spins(&report);
    assert!(report.virtual_time < secs(2), "after some million turns: {:?}", report.virtual_time);
}
