//! What befalls messages: loss, duplicates, delay, partitions, and the end of whom they are for.

mod support;

use sim::{Cluster, Event, FaultKind, Finished, History, Loss, Operation, Part, Plan, Trigger};
use support::{Left, at, call, echo, ms, picked, plan, record, secs};
use world::{Address, Answer, CallError, Clock, Listener, Network, Responder, World};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn echo_server(cluster: &Cluster, served: &Left<Vec<u8>>) {
    let served = served.clone();
    cluster.node("server", ms(0), move |world| echo(world, served.clone()));
}

fn losses(history: &History) -> Vec<(Part, Loss)> {
    picked(history, |_, event| match event {
        Event::MessageLost(message, loss) => Some((message.part, *loss)),
        _ => None,
    })
}

#[test]
fn a_call_is_answered_rejected_or_refused() {
    let heard = Left::default();
    record(1, &Plan::default(), |cluster| {
        cluster.node("server", ms(0), |world| async move {
            assert!(world.network().listen(&Address::new("client")).await.is_err(), "not ours to take");
            let mut listener = world.network().listen(&Address::new("server")).await.unwrap();
            assert!(world.network().listen(&Address::new("server")).await.is_err(), "taken");
            let (request, responder) = listener.accept().await;
            responder.respond(Answer::Reply(request.repeat(2)));
            listener.accept().await.1.respond(Answer::Reject("no".into()));
            drop(listener.accept().await);
            drop(listener);
            world.clock().sleep(secs(1)).await;
        });
        let heard = heard.clone();
        cluster.node("client", ms(5), move |world| {
            let heard = heard.clone();
            async move {
                for to in ["server", "server", "server", "server", "nobody"] {
                    heard.leave(call(&world, to, b"ab", secs(9)).await.expect("nothing hangs"));
                }
            }
        });
    });
    let heard = heard.take();
    assert_eq!(heard[0], Ok(b"abab".to_vec()));
    assert!(matches!(&heard[1], Err(CallError::Rejected { reason, .. }) if reason == "no"));
    assert!(matches!(heard[2], Err(CallError::NoAnswer { .. })), "a responder dropped");
    assert!(matches!(heard[3], Err(CallError::NobodyListens { .. })), "a door closed");
    assert!(matches!(heard[4], Err(CallError::NobodyListens { .. })), "no such node");
}

#[test]
fn a_call_to_nobody_is_part_of_the_story() {
    let (_, history) = record(1, &Plan::default(), |cluster| {
        cluster.node("client", ms(5), |world| async move {
            assert!(matches!(call(&world, "sevrer", b"x", secs(9)).await, Some(Err(CallError::NobodyListens { .. }))));
        });
    });
    let told: Vec<_> = history.iter().map(|(_, event)| event.to_string()).collect();
    assert_eq!(told[1], "client: call 0 is to sevrer, which is no node of the cluster");
}

#[test]
fn a_partition_hangs_and_heals() {
    let partition = FaultKind::Partition { from: names(&["client"]), to: vec![], both_ways: false, duration: secs(3) };
    let (served, heard) = (Left::default(), Left::default());
    let (report, history) = record(1, &plan([at(ms(1), partition)]), |cluster| {
        echo_server(cluster, &served);
        let heard = heard.clone();
        cluster.node("client", ms(5), move |world| {
            let heard = heard.clone();
            async move {
                heard.leave(call(&world, "server", b"early", secs(2)).await);
                world.clock().sleep(secs(2)).await;
                heard.leave(call(&world, "server", b"stop", secs(2)).await);
            }
        });
    });
    assert_eq!(heard.take(), [None, Some(Ok(b"stop".to_vec()))]);
    assert_eq!(served.take(), [b"stop"]);
    assert_eq!(losses(&history), [(Part::Request, Loss::Partitioned)]);
    assert_eq!(report.healed_at, ms(3001));
}

#[test]
fn a_one_way_partition_lets_the_request_through_and_swallows_the_reply() {
    let partition = FaultKind::Partition { from: names(&["server"]), to: vec![], both_ways: false, duration: secs(3) };
    let served = Left::default();
    let (_, history) = record(1, &plan([at(ms(1), partition)]), |cluster| {
        echo_server(cluster, &served);
        cluster.node("client", ms(5), |world| async move {
            assert_eq!(call(&world, "server", b"stop", secs(2)).await, None);
        });
    });
    assert_eq!(served.take(), [b"stop"]);
    assert_eq!(losses(&history), [(Part::Reply, Loss::Partitioned)]);
}

