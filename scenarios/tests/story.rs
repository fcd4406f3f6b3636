//! Stories: what is told of a run is true, and what is asked for is what is told.

mod support;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use anstream::adapter::strip_str;
use mr_core::ids::{Attempt, AttemptId, MapIndex, Partition, TaskId};
use scenarios::story::{Fate, Kind, LinkEnd, Part, Timeline, Trouble, perfetto};
use scenarios::{
    Broken, Campaign, Determinism, Failing, Failure, Folders, Judgement, Outcome, Recorded, Rehearsed, Scenario, Seeds,
    Smallest, rehearse,
};
use serde_json::Value;
use sim::{Finished, LogLevel};
use support::{CRASH, POWER_LOSS, canonical, endless};

/// w1 comes first and registers last, and w2 crashes.
const LATE: &str = r#"
[[faults]]
when = { at = "0ms" }
what = { lossy = { from = ["w1"], to = ["coordinator"], requests = 1.0, replies = 0.0, duration = "5ms" } }
[[faults]]
when = { after = { node = "w2", operations = ["create"], nth = 1 } }
what = { crash = { node = "w2" } }
"#;

/// Two workers, two maps, one reduce; w1 crashes before its map has its name.
fn crash() -> Recorded {
    Recorded::run(&canonical("A worker crashes.", CRASH).draw(1), Some(LogLevel::DEBUG))
        .expect("the harness does not crash")
}

fn map(map: u32, attempt: u32) -> AttemptId {
    AttemptId { task: TaskId::Map(MapIndex(map)), attempt: Attempt(attempt) }
}

fn timeline(recorded: &Recorded, part: &Part) -> String {
    strip_str(&Timeline::new(&recorded.story, part).to_string()).to_string()
}

/// The attempt that died with w1, and the one that took its place.
fn died(recorded: &Recorded) -> (AttemptId, AttemptId) {
    let died = recorded.story.bars.iter().find(|bar| bar.fate == Fate::Died).expect("w1 was at a map");
    let TaskId::Map(MapIndex(number)) = died.attempt.task else { panic!("it was at a map") };
    (map(number, 1), map(number, 2))
}

#[test]
fn attempts_are_bars_with_their_fate_and_the_dead_node_is_down() {
    let recorded = crash();
    let story = &recorded.story;
    assert_eq!(story.nodes, ["coordinator", "w1", "w2"]);
    let (first, second) = died(&recorded);
    let fate = |attempt| story.bars.iter().find(|bar| bar.attempt == attempt).map(|bar| (bar.lane, bar.fate));
    assert_eq!((fate(first), fate(second)), (Some((1, Fate::Died)), Some((2, Fate::Committed))));
    let committed = story.bars.iter().filter(|bar| bar.fate == Fate::Committed).count();
    assert_eq!((story.bars.len(), committed), (4, 3), "two maps and a reduce, and the one that died");
    let down: Vec<_> = story.bands.iter().map(|band| (band.lane, band.trouble)).collect();
    assert_eq!(down, [(1, Trouble::Down)]);
}

/// A worker that computes for long has nothing to show for it but its heartbeats.
#[test]
fn who_only_sends_heartbeats_is_still_at_its_attempt() {
    let slow = r#"
[[faults]]
when = { after = { node = "w1", operations = ["open"], nth = 1 } }
what = { slow_compute = { node = "w1", factor = 1e6, duration = "1m" } }
"#;
    let recorded = Recorded::run(&canonical("A worker is slow.", slow).draw(1), None).unwrap();
    let story = &recorded.story;
    let slow = story.bars.iter().find(|bar| bar.fate == Fate::Superseded).expect("another was faster");
    let other = story.bars.iter().find(|bar| bar.attempt.task == slow.attempt.task && bar.attempt != slow.attempt);
    let other = other.expect("there was another");
    assert_eq!((slow.lane, other.fate), (1, Fate::Committed));
    let heartbeat = |moment: &&scenarios::story::Moment| {
        moment.kind == Kind::Sent && moment.words.contains("heartbeat, running") && moment.lane == Some(slow.lane)
    };
    let last = story.moments.iter().rfind(heartbeat).expect("it sends heartbeats");
    assert!(last.at > other.from, "it was at it when the other was begun");
    assert!(slow.to >= last.at, "{:?} until {:?}, and it said so at {:?}", slow.from, slow.to, last.at);
}

