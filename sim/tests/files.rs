//! What befalls files: power loss, crashes, and disks that fail.

mod support;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::time::Duration;

use sim::{
    Cluster, DiskErrorKind, DiskView, Event, Fault, FaultKind, Finished, Observer, Operation, Plan, Recording, Seed,
    Settings, Spread, Trigger, run,
};
use support::{Last, Left, at, leftovers, ms, path, plan, record, secs, write};
use world::{Address, Clock, File, FileSystem, Network, World};

/// A writer that leaves three files, synced more and more, and then waits for its end.
fn three_files(cluster: &Cluster) {
    cluster.node("w", ms(0), |world| async move {
        world.files().create_dir(path("d")).await.unwrap();
        world.files().sync_dir(path("")).await.unwrap();
        write(&world, "d/synced", &[3; 2000], true, true).await;
        write(&world, "d/nameless", &[2; 2000], true, false).await;
        write(&world, "d/unsynced", &[1; 2000], false, false).await;
        std::future::pending::<()>().await;
    });
}

#[test]
fn a_power_loss_takes_what_was_not_synced_and_nothing_else() {
    let power_loss = FaultKind::PowerLoss { node: "w".into(), restart_after: None };
    let left = leftovers(&plan([at(secs(1), power_loss)]), three_files);
    let find = |files: &Vec<(String, Vec<u8>)>, name: &str| {
        files.iter().find(|(path, _)| path == name).map(|(_, bytes)| bytes.clone())
    };
    let of = |name| left.iter().map(|files| find(files, name)).collect::<BTreeSet<_>>();
    assert_eq!(of("d/synced"), BTreeSet::from([Some(vec![3; 2000])]));
    assert_eq!(of("d/nameless"), BTreeSet::from([None, Some(vec![2; 2000])]));
    let unsynced = of("d/unsynced");
    assert!(unsynced.contains(&None) && unsynced.contains(&Some(vec![1; 2000])) && unsynced.contains(&Some(vec![])));
    assert!(unsynced.len() > 10, "torn in many ways: {}", unsynced.len());
}

#[test]
fn a_crash_loses_nothing_that_was_done() {
    let left = leftovers(&plan([at(secs(1), FaultKind::Crash { node: "w".into(), restart_after: None })]), three_files);
    for files in left {
        assert_eq!(
            files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
            ["d/nameless", "d/synced", "d/unsynced"]
        );
        assert!(files.iter().all(|(_, bytes)| bytes.len() == 2000));
    }
}

#[test]
fn a_machine_whose_process_has_returned_or_crashed_loses_what_it_did_not_sync() {
    let off = || at(secs(1), FaultKind::PowerLoss { node: "w".into(), restart_after: None });
    let crash = at(ms(500), FaultKind::Crash { node: "w".into(), restart_after: Some(secs(1)) });
    for (faults, returns) in [(plan([off()]), true), (plan([crash, off()]), false)] {
        let left = leftovers(&faults, |cluster| {
            cluster.node("w", ms(0), move |world| async move {
                if world.starts() == 1 {
                    write(&world, "file", b"bytes", false, true).await;
                    if !returns {
                        std::future::pending::<()>().await;
                    }
                }
            });
            cluster.node("other", ms(0), |world| async move { world.clock().sleep(secs(2)).await });
        });
        let contents: BTreeSet<_> = left.into_iter().map(|files| files[0].1.clone()).collect();
        assert!(contents.contains(&b""[..]) && contents.contains(&b"bytes"[..]), "{returns} {contents:?}");
    }
}