#[test]
fn a_lost_request_is_not_carried_out_and_a_lost_reply_was() {
    for (requests, replies, carried_out) in [(1.0, 0.0, 0), (0.0, 1.0, 1)] {
        let lossy =
            FaultKind::Lossy { from: names(&["client"]), to: names(&["server"]), requests, replies, duration: secs(1) };
        let (served, heard) = (Left::default(), Left::default());
        record(1, &plan([at(ms(0), lossy)]), |cluster| {
            echo_server(cluster, &served);
            let heard = heard.clone();
            cluster.node("client", ms(5), move |world| {
                let heard = heard.clone();
                async move {
                    heard.leave(call(&world, "server", b"do", secs(2)).await);
                    heard.leave(call(&world, "server", b"stop", secs(2)).await);
                }
            });
        });
        assert_eq!(heard.take(), [None, Some(Ok(b"stop".to_vec()))]);
        assert_eq!(served.take().len(), carried_out + 1);
    }
}

#[test]
fn a_duplicate_is_served_twice_and_answered_once() {
    let twice = FaultKind::Duplicating { from: vec![], to: vec![], probability: 1.0, duration: ms(500) };
    let (served, heard) = (Left::default(), Left::default());
    let (_, history) = record(1, &plan([at(ms(0), twice)]), |cluster| {
        echo_server(cluster, &served);
        let heard = heard.clone();
        cluster.node("client", ms(5), move |world| {
            let heard = heard.clone();
            async move {
                heard.leave(call(&world, "server", b"do", secs(2)).await);
                world.clock().sleep(secs(1)).await;
                heard.leave(call(&world, "server", b"stop", secs(2)).await);
            }
        });
    });
    assert_eq!(heard.take(), [Some(Ok(b"do".to_vec())), Some(Ok(b"stop".to_vec()))]);
    assert_eq!(served.take(), [&b"do"[..], b"do", b"stop"]);
    assert!(losses(&history).iter().all(|loss| *loss == (Part::Reply, Loss::Unwanted)));
}

#[test]
fn delayed_messages_overtake_each_other() {
    let order = |faults: Plan| {
        let served = Left::default();
        record(4, &faults, |cluster| {
            echo_server(cluster, &served);
            cluster.node("client", ms(5), |world| async move {
                for nth in 0..20_u8 {
                    let caller = world.clone();
                    world.spawn(async move {
                        let _ = call(&caller, "server", &[nth], secs(2)).await;
                    });
                    world.clock().sleep(ms(30)).await;
                }
                world.clock().sleep(secs(2)).await;
                call(&world, "server", b"stop", secs(2)).await;
            });
        });
        served.take()
    };
    let extra = FaultKind::Delaying { from: names(&["client"]), to: vec![], extra: ms(300), duration: secs(2) };
    assert!(order(Plan::default()).is_sorted_by_key(|request| request[0]), "20 ms is the most without the fault");
    let delayed = order(plan([at(ms(0), extra)]));
    assert_eq!(delayed.len(), 21, "late, and not lost");
    assert!(!delayed.is_sorted_by_key(|request| request[0]));
}

#[test]
fn a_crash_of_the_callee_ends_the_calls_it_owes_an_answer() {
    let faults = plan([at(ms(100), FaultKind::Crash { node: "server".into(), restart_after: None })]);
    let heard = Left::default();
    let (report, _) = record(1, &faults, |cluster| {
        cluster.node("server", ms(0), |world| async move {
            let mut listener = world.network().listen(&Address::new("server")).await.unwrap();
            let _held = listener.accept().await;
            std::future::pending::<()>().await;
        });
        let heard = heard.clone();
        cluster.node("client", ms(5), move |world| {
            let heard = heard.clone();
            async move {
                let answer = call(&world, "server", b"hold", secs(9)).await;
                heard.leave((answer.is_some_and(|answer| answer.is_err()), world.clock().now()));
                assert!(call(&world, "server", b"dead", secs(9)).await.is_some_and(|answer| answer.is_err()));
            }
        });
    });
    assert_eq!(report.finished, Finished::AllNodesDone);
    assert_eq!(report.dead.iter().map(ToString::to_string).collect::<Vec<_>>(), ["server"]);
    assert!(heard.take()[0].0);
    assert!(report.virtual_time < ms(200), "nobody waited for a timeout");
}

#[test]
fn a_crash_right_after_a_message_was_sent_does_not_call_it_back() {
    let after = |operation| Trigger::After { node: "client".into(), operation, nth: 2 };
    let crash = || FaultKind::Crash { node: "client".into(), restart_after: None };
    for (operation, served_then) in [(Operation::Send, 2), (Operation::Receive, 2)] {
        let served = Left::default();
        let faults = plan([sim::Fault { when: after(operation), what: crash() }]);
        let (report, history) = record(1, &faults, |cluster| {
            let served = served.clone();
            cluster.node("server", ms(0), move |world| {
                let served = served.clone();
                async move {
                    let serving = world.clone();
                    world.spawn(async move { echo(serving, served).await });
                    world.clock().sleep(secs(1)).await;
                }
            });
            cluster.node("client", ms(5), |world| async move {
                for nth in 0..9_u8 {
                    call(&world, "server", &[nth], secs(2)).await;
                }
            });
        });
        assert_eq!(served.take().len(), served_then, "after {operation:?}");
        assert_eq!(report.faults_by_kind.get("crash"), Some(&1));
        let unwanted = losses(&history).contains(&(Part::Reply, Loss::Unwanted));
        assert_eq!(
            unwanted,
            operation == Operation::Send,
            "the second reply finds nobody, or somebody just before the end"
        );
    }
}