#[test]
fn every_message_that_was_sent_is_an_arrow_with_an_end() {
    let story = crash().story;
    let sent = story.moments.iter().filter(|moment| moment.kind == Kind::Sent).count();
    assert_eq!(story.links.len(), sent);
    for link in story.links.iter().filter(|link| link.end == LinkEnd::Arrived) {
        let (from, to) = (&story.moments[link.sent], &story.moments[link.ended.unwrap()]);
        assert_eq!((from.lane, from.peer), (to.peer, to.lane));
        assert!(from.at <= to.at);
    }
}

#[test]
fn what_had_a_part_in_an_output_is_told_and_what_had_none_is_not() {
    let recorded = crash();
    let part = Part { causal_of: Some("mr-out-0".into()), ..Part::default() };
    let (whole, text) = (timeline(&recorded, &Part::default()), timeline(&recorded, &part));
    let (first, second) = died(&recorded);
    let name = |attempt: AttemptId| {
        let TaskId::Map(MapIndex(number)) = attempt.task else { unreachable!() };
        format!("map-{number}-{}", attempt.attempt.0)
    };
    assert!(whole.contains(&format!("{}.tmp", name(first))), "it wrote something:\n{whole}");
    assert!(!text.contains(&format!("{}.tmp", name(first))), "what died has no part in the output:\n{text}");
    let renamed = format!("rename {}.tmp to {}", name(second), name(second));
    assert!(text.contains(&renamed), "who took its place has:\n{text}");
    assert!(text.contains("rename reduce-0-1.tmp to mr-out-0"), "{text}");
    assert!(text.contains("coordinator has lost w1") && text.contains("w1 crashes"), "why it ran again:\n{text}");
    assert!(!text.contains("goodbye"), "what comes later is no cause:\n{text}");
}

/// What had a part in the output, when `faults` strike a small job.
fn causes_of_the_output(faults: &str) -> String {
    let recorded = Recorded::run(&canonical("Faults.", faults).draw(1), None).expect("the harness does not crash");
    timeline(&recorded, &Part { causal_of: Some("mr-out-0".into()), ..Part::default() })
}

#[test]
fn rot_of_a_map_output_had_a_part_in_what_is_read_instead_of_it() {
    let faults = |node: &str| {
        format!(
            r#"
[[faults]]
when = {{ at = "0ms" }}
what = {{ bit_rot = {{ node = "{node}", path_contains = "map-0", stored = true, duration = "5s" }} }}
"#
        )
    };
    let text = faults("w1") + &faults("w2");
    let text = causes_of_the_output(&text);
    assert!(text.contains("a bit of it wrong by fault"), "the very read:\n{text}");
    assert!(text.contains("fault 0: ") || text.contains("fault 1: "), "why it is wrong:\n{text}");
    assert!(text.contains("is bad") && text.contains("the output of map 0.1 is lost"), "{text}");
    assert!(text.contains("gives map 0.2 to"), "it was mapped again:\n{text}");
    assert!(text.contains("map-1-1"), "reading the other map's output had a part as well:\n{text}");
}

#[test]
fn a_partition_had_a_part_in_the_loss_of_its_worker_and_other_nodes_troubles_had_none() {
    let text = causes_of_the_output(
        r#"
[[faults]]
when = { after = { node = "w1", operations = ["create"], nth = 1 } }
what = { partition = { from = ["w1"], to = ["coordinator"], both_ways = true, duration = "20s" } }
[[faults]]
when = { at = "1ms" }
what = { slow_disk = { node = "w2", factor = 1.5, duration = "100ms" } }
"#,
    );
    assert!(text.contains("has lost w1") && text.contains("fault 0: "), "{text}");
    assert!(!text.contains("fault 1: "), "w2 was a little slow, and nothing came of it:\n{text}");
}

#[test]
fn a_power_loss_that_undid_a_choice_had_a_part_in_what_was_chosen_then() {
    let faults = r#"
[[faults]]
when = { after = { node = "w1", operations = ["hard_link"], nth = 1 } }
what = { power_loss = { node = "w1", restart_after = "100ms" } }
[[faults]]
when = { after = { node = "w2", operations = ["hard_link"], nth = 1 } }
what = { power_loss = { node = "w2", restart_after = "100ms" } }
"#;
    let text = causes_of_the_output(faults);
    assert!(text.contains("loses power and is back") && text.contains("unsynced and gone: "), "{text}");
    let polls = text.lines().filter(|line| line.contains(": wait") || line.contains("heartbeat")).count();
    assert_eq!(polls, 0, "what only goes on as before is no cause:\n{text}");
}

#[test]
fn a_task_is_told_with_what_it_reads() {
    let recorded = crash();
    let part = Part { task: Some(TaskId::Reduce(Partition(0))), everything: true, ..Part::default() };
    let text = timeline(&recorded, &part);
    assert!(text.contains("open map-0-") && text.contains("open map-1-"), "{text}");
}

