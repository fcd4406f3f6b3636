//! A run is a pure function of settings, plan and system, and chance is addressed.

mod support;

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::time::Duration;

use sim::{
    DiskView, Event, FaultKind, Finished, Message, Observer, Part, Plan, Recording, Report, Seed, Settings, campaign,
    first_difference, run, run_twice,
};
use support::{at, ms, picked, plan, record, secs, small_system, write};
use world::{Clock, World};

fn rough() -> Plan {
    let all = Vec::new;
    plan([
        at(ms(11), FaultKind::Crash { node: "one".into(), restart_after: Some(ms(30)) }),
        at(ms(5), FaultKind::Lossy { from: all(), to: all(), requests: 0.2, replies: 0.2, duration: secs(1) }),
        at(ms(5), FaultKind::Delaying { from: all(), to: all(), extra: ms(30), duration: secs(1) }),
        at(ms(60), FaultKind::PowerLoss { node: "two".into(), restart_after: Some(ms(10)) }),
        at(ms(20), FaultKind::Pause { node: "server".into(), duration: ms(100) }),
    ])
}

#[test]
fn the_same_run_twice_is_the_same_history() {
    for seed in 0..30 {
        let (one, first) = record(seed, &rough(), small_system);
        let (other, second) = record(seed, &rough(), small_system);
        assert_eq!(first_difference(&first, &second), None);
        assert_eq!(one, other);
        assert_eq!(one.events, first.len() as u64);
        assert!(one.faults_by_kind.len() >= 3, "{:?}", one.faults_by_kind);
    }
}

#[test]
fn two_runs_that_part_are_told_where() {
    use std::sync::atomic::{AtomicU32, Ordering};
    assert_eq!(run_twice(|_| record_report(1, &rough())), None);
    let count = AtomicU32::new(0);
    let parted = run_twice(|recording| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        run(&Settings::new(Seed(1)), &Plan::default(), &mut (), recording, |cluster| {
            cluster.node("w", ms(0), move |world| async move { world.note(number) });
        })
    });
    let parted = parted.expect("a counter that two runs share tells them apart");
    assert_eq!(parted.difference.index, 1);
    assert_eq!(
        parted.to_string(),
        "two runs differ from event 1 on:\n  one run:\n         0     0.000000 w: started\n  >      1     0.000000 w: 0\n         \
         2     0.000000 w: finished\n  the other:\n         0     0.000000 w: started\n  >      1     0.000000 w: 1\n         2     \
         0.000000 w: finished\n"
    );
}

fn record_report(seed: u64, plan: &Plan) -> Report {
    run(&Settings::new(Seed(seed)), plan, &mut (), Recording::History, small_system)
}

#[test]
fn another_seed_is_another_history() {
    let (one, first) = record(1, &Plan::default(), small_system);
    let (other, second) = record(2, &Plan::default(), small_system);
    assert_eq!((&one.finished, &other.finished), (&Finished::AllNodesDone, &Finished::AllNodesDone));
    assert_ne!(one.history_hash, other.history_hash);
    assert!(first_difference(&first, &second).is_some());
}

#[test]
fn bytes_that_differ_make_another_history() {
    let hash = |bytes: &'static [u8]| {
        let (report, _) = record(1, &Plan::default(), |cluster| {
            cluster.node("w", ms(0), move |world| async move { write(&world, "file", bytes, true, true).await });
        });
        report.history_hash
    };
    assert_eq!(hash(b"bytes"), hash(b"bytes"));
    assert_ne!(hash(b"bytes"), hash(b"bites"));
}

#[test]
fn what_ran_before_on_a_thread_decides_nothing() {
    // Another thread, with other random state, and another run behind it.
    let here = record(3, &rough(), small_system).0.history_hash;
    let there = std::thread::spawn(|| {
        record(99, &rough(), small_system);
        record(3, &rough(), small_system).0.history_hash
    });
    assert_eq!(here, there.join().unwrap());
}

/// When the messages between `one` and the server arrive.
fn deliveries(seed: u64, plan: &Plan) -> Vec<(std::time::Duration, Part)> {
    let of_one = |message: &Message| message.from.name() == "one" || message.to.name() == "one";
    let (_, history) = record(seed, plan, small_system);
    picked(&history, |at, event| match event {
        Event::MessageDelivered(message) if of_one(message) => Some((at, message.part)),
        _ => None,
    })
}

#[test]
fn a_fault_taken_out_of_a_plan_moves_nothing_that_it_did_not_touch() {
    let lossy = |who: &str| {
        let (from, to) = (vec![who.to_owned()], vec!["server".to_owned()]);
        at(ms(0), FaultKind::Lossy { from, to, requests: 0.5, replies: 0.0, duration: secs(5) })
    };
    let slow = at(ms(0), FaultKind::SlowDisk { node: "two".into(), factor: 30.0, duration: secs(5) });
    let mut lost = 0;
    for seed in 0..20 {
        let kept = deliveries(seed, &plan([lossy("one")]));
        assert_eq!(kept, deliveries(seed, &plan([lossy("two"), slow.clone(), lossy("one")])));
        lost += usize::from(kept != deliveries(seed, &plan([lossy("two"), slow.clone()])));
    }
    assert!(lost > 10, "the fault that stays does something");
}

