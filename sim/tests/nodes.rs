//! What befalls nodes: pauses, clocks, crashes and restarts, panics, and time that runs out.

mod support;

use sim::{ComputeModel, Event, FaultKind, Finished, Operation, Plan, Recording, Seed, Settings, run};
use support::{Left, at, call, echo, ms, path, picked, plan, record, secs};
use world::{Clock, File, FileSystem, Work, World};

fn pause(node: &str, duration: std::time::Duration) -> FaultKind {
    FaultKind::Pause { node: node.into(), duration }
}

#[test]
fn a_paused_node_does_nothing_and_wakes_late() {
    let (served, woken) = (Left::default(), Left::default());
    let (report, history) = record(1, &plan([at(ms(500), pause("server", secs(5)))]), |cluster| {
        let server = served.clone();
        cluster.node("server", ms(0), move |world| echo(world, server.clone()));
        let woken = woken.clone();
        cluster.node("client", secs(1), move |world| {
            let woken = woken.clone();
            async move {
                assert_eq!(call(&world, "server", b"hello", secs(2)).await, None, "it hangs, and is not refused");
                let began = world.clock().now();
                assert!(call(&world, "server", b"stop", secs(9)).await.is_some());
                woken.leave(world.clock().now().since(began));
            }
        });
    });
    assert_eq!(served.take(), [&b"hello"[..], b"stop"], "messages queue, of those too who have given up");
    assert!(woken.take()[0] > secs(2), "and are served after the pause");
    let moments = picked(&history, |at, event| match event {
        Event::NodePaused { .. } | Event::NodeResumed { .. } => Some(at),
        _ => None,
    });
    assert_eq!(moments, [ms(500), ms(5500)]);
    assert_eq!(report.healed_at, ms(5500));
}

#[test]
fn a_sleep_that_ends_in_a_pause_ends_after_it() {
    let (_, history) = record(1, &plan([at(ms(100), pause("w", secs(5)))]), |cluster| {
        cluster.node("w", ms(0), |world| async move {
            world.clock().sleep(secs(1)).await;
            world.note("awake");
        });
    });
    let notes = picked(&history, |at, event| matches!(event, Event::Note { .. }).then_some(at));
    assert_eq!(notes, [ms(5100)]);
}

#[test]
fn computing_costs_time_by_the_model_and_none_of_it_passes_in_a_pause() {
    let mut settings = Settings::new(Seed(1));
    settings.compute =
        ComputeModel { nanos_per_byte: 1000.0, nanos_per_record: 0.0, slowness: [("slow".into(), 3.0)].into() };
    let slower = FaultKind::SlowCompute { node: "slow".into(), factor: 2.0, duration: secs(9) };
    let faults = plan([at(ms(200), pause("paused", secs(1))), at(ms(0), slower)]);
    let report = run(&settings, &faults, &mut (), Recording::History, |cluster| {
        for name in ["plain", "paused", "slow"] {
            cluster.node(name, ms(0), |world| async move {
                let computing = world.clone();
                let work = Work { bytes: 500_000, records: 10 };
                let two = world.compute(async move {
                    computing.charge(work).await;
                    1 + 1
                });
                assert_eq!(two.await, 2);
                world.note(());
            });
        }
    });
    let done = picked(&report.history.unwrap(), |at, event| match event {
        Event::Note { node: Some(node), .. } => Some((node.name().to_owned(), at)),
        _ => None,
    });
    assert_eq!(done, [("plain".into(), ms(500)), ("paused".into(), ms(1500)), ("slow".into(), secs(3))]);
}

#[test]
fn a_computation_runs_to_its_end_though_nobody_waits_for_it() {
    let (_, history) = record(1, &Plan::default(), |cluster| {
        cluster.node("w", ms(0), |world| async move {
            let computing = world.clone();
            drop(world.compute(async move {
                computing.clock().sleep(secs(1)).await;
                computing.note("done");
            }));
            world.clock().sleep(secs(2)).await;
        });
    });
    assert_eq!(picked(&history, |at, event| matches!(event, Event::Note { .. }).then_some(at)), [secs(1)]);
}