#[test]
fn nobody_had_a_part_in_a_file_that_nobody_wrote() {
    assert!(!crash().story.causal_of("mr-out-7").contains(&true));
}

#[test]
fn a_part_is_that_part() {
    let recorded = crash();
    let rows = |part: Part| timeline(&recorded, &part).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let all = rows(Part::default());
    let seconds = |row: &str| row.split_whitespace().next().unwrap().parse::<f64>().ok();
    let (from, to) = (Duration::from_millis(2), Duration::from_millis(5));
    let between = rows(Part { from: Some(from), to: Some(to), ..Part::default() });
    assert!(!between.is_empty() && between.len() < all.len());
    assert!(between.iter().filter_map(|row| seconds(row)).all(|at| (0.002..=0.005).contains(&at)), "{between:#?}");
    let of_w1 = rows(Part { nodes: vec!["w1".into()], ..Part::default() });
    assert!(
        !of_w1.is_empty() && of_w1.iter().filter(|row| !row.contains('⋮')).all(|row| row.contains("w1")),
        "{of_w1:#?}"
    );
    let reduce = rows(Part { task: Some(TaskId::Reduce(Partition(0))), ..Part::default() });
    let about = |row: &&String| {
        row.contains("reduce 0")
            || row.contains("reduce-0")
            || row.contains(" read map-")
            || row.contains("to w2: exit")
            || row.contains("to w2: commit")
    };
    assert!(!reduce.is_empty() && reduce.iter().filter(|row| !row.contains('⋮')).all(|row| about(&row)), "{reduce:#?}");
    assert!(rows(Part { everything: true, ..Part::default() }).len() > all.len());
    assert_eq!(rows(Part { around_failure: true, ..Part::default() }).last(), all.last());
}

#[test]
fn the_log_is_told_where_it_was_written_if_it_is_asked_for() {
    let recorded = crash();
    assert!(!timeline(&recorded, &Part::default()).contains("[info]"));
    let text = timeline(&recorded, &Part { log: Some(LogLevel::INFO), ..Part::default() });
    assert!(text.contains("[warn] worker lost") && text.contains("[info]") && !text.contains("[debug]"), "{text}");
    let row = text.lines().position(|row| row.contains("has lost w1")).unwrap();
    let near = text.lines().skip(row.saturating_sub(2)).take(4);
    assert!(near.filter(|row| row.contains("[warn] worker lost")).count() == 1, "beside the decision:\n{text}");
}

#[test]
fn the_log_calls_a_worker_by_its_node_though_it_knows_it_by_a_number() {
    let schedule = canonical("Who comes first registers last.", LATE).draw(1);
    let recorded = Recorded::run(&schedule, Some(LogLevel::DEBUG)).expect("the harness does not crash");
    let text = timeline(&recorded, &Part { log: Some(LogLevel::INFO), ..Part::default() });
    assert!(text.contains("w2 is worker 1") && text.contains("w1 is worker 2"), "{text}");
    assert!(text.contains("has lost w2") && text.contains("worker lost worker=w2 silent_for="), "{text}");
    assert!(text.contains("w1 [info] registered worker=w1 job="), "what a worker says of itself:\n{text}");
    let committed = text.lines().filter(|line| line.contains("] committed worker="));
    assert!(committed.clone().count() == 3 && committed.clone().all(|line| line.contains("worker=w1 ")), "{text}");
}

/// Seed 1 of `scenario`, had it come to that many events and broken a promise in these words.
fn failure_of(scenario: &Scenario, events: u64, what: &str) -> Failure {
    let campaign = Campaign {
        regressions: &[],
        scenarios: &[canonical("Nothing goes wrong.", "")],
        seeds: Seeds::range(1, 2),
        schedules: 1,
        time_box: None,
        interrupted: None,
        jobs: 1,
        determinism: Determinism::Sampled,
    };
    let mut failure = None;
    campaign.run(&rehearse, |rehearsed| {
        let broken = Broken { promise: "finishes", judgement: Judgement::Liveness, what: what.to_owned() };
        let rehearsed = Rehearsed { outcome: Outcome::Broken(broken), events, ..rehearsed };
        let (schedule, folders) = (scenario.draw(1), Folders::default());
        let no_more = |_| ControlFlow::Break(());
        failure = Some(Failure::investigate(&rehearsed, &schedule, &folders, Duration::from_secs(60), no_more));
        ControlFlow::Continue(())
    });
    failure.expect("there is one schedule")
}

