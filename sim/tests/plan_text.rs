//! A plan is a text that people read, keep and edit.

use std::time::Duration;

use sim::{DiskErrorKind, Fault, FaultKind, Operation, Plan, Trigger};

fn every_kind() -> Plan {
    let node = || "w2".to_owned();
    let (from, to) = (vec!["w1".to_owned()], vec!["c".to_owned(), node()]);
    let duration = Duration::from_nanos(1_500_000_001);
    let (restart_after, operation) = (Some(duration), Some(Operation::SyncDir));
    let kinds = [
        FaultKind::Crash { node: node(), restart_after: None },
        FaultKind::Crash { node: node(), restart_after },
        FaultKind::PowerLoss { node: node(), restart_after },
        FaultKind::Pause { node: node(), duration },
        FaultKind::Partition { from: from.clone(), to: to.clone(), both_ways: true, duration },
        FaultKind::Lossy { from: from.clone(), to: to.clone(), requests: 0.1, replies: 1.0, duration },
        FaultKind::Duplicating { from: from.clone(), to: vec![], probability: 0.3, duration },
        FaultKind::Delaying { from, to, extra: duration, duration },
        FaultKind::DiskError { node: node(), operation, error: DiskErrorKind::NoSpace, count: Some(3), duration },
        FaultKind::DiskError { node: node(), operation: None, error: DiskErrorKind::Io, count: None, duration },
        FaultKind::SlowDisk { node: node(), factor: 12.5, duration },
        FaultKind::ShortWrite { node: node(), count: 1, duration },
        FaultKind::TornWrite { node: node(), count: 1, duration },
        FaultKind::BitRot { node: node(), path_contains: "map-".into(), stored: true, duration },
        FaultKind::ClockJump { node: node(), forward: duration },
        FaultKind::ClockDrift { node: node(), parts_per_million: -500, duration },
        FaultKind::SlowCompute { node: node(), factor: 100.0, duration },
    ];
    let when = |nth| match nth % 2 {
        0 => Trigger::At(duration * nth),
        _ => Trigger::After { node: node(), operation: Operation::Rename, nth: nth.into() },
    };
    Plan { faults: (0..).zip(kinds).map(|(nth, what)| Fault { when: when(nth), what }).collect() }
}

#[test]
fn a_plan_written_and_read_again_is_the_same_plan() {
    let plan = every_kind();
    let text = toml::to_string(&plan).unwrap();
    assert_eq!(toml::from_str::<Plan>(&text).unwrap(), plan, "{text}");
    assert_eq!(toml::from_str::<Plan>("").unwrap(), Plan::default());
}

#[test]
fn a_plan_reads_as_people_write_it() {
    let text = r#"
        [[faults]]
        when = { after = { node = "w2", operation = "rename", nth = 3 } }
        what = { crash = { node = "w2", restart_after = "1s 500ms" } }
    "#;
    let restart_after = Some(Duration::from_millis(1500));
    let fault = Fault {
        when: Trigger::After { node: "w2".into(), operation: Operation::Rename, nth: 3 },
        what: FaultKind::Crash { node: "w2".into(), restart_after },
    };
    assert_eq!(toml::from_str::<Plan>(text).unwrap(), Plan { faults: vec![fault] });
}

#[test]
fn what_a_plan_does_not_know_is_an_error_that_names_it() {
    let error = |what: &str| {
        let text = format!("[[faults]]\nwhen = {{ at = \"1s\" }}\nwhat = {what}\n");
        toml::from_str::<Plan>(&text).unwrap_err().to_string()
    };
    assert!(error(r#"{ crush = { node = "w" } }"#).contains("unknown variant `crush`"));
    let text = error(r#"{ crash = { node = "w", restart = "1s" } }"#);
    assert!(text.contains("restart") && text.contains("restart_after"), "{text}");
    assert!(error(r#"{ pause = { node = "w", duration = "soon" } }"#).contains("\"soon\" is no duration"));
    assert!(error(r#"{ pause = { node = "w" } }"#).contains("missing field `duration`"));
}

#[test]
fn a_kinds_name_is_the_one_in_the_text() {
    for fault in every_kind().faults {
        let plan = Plan { faults: vec![fault.clone()] };
        assert!(toml::to_string(&plan).unwrap().contains(&format!("[faults.what.{}]", fault.what.name())));
    }
}