#[test]
fn what_happened_before_a_power_loss_of_the_same_turn_is_shown_with_the_disk_of_then() {
    struct Lost(u32);
    impl Observer for Lost {
        fn observe(&mut self, _at: Duration, event: &Event, disk: &DiskView<'_>) -> ControlFlow<String> {
            match event {
                Event::Note { .. } | Event::MessageSent(_) | Event::FaultStruck { .. } if !disk.exists("file") => {
                    ControlFlow::Break(format!("the file is gone at {event}"))
                }
                Event::UnsyncedLost { .. } => {
                    self.0 += u32::from(!disk.exists("file"));
                    ControlFlow::Continue(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let mut lost = Lost(0);
    let when = Trigger::After { node: "w".into(), operation: Operation::Send, nth: 1 };
    let off = plan([Fault { when, what: FaultKind::PowerLoss { node: "w".into(), restart_after: None } }]);
    for seed in 0..50 {
        let report = run(&Settings::new(Seed(seed)), &off, &mut lost, Recording::Nothing, |cluster| {
            cluster.node("w", ms(0), |world| async move {
                write(&world, "file", b"bytes", true, false).await;
                world.note("written");
                let _ = world.network().call(&Address::new("w"), Vec::new()).await;
            });
        });
        assert_eq!(report.finished, Finished::AllNodesDone);
    }
    assert!(lost.0 > 10, "the power loss took it sometimes");
}

#[test]
fn a_rename_is_seen_whole_at_every_instant() {
    struct Whole(u64);
    impl Observer for Whole {
        fn observe(&mut self, _at: Duration, _event: &Event, disk: &DiskView<'_>) -> ControlFlow<String> {
            self.0 += 1;
            let one_name = disk.list("d").filter(|name| *name == "final").count();
            match disk.read("d/final") {
                Some(bytes) if bytes.len() == 5 && one_name == 1 => ControlFlow::Continue(()),
                other => ControlFlow::Break(format!("final is {other:?}")),
            }
        }
    }
    let faults = plan([at(ms(3), FaultKind::Crash { node: "w".into(), restart_after: Some(ms(1)) })]);
    for seed in 0..50 {
        let mut whole = Whole(0);
        let report = run(&Settings::new(Seed(seed)), &faults, &mut whole, Recording::Nothing, |cluster| {
            cluster.files().write("d/final", b"begin");
            cluster.node("w", ms(0), |world| async move {
                for nth in 0..10 {
                    let tmp = format!("d/tmp-{}-{nth}", world.starts());
                    write(&world, &tmp, b"after", true, false).await;
                    world.files().rename(path(&tmp), path("d/final")).await.unwrap();
                }
            });
        });
        assert_eq!(report.finished, Finished::AllNodesDone);
        assert_eq!(whole.0, report.events);
    }
}

#[test]
fn an_observer_stops_a_run_with_its_verdict() {
    struct NoRename;
    impl Observer for NoRename {
        fn observe(&mut self, _at: Duration, event: &Event, disk: &DiskView<'_>) -> ControlFlow<String> {
            match event {
                Event::File(file) if file.operation == Operation::Rename => {
                    assert!(disk.exists("b") && !disk.exists("a"), "the event comes with its effect");
                    ControlFlow::Break(format!("{} renamed {} to {:?}", file.node, file.path, file.to))
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let report = run(&Settings::new(Seed(1)), &Plan::default(), &mut NoRename, Recording::Nothing, |cluster| {
        cluster.files().write("a", b"");
        cluster.node("w", ms(0), |world| async move {
            world.files().rename(path("./a"), path("b")).await.unwrap();
            unreachable!("the run is over");
        });
    });
    assert_eq!(report.finished, Finished::Stopped("w renamed a to Some(\"b\")".into()));
}

#[test]
fn names_behave_as_posix_has_it() {
    let (report, _) = record(1, &Plan::default(), |cluster| {
        cluster.node("w", ms(0), |world| async move {
            let files = world.files().clone();
            assert_eq!(files.create(path("d/a")).await.err().unwrap().kind, ErrorKind::NotFound);
            files.create_dir(path("d")).await.unwrap();
            let mut file = files.create(path("d/a")).await.unwrap();
            file.append(b"one").await.unwrap();
            assert_eq!(files.create(path("d/a")).await.err().unwrap().kind, ErrorKind::AlreadyExists);
            files.hard_link(path("d/a"), path("d/b")).await.unwrap();
            assert_eq!(files.hard_link(path("d/a"), path("d/b")).await.unwrap_err().kind, ErrorKind::AlreadyExists);
            files.rename(path("d/a"), path("d/b")).await.unwrap();
            assert_eq!(files.read_dir(path("d")).await.unwrap(), ["a", "b"], "one file: nothing happens");
            files.remove_file(path("d/a")).await.unwrap();
            assert_eq!(files.remove_dir(path("d")).await.unwrap_err().kind, ErrorKind::DirectoryNotEmpty);
            files.remove_file(path("d/b")).await.unwrap();
            files.remove_dir(path("d")).await.unwrap();
            file.append(b" two").await.unwrap();
            let mut buffer = [0; 10];
            let mut read = 0;
            while read < 7 {
                read += file.read_at(read as u64, &mut buffer[read..]).await.unwrap();
            }
            assert_eq!(&buffer[..read], b"one two", "an open file works without a name");
            assert_eq!(file.size(), 7);
            assert_eq!(files.metadata(path("d")).await.unwrap_err().kind, ErrorKind::NotFound);
        });
    });
    assert_eq!(report.finished, Finished::AllNodesDone);
}

#[test]
fn a_failing_disk_fails_in_its_words_and_as_often_as_said() {
    let node = || "w".to_owned();
    let (error, operation) = (DiskErrorKind::NoSpace, Some(Operation::Create));
    let full = FaultKind::DiskError { node: node(), operation, error, count: Some(2), duration: secs(1) };
    let short = FaultKind::ShortWrite { node: node(), count: 1, duration: secs(1) };
    let torn = FaultKind::TornWrite { node: node(), count: 1, duration: secs(1) };
    let heard = Left::default();
    let (report, _) = record(1, &plan([at(ms(0), full), at(ms(0), short), at(ms(0), torn)]), |cluster| {
        let heard = heard.clone();
        cluster.node("w", ms(1), move |world| {
            let heard = heard.clone();
            async move {
                let files = world.files();
                for _ in 0..2 {
                    assert_eq!(files.create(path("a")).await.err().unwrap().kind, ErrorKind::StorageFull);
                }
                let mut file = files.create(path("a")).await.unwrap();
                for _ in 0..3 {
                    let result = file.append(&[1; 5000]).await.map_err(|error| error.reason);
                    heard.leave((result, files.metadata(path("a")).await.unwrap().len));
                }
            }
        });
    });
    assert_eq!(report.finished, Finished::AllNodesDone);
    let heard = heard.take();
    assert_eq!(heard[0].0, Err("no space left on device".into()));
    assert!((1..5000).contains(&heard[0].1), "some of it is there: {}", heard[0].1);
    assert_eq!(heard[1].0, Err("input/output error".into()));
    assert_eq!(heard[1].1 % 512, 0, "torn at a sector");
    assert_eq!((&heard[2].0, heard[2].1), (&Ok(()), heard[1].1 + 5000));
}

#[test]
fn a_rotten_bit_is_read_once_or_stays() {
    for stored in [false, true] {
        let path_contains = "inter".to_owned();
        let rot = FaultKind::BitRot { node: "w".into(), path_contains, stored, duration: secs(1) };
        let heard = Left::default();
        record(1, &plan([at(ms(0), rot)]), |cluster| {
            cluster.files().write("input", &[0; 100]);
            cluster.files().write("intermediate", &[0; 100]);
            let heard = heard.clone();
            cluster.node("w", ms(1), move |world| {
                let heard = heard.clone();
                async move {
                    for name in ["input", "intermediate", "intermediate"] {
                        let file = world.files().open(path(name)).await.unwrap();
                        let mut buffer = [0; 100];
                        let mut read = 0;
                        while read < 100 {
                            read += file.read_at(read as u64, &mut buffer[read..]).await.unwrap();
                        }
                        heard.leave(buffer.iter().map(|byte| byte.count_ones()).sum::<u32>());
                    }
                }
            });
        });
        assert_eq!(heard.take(), [0, 1, u32::from(stored)]);
    }
}

#[test]
fn a_fault_strikes_right_after_the_operation_it_waits_for() {
    let when = Trigger::After { node: "w".into(), operation: Operation::Rename, nth: 3 };
    let faults = plan([Fault { when, what: FaultKind::Crash { node: "w".into(), restart_after: None } }]);
    for files in leftovers(&faults, |cluster| {
        cluster.node("w", ms(0), |world| async move {
            for nth in 0..9 {
                write(&world, "tmp", b"", false, false).await;
                let _missing = world.files().rename(path("nothing"), path("something")).await;
                world.files().rename(path("tmp"), path(&nth.to_string())).await.unwrap();
            }
        });
    }) {
        assert_eq!(files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
    }
}

#[test]
fn a_file_that_was_opened_can_be_read_and_not_be_written() {
    let (report, _) = record(1, &Plan::default(), |cluster| {
        cluster.files().write("log", b"old");
        cluster.node("w", ms(0), |world| async move {
            let mut file = world.files().open(path("log")).await.unwrap();
            let error = file.append(b"new").await.unwrap_err();
            assert!(error.to_string().contains("opened for reading"), "{error}");
        });
    });
    assert_eq!(report.finished, Finished::AllNodesDone);
}

#[test]
fn a_step_is_shown_with_its_effect_before_the_fault_that_waited_for_it_strikes() {
    struct Lost(u32);
    impl Observer for Lost {
        fn observe(&mut self, _at: Duration, event: &Event, disk: &DiskView<'_>) -> ControlFlow<String> {
            match event {
                Event::File(step) if step.operation == Operation::Rename && !disk.exists("final") => {
                    ControlFlow::Break("renamed, and not there".to_owned())
                }
                Event::UnsyncedLost { .. } => {
                    self.0 += u32::from(!disk.exists("final"));
                    ControlFlow::Continue(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let mut lost = Lost(0);
    let when = Trigger::After { node: "w".into(), operation: Operation::Rename, nth: 1 };
    let off = plan([Fault { when, what: FaultKind::PowerLoss { node: "w".into(), restart_after: None } }]);
    for seed in 0..50 {
        let report = run(&Settings::new(Seed(seed)), &off, &mut lost, Recording::Nothing, |cluster| {
            cluster.node("w", ms(0), |world| async move {
                write(&world, "tmp", b"bytes", true, true).await;
                world.files().rename(path("tmp"), path("final")).await.unwrap();
                world.note("dead by now");
            });
        });
        assert_eq!(report.finished, Finished::AllNodesDone);
    }
    assert!(lost.0 > 0, "the power loss took it sometimes");
}

#[test]
fn a_sync_promises_nothing_of_what_came_after_it_began() {
    let off = plan([at(ms(30), FaultKind::PowerLoss { node: "w".into(), restart_after: None })]);
    let mut lost = [0; 2];
    for seed in 0..50 {
        let mut settings = Settings::new(Seed(seed));
        settings.disk.latency = Spread::exactly(ms(10));
        let mut last = Last::default();
        run(&settings, &off, &mut last, Recording::Nothing, |cluster| {
            cluster.node("w", ms(0), |world| async move {
                let first = async {
                    world.files().create(path("before")).await.unwrap();
                    world.files().sync_dir(path("")).await.unwrap();
                };
                let second = async {
                    world.clock().sleep(ms(5)).await;
                    world.files().create(path("meanwhile")).await.unwrap();
                };
                futures::join!(first, second);
                world.clock().sleep(secs(1)).await;
            });
        });
        for (lost, name) in lost.iter_mut().zip(["before", "meanwhile"]) {
            *lost += u32::from(last.0.iter().all(|(path, _)| path != name));
        }
    }
    assert_eq!(lost[0], 0);
    assert!(lost[1] > 10, "{lost:?}");
}