#[test]
fn what_only_seems_to_go_in_circles_is_not_the_smallest() {
    let mut schedule = endless("The app stumbles for long.", "300us").draw(1);
    schedule.workload.trouble.as_mut().unwrap().times = Some(2_500);
    let failing = Failing { schedule: &schedule, events: 1_000_000, title: "made up", promise: "finishes" };
    let smallest = Smallest::of(&failing, Duration::from_secs(600), |_| ControlFlow::Break(()));
    assert_eq!(smallest.plan.schedule, schedule, "whatever is smaller comes to an end");
}

/// The report of a run with these faults, had it broken a promise in these words.
fn report_of(faults: &str, what: &str) -> String {
    let failure = Failure { smallest: None, ..failure_of(&canonical("Made up.", faults), 100, what) };
    strip_str(&failure.report(None).to_string()).to_string()
}

#[test]
fn what_goes_in_circles_is_told_in_files_that_can_be_opened() {
    let failure = failure_of(&endless("The app stumbles for ever.", "300us"), 1_000_000, "they go in circles");
    for recorded in [failure.recorded.as_ref(), failure.shown()] {
        let report = &recorded.unwrap().rehearsal.report;
        assert!(matches!(report.finished, Finished::EventLimit { .. }), "{:?}", report.finished);
        assert!(report.events < 60_000, "{}", report.events);
    }
    let folder = tempfile::tempdir().unwrap();
    let kept = failure.keep(folder.path()).unwrap();
    let file = |name: &str| std::fs::read_to_string(kept.join(name)).unwrap();
    let files: Vec<_> = std::fs::read_dir(&kept).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 9, "all of them are there: {files:?}");
    let bytes: u64 = files.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes < 10_000_000, "{bytes}");
    for name in ["timeline.txt", "page.html", "perfetto.json", "original.timeline.txt", "original.page.html"] {
        assert!(file(name).contains(" events left out"), "{name}");
    }
    let trace: Value = serde_json::from_str(&file("perfetto.json")).unwrap();
    let verdicts = trace["traceEvents"].as_array().unwrap().iter().filter(|event| event["cat"] == "broken");
    let names: Vec<_> = verdicts.map(|event| (event["ph"].clone(), event["name"].clone())).collect();
    assert_eq!(names, [("i".into(), "broken promise: finishes".into())], "the break is marked");
    let timeline = file("timeline.txt");
    assert!(timeline.contains("w1 is worker") && timeline.contains("here finishes is broken"), "beginning and end");
    assert!(timeline.contains("map 0.2 has failed"), "the first turns");
}

#[test]
fn a_report_tells_of_a_fault_that_struck_long_before_the_end() {
    let report = report_of(POWER_LOSS, "made up");
    assert!(report.lines().count() <= 40, "{report}");
    for words in ["! w1 crashes", "! w1 unsynced and gone: ", " rows left out"] {
        assert!(report.contains(words), "{words}:\n{report}");
    }
}

#[test]
fn a_verdict_calls_a_worker_by_its_node() {
    let report = report_of(LATE, "worker 2 waited 7.000 s for map 0");
    assert!(report.contains("  w1 (worker 2) waited 7.000 s"), "{report}");
}

#[test]
fn every_kind_has_a_glyph_of_its_own() {
    let glyphs: BTreeSet<char> = Kind::ALL.map(Kind::glyph).into();
    assert_eq!(glyphs.len(), Kind::ALL.len());
}

#[test]
fn colours_are_codes_around_the_same_text() {
    let recorded = crash();
    let coloured = Timeline::new(&recorded.story, &Part::default()).to_string();
    assert!(coloured.contains("\u{1b}["));
    assert!(!timeline(&recorded, &Part::default()).contains('\u{1b}'));
}

#[test]
fn perfetto_is_told_the_same() {
    let story = crash().story;
    let trace: Value = serde_json::from_str(&perfetto(&story)).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let count = |key: &str, value: &str| events.iter().filter(|event| event[key] == value).count();
    assert_eq!(count("cat", "attempt"), story.bars.len());
    let arrived = story.links.iter().filter(|link| link.end == LinkEnd::Arrived).count();
    assert_eq!((count("ph", "s"), count("ph", "f")), (arrived, arrived));
    let spans = events.iter().filter(|event| event["ph"] == "X");
    assert!(spans.clone().all(|span| span["dur"].as_f64().unwrap() >= 0.0 && span["ts"].is_number()));
    let names = events.iter().filter(|event| event["name"] == "process_name");
    let names: Vec<_> = names.map(|event| event["args"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, story.nodes);
}