/// A server that answers nobody, and after a restart does not even listen.
fn silent_server(cluster: &Cluster) {
    cluster.node("server", ms(0), |world| async move {
        if world.starts() > 1 {
            return world.clock().sleep(secs(20)).await;
        }
        let mut listener = world.network().listen(&Address::new("server")).await.unwrap();
        let _unanswered = listener.accept().await;
        std::future::pending::<()>().await;
    });
}

/// The server is without power for ten seconds, from the first on.
fn power_cut() -> Plan {
    plan([at(secs(1), FaultKind::PowerLoss { node: "server".into(), restart_after: Some(secs(10)) })])
}

#[test]
fn a_machine_without_power_refuses_nothing_until_it_is_back() {
    let heard = Left::default();
    let (_, history) = record(1, &power_cut(), |cluster| {
        silent_server(cluster);
        let heard = heard.clone();
        cluster.node("client", ms(5), move |world| {
            let heard = heard.clone();
            async move {
                heard.leave(call(&world, "server", b"under way", secs(5)).await);
                heard.leave(call(&world, "server", b"into the dark", secs(2)).await);
                heard.leave(call(&world, "server", b"kept waiting", secs(1)).await);
                world.clock().sleep(secs(4)).await;
                heard.leave(call(&world, "server", b"back", secs(1)).await);
            }
        });
    });
    let heard = heard.take();
    assert_eq!(heard[..3], [None, None, None]);
    assert!(matches!(heard[3], Some(Err(CallError::NobodyListens { .. }))), "{:?}", heard[3]);
    assert_eq!(losses(&history)[..2], [(Part::Request, Loss::PowerOff); 2]);
}

#[test]
fn a_machine_whose_program_has_returned_is_as_silent_without_power() {
    let heard = Left::default();
    record(1, &power_cut(), |cluster| {
        cluster.node("server", ms(0), |_| async {});
        let heard = heard.clone();
        cluster.node("client", ms(5), move |world| {
            let heard = heard.clone();
            async move {
                for _ in 0..5 {
                    heard.leave(call(&world, "server", b"hello", secs(3)).await);
                    world.clock().sleep(secs(1)).await;
                }
            }
        });
    });
    let refused = heard.take().into_iter().map(|answer| matches!(answer, Some(Err(CallError::NobodyListens { .. }))));
    assert_eq!(
        refused.collect::<Vec<_>>(),
        [true, false, false, false, true],
        "the power was gone from the first to the eleventh second"
    );
}

#[test]
fn a_call_that_a_power_loss_left_open_is_closed_when_the_machine_is_back() {
    let heard = Left::default();
    record(1, &power_cut(), |cluster| {
        silent_server(cluster);
        let heard = heard.clone();
        cluster.node("client", ms(5), move |world| {
            let heard = heard.clone();
            async move {
                let began = world.clock().now();
                let answer = call(&world, "server", b"hello", secs(50)).await;
                heard.leave((answer, world.clock().now().since(began)));
            }
        });
    });
    let (answer, waited) = heard.take().remove(0);
    assert!(matches!(answer, Some(Err(CallError::NoAnswer { .. }))), "{answer:?}");
    assert!(waited > secs(10) && waited < secs(12), "{waited:?}");
}

#[test]
fn a_node_that_is_cut_off_from_everybody_still_hears_itself() {
    let alone = FaultKind::Partition { from: names(&["server"]), to: vec![], both_ways: true, duration: secs(3) };
    let lossy = FaultKind::Lossy { from: vec![], to: vec![], requests: 1.0, replies: 1.0, duration: secs(3) };
    let served = Left::default();
    record(1, &plan([at(ms(1), alone), at(ms(1), lossy)]), |cluster| {
        let served = served.clone();
        cluster.node("server", ms(0), move |world| {
            let served = served.clone();
            async move {
                let itself = async {
                    world.clock().sleep(ms(10)).await;
                    assert!(call(&world, "server", b"stop", secs(1)).await.is_some_and(|answer| answer.is_ok()));
                };
                futures::join!(echo(world.clone(), served), itself);
            }
        });
    });
    assert_eq!(served.take(), [b"stop"]);
}

#[test]
fn a_name_that_nobody_has_takes_time_to_look_up() {
    let (report, _) = record(1, &Plan::default(), |cluster| {
        cluster.node("client", ms(0), |world| async move {
            while call(&world, "sevrer", b"", secs(9)).await.expect("nothing hangs").is_err() {}
        });
    });
    assert!(matches!(report.finished, Finished::TimeLimit { .. }), "{:?}", report.finished);
}