#[test]
fn clocks_start_apart_drift_and_leap_and_never_go_back() {
    let drift = FaultKind::ClockDrift { node: "fast".into(), parts_per_million: 100_000, duration: secs(100) };
    let leap = FaultKind::ClockJump { node: "leaper".into(), forward: secs(8) };
    let (origins, slept) = (Left::default(), Left::default());
    let (_, history) = record(1, &plan([at(ms(0), drift), at(secs(1), leap)]), |cluster| {
        for name in ["plain", "fast", "leaper"] {
            let (origins, slept) = (origins.clone(), slept.clone());
            cluster.node(name, ms(0), move |world| {
                let (origins, slept) = (origins.clone(), slept.clone());
                async move {
                    let began = world.clock().now();
                    origins.leave(began);
                    world.clock().sleep(secs(11)).await;
                    slept.leave((world.node().name().to_owned(), world.clock().now().since(began)));
                }
            });
        }
    });
    let origins = origins.take();
    assert!(origins[0] != origins[1] && origins[1] != origins[2]);
    let woke = picked(&history, |at, event| match event {
        Event::NodeFinished { node } => Some((node.name().to_owned(), at)),
        _ => None,
    });
    assert_eq!(woke, [("leaper".into(), secs(3)), ("fast".into(), secs(10)), ("plain".into(), secs(11))]);
    for (name, slept) in slept.take() {
        assert!(slept >= secs(11) && slept < ms(11_001), "{name} slept for {slept:?} by its own clock");
    }
}

#[test]
fn a_crash_ends_all_tasks_and_a_restart_begins_anew() {
    let crash = FaultKind::Crash { node: "w".into(), restart_after: Some(secs(2)) };
    let (report, history) = record(1, &plan([at(ms(1500), crash)]), |cluster| {
        cluster.node("w", ms(0), |world| async move {
            let ticking = world.clone();
            world.spawn(async move {
                loop {
                    ticking.clock().sleep(secs(1)).await;
                    ticking.note(ticking.starts());
                }
            });
            world.clock().sleep(ms(2500)).await;
        });
    });
    let ticks = picked(&history, |at, event| match event {
        Event::Note { note, .. } => Some((at, *note.get::<u32>().unwrap())),
        _ => None,
    });
    assert_eq!(ticks, [(secs(1), 1), (ms(4500), 2), (ms(5500), 2)]);
    assert_eq!((report.finished, report.virtual_time), (Finished::AllNodesDone, secs(6)));
}

#[test]
fn who_crashed_does_not_start_in_the_dark() {
    let crash = FaultKind::Crash { node: "w".into(), restart_after: Some(ms(50)) };
    let starts = |restart_after| {
        let dark = FaultKind::PowerLoss { node: "w".into(), restart_after };
        let (report, history) = record(1, &plan([at(ms(5), crash.clone()), at(ms(15), dark)]), |cluster| {
            cluster.node("w", ms(0), |world| async move { world.clock().sleep(ms(20)).await });
        });
        assert_eq!(report.finished, Finished::AllNodesDone);
        let dead = !report.dead.is_empty();
        (picked(&history, |at, event| matches!(event, Event::NodeStarted { .. }).then_some(at)), dead)
    };
    assert_eq!(starts(Some(ms(100))), (vec![ms(0), ms(115)], false), "the power comes later");
    assert_eq!(starts(Some(ms(10))), (vec![ms(0), ms(55)], false), "the power comes earlier");
    assert_eq!(starts(None), (vec![ms(0)], true), "the power never comes");
}

#[test]
fn a_machine_that_has_its_power_back_refuses_who_calls_though_its_process_is_still_down() {
    let crash = FaultKind::Crash { node: "w".into(), restart_after: Some(secs(5)) };
    let dark = FaultKind::PowerLoss { node: "w".into(), restart_after: Some(ms(100)) };
    let answers = Left::default();
    record(1, &plan([at(ms(5), crash), at(ms(15), dark)]), |cluster| {
        cluster.node("w", ms(0), |world| async move { world.clock().sleep(ms(20)).await });
        let answers = answers.clone();
        cluster.node("client", ms(30), move |world| {
            let answers = answers.clone();
            async move {
                for _ in 0..2 {
                    answers.leave(call(&world, "w", b"hello", ms(500)).await.is_some());
                }
            }
        });
    });
    assert_eq!(answers.take(), [false, true], "in the dark, and in the light");
}

#[test]
fn entropy_differs_between_nodes_starts_and_seeds() {
    let crash = FaultKind::Crash { node: "a".into(), restart_after: Some(ms(1)) };
    let drawn = Left::default();
    for seed in [1, 2] {
        record(seed, &plan([at(ms(5), crash.clone())]), |cluster| {
            for name in ["a", "b"] {
                let drawn = drawn.clone();
                cluster.node(name, ms(0), move |world| {
                    let drawn = drawn.clone();
                    async move {
                        drawn.leave(world.entropy());
                        world.clock().sleep(ms(10)).await;
                    }
                });
            }
        });
    }
    let mut drawn = drawn.take();
    assert_eq!(drawn.len(), 6);
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 6);
}