#[test]
fn a_campaign_has_the_same_results_on_any_number_of_threads() {
    let hashes = |jobs| {
        let mut hashes = Vec::new();
        let one =
            |seed| run(&Settings::new(Seed(seed)), &rough(), &mut (), Recording::Nothing, small_system).history_hash;
        campaign(0..40, jobs, one, |seed, hash| {
            hashes.push((seed, hash));
            ControlFlow::Continue(())
        });
        hashes
    };
    let one = hashes(1);
    assert_eq!(one, hashes(2));
    assert_eq!(one, hashes(7));
}

#[test]
fn a_hash_is_the_same_with_and_without_recording() {
    let without = run(&Settings::new(Seed(5)), &rough(), &mut (), Recording::Nothing, small_system);
    assert_eq!(without.history, None);
    assert_eq!(without.history_hash, record(5, &rough(), small_system).0.history_hash);
}

#[test]
fn what_a_power_loss_took_is_told_by_name_and_is_no_part_of_the_history() {
    let faults = plan([at(ms(60), FaultKind::PowerLoss { node: "w".into(), restart_after: Some(ms(10)) })]);
    let rehearse = |recording| {
        run(&Settings::new(Seed(1)), &faults, &mut (), recording, |cluster| {
            cluster.node("w", ms(0), |world| async move {
                if world.starts() == 1 {
                    for nth in 0..20 {
                        write(&world, &format!("file-{nth}"), b"bytes", false, false).await;
                    }
                    world.clock().sleep(secs(1)).await;
                }
            });
        })
    };
    let report = rehearse(Recording::History);
    let told = picked(report.history.as_ref().unwrap(), |_, event| match event {
        Event::UnsyncedLost { lost, .. } => Some((lost.paths().any(|path| path == "file-1"), event.to_string())),
        _ => None,
    });
    let (hits_the_second, words) = &told[0];
    assert!(hits_the_second, "{words}");
    assert!(words.contains("(names: file-"), "{words}");
    assert_eq!(report.history_hash, rehearse(Recording::Nothing).history_hash);
}

#[test]
fn who_reads_messages_reads_them_in_a_campaign_too() {
    /// Stops at the first request, with what it says.
    struct Reads(bool);
    impl Observer for Reads {
        fn observe(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> ControlFlow<String> {
            match event {
                Event::MessageSent(message) => ControlFlow::Break(format!("{:?}", message.body)),
                _ => ControlFlow::Continue(()),
            }
        }

        fn reads_messages(&self) -> bool {
            self.0
        }
    }
    let told = |reads, recording| {
        run(&Settings::new(Seed(5)), &Plan::default(), &mut Reads(reads), recording, small_system).finished
    };
    let read = told(true, Recording::Nothing);
    assert_eq!(read, told(false, Recording::History));
    assert_eq!(told(false, Recording::Nothing), Finished::Stopped("not recorded".to_owned()));
    assert_ne!(read, Finished::Stopped("not recorded".to_owned()));
}

#[test]
fn a_campaign_fixes_the_order_of_standard_hash_maps() {
    let orders = |jobs| {
        let mut orders = Vec::new();
        let one = |seed| {
            let (_, history) = record(seed, &Plan::default(), |cluster| {
                cluster.node("w", ms(0), |world| async move {
                    let map: HashMap<u32, ()> = (0..50).map(|key| (key, ())).collect();
                    world.note(map.into_keys().collect::<Vec<_>>());
                });
            });
            let order = |event: &Event| {
                if let Event::Note { note, .. } = event { note.get::<Vec<u32>>().cloned() } else { None }
            };
            picked(&history, |_, event| order(event)).remove(0)
        };
        campaign(0..20, jobs, one, |_, order| {
            orders.push(order);
            ControlFlow::Continue(())
        });
        orders
    };
    let first = orders(1);
    assert_eq!(first, orders(1));
    assert_eq!(first, orders(7));
    assert!(first.iter().collect::<BTreeSet<_>>().len() > 15, "each seed has an order of its own");
}

#[test]
fn chance_says_which_of_the_tasks_that_can_run_is_first() {
    let first = |seed| {
        let (_, history) = record(seed, &Plan::default(), |cluster| {
            cluster.node("w", ms(0), |world| async move {
                for number in 0..3_u8 {
                    let task = world.clone();
                    world.spawn(async move { task.note(number) });
                }
                world.clock().sleep(ms(1)).await;
            });
        });
        let number =
            |event: &Event| if let Event::Note { note, .. } = event { note.get::<u8>().copied() } else { None };
        picked(&history, |_, event| number(event))[0]
    };
    let firsts: BTreeSet<_> = (0..30).map(first).collect();
    assert_eq!(firsts, BTreeSet::from([0, 1, 2]));
}