#[test]
fn a_panic_is_reported_with_its_node_and_message() {
    for in_the_background in [false, true] {
        let (report, _) = record(1, &Plan::default(), |cluster| {
            cluster.node("fine", ms(0), |_| std::future::pending());
            cluster.node("w", ms(0), move |world| async move {
                let later = world.clone();
                let fall = async move {
                    later.clock().sleep(secs(1)).await;
                    panic!("fell over {}", "a stone");
                };
                if in_the_background {
                    world.spawn(fall);
                } else {
                    fall.await;
                }
                std::future::pending::<()>().await;
            });
        });
        let Finished::Panicked { node, message } = report.finished else { panic!("{:?}", report.finished) };
        assert_eq!((node.name(), message.as_str()), ("w", "fell over a stone"));
        assert_eq!(report.virtual_time, secs(1));
    }
}

#[test]
fn time_is_up_at_the_limit_after_the_last_fault() {
    let mut settings = Settings::new(Seed(1));
    settings.limit = secs(10);
    let report = run(&settings, &plan([at(secs(3), pause("w", secs(4)))]), &mut (), Recording::Nothing, |cluster| {
        cluster.node("quick", ms(0), |_| async {});
        cluster.node("w", ms(0), |_| std::future::pending());
    });
    let Finished::TimeLimit { unfinished } = report.finished else { panic!("{:?}", report.finished) };
    assert_eq!(unfinished.iter().map(sim::Node::name).collect::<Vec<_>>(), ["w"]);
    assert_eq!((report.healed_at, report.virtual_time), (secs(7), secs(17)));
}

#[test]
fn of_several_slow_downs_the_worst_counts() {
    let slow = |factor| at(ms(0), FaultKind::SlowCompute { node: "w".into(), factor, duration: secs(9) });
    let (report, _) = record(1, &plan([slow(3.0), slow(5.0)]), |cluster| {
        cluster.node("w", ms(1), |world| async move {
            world.charge(Work { bytes: 0, records: 1000 }).await;
        });
    });
    assert_eq!(report.virtual_time, ms(6), "a microsecond a record, five times");
}

#[test]
#[should_panic(expected = "fault 0 of the plan names w9, which is no node of the cluster")]
fn a_plan_that_names_nobody_is_refused() {
    record(1, &plan([at(ms(0), pause("w9", secs(1)))]), |cluster| cluster.node("w", ms(0), |_| async {}));
}

#[test]
#[should_panic(expected = "the settings make no sense: `slowness` names w9, which is no node of the cluster")]
fn settings_that_name_nobody_are_refused() {
    let mut settings = Settings::new(Seed(1));
    settings.compute.slowness = [("w".into(), 2.0), ("w9".into(), 3.0)].into();
    run(&settings, &Plan::default(), &mut (), Recording::Nothing, |cluster| cluster.node("w", ms(0), |_| async {}));
}

#[test]
fn a_file_operation_completes_in_the_pause_of_its_node() {
    let (_, history) = record(1, &plan([at(ms(20), pause("w", secs(5)))]), |cluster| {
        cluster.node("w", ms(0), |world| async move {
            let mut file = world.files().create(path("log")).await.unwrap();
            file.append(&vec![0; 10_000_000]).await.unwrap();
            world.note("appended");
        });
    });
    let moment = |wanted: fn(&Event) -> bool| picked(&history, |at, event| wanted(event).then_some(at))[0];
    let appended = moment(|event| matches!(event, Event::File(step) if step.operation == Operation::Append));
    assert!(appended > ms(50) && appended < ms(60), "50 ms for the bytes: {appended:?}");
    assert_eq!(moment(|event| matches!(event, Event::Note { .. })), ms(5020));
}

#[test]
fn of_two_drifts_that_overlap_the_other_goes_on_when_one_is_over() {
    let drift = |parts_per_million, duration| FaultKind::ClockDrift { node: "w".into(), parts_per_million, duration };
    let drifts = plan([at(ms(0), drift(1_000_000, secs(10))), at(secs(1), drift(0, secs(1)))]);
    let (_, history) = record(1, &drifts, |cluster| {
        cluster.node("w", ms(0), |world| async move {
            // Two seconds in the first, one in the next, and then twice as fast again.
            world.clock().sleep(secs(7)).await;
            world.note("seven seconds");
        });
    });
    assert_eq!(picked(&history, |at, event| matches!(event, Event::Note { .. }).then_some(at)), [secs(4)]);
}
