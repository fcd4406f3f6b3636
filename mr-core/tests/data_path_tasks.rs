//! Map and reduce tasks, one after the other, yield what the sequential oracle yields, whatever the limits.

mod support;

use std::convert::Infallible;
use std::io::BufRead;

use futures::executor::block_on;
use mr_core::app::InputKind;
use mr_core::counters::Counters;
use mr_core::ids::{MapIndex, Partition, Reduces, TaskId};
use mr_core::job::Split;
use mr_core::sequential;
use mr_core::shuffle::MapBuffer;
use mr_core::tasks::{Limits, TaskError, map, reduce};
use proptest::prelude::*;
use support::data_path::{
    LinePlaces, Record, Records, Setting, SortedLines, limits, map_output, record_file, records, whole,
};
use world::World;

/// Puts a file for every list of records into the world; yields their names.
fn put_inputs(setting: &Setting, lists: &[Vec<Record>]) -> Vec<String> {
    let put = |(index, records): (usize, &Vec<Record>)| {
        let path = format!("input-{index}");
        setting.world.files().put(&path, &record_file(records));
        path
    };
    lists.iter().enumerate().map(put).collect()
}

fn oracle(setting: &Setting, inputs: &[String]) -> Vec<Vec<u8>> {
    block_on(sequential::run(&setting.world, &setting.app, inputs, Some(setting.reduces))).unwrap()
}

/// Whole files, so many for each map.
fn wholes(paths: &[String], files_per_map: usize) -> Vec<Vec<Split>> {
    paths.chunks(files_per_map).map(|paths| paths.iter().map(|path| whole(path)).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_job_yields_what_the_oracle_yields_and_leaves_nothing_behind(
        lists in prop::collection::vec(records(60), 1..6),
        limits in limits(),
        reduces in 1..5_u32,
        joins: bool,
        combine: bool,
        files_per_map in 1..4_usize,
    ) {
        let setting = Setting { limits, combine, reduces: Reduces::new(reduces), ..Setting::new(Records { joins }) };
        let inputs = put_inputs(&setting, &lists);
        prop_assert_eq!(setting.run(&wholes(&inputs, files_per_map)).unwrap(), oracle(&setting, &inputs));
        let left: Vec<_> = setting.world.files().paths().into_iter().filter(|path| path.contains("scratch")).collect();
        prop_assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn splitting_a_file_changes_nothing(
        text in prop::collection::vec(prop::sample::select(&b"\n\r a\xff"[..]), 0..400),
        piece in 1..150_u64,
        by_line: bool,
        limits in limits(),
    ) {
        let kind = if by_line { InputKind::Line } else { InputKind::Lines };
        let setting = Setting { limits, ..Setting::new(LinePlaces(kind)) };
        setting.world.files().put("f", &text);
        let last = text.len() as u64 / piece;
        let split = |i| Split { path: "f".into(), offset: i * piece, len: (i < last).then_some(piece), file_len: None };
        let maps: Vec<_> = (0..=last).filter(|&i| i == 0 || i * piece < text.len() as u64).map(|i| vec![split(i)]).collect();
        prop_assert_eq!(setting.run(&maps).unwrap(), oracle(&setting, &["f".to_owned()]));
    }
}

fn record(key: &str, value: &str) -> Record {
    (key.into(), value.into())
}

/// A setting with one input file, `input-0`, of `count` records of some ten keys.
fn with_records(count: usize, limits: Limits, joins: bool) -> Setting {
    let setting = Setting { limits, reduces: Reduces::new(1), ..Setting::new(Records { joins }) };
    let records: Vec<_> = (0..count).map(|i| record(&format!("key {}", i % 10), &i.to_string())).collect();
    put_inputs(&setting, &[records]);
    setting
}

#[test]
fn what_was_done_is_counted() {
    let setting = Setting { reduces: Reduces::new(1), ..Setting::new(Records { joins: true }) };
    let records = [record("a", "1"), record("b", "2"), record("a", "3")];
    setting.world.files().put("f", &record_file(&records));
    let mapped = setting.map(0, &[whole("f")]).unwrap();
    let output_bytes = setting.world_file("map-0").len() as u64;
    let expected = Counters {
        map_input_bytes: 12,
        map_input_records: 1,
        map_output_records: 3,
        map_output_bytes: output_bytes,
        ..Counters::default()
    };
    assert_eq!(mapped, expected);
    let (output, reduced) = setting.reduce(Partition(0), 1).unwrap();
    // The combiner joined the values of "a"; `Records` writes three pieces for every key of one value.
    let expected = Counters {
        reduce_input_groups: 2,
        reduce_input_records: 2,
        reduce_output_records: 6,
        reduce_output_bytes: output.len() as u64,
        ..Counters::default()
    };
    assert_eq!(reduced, expected);
}

#[test]
fn an_empty_input_makes_a_map_output_and_an_empty_output() {
    let setting = Setting::new(Records::default());
    setting.world.files().put("f", b"");
    let counters = setting.map(0, &[whole("f")]).unwrap();
    assert_eq!((counters.map_input_records, counters.map_output_records), (1, 0));
    assert_eq!(setting.reduce(Partition(2), 1).unwrap().0, b"");
}

#[test]
fn a_full_buffer_is_spilled_and_a_roomy_one_is_not() {
    let by_line = |limits| {
        let setting = Setting { limits, ..Setting::new(LinePlaces(InputKind::Line)) };
        setting.world.files().put("f", &b"some line\n".repeat(100));
        setting.map(0, &[whole("f")]).unwrap().spills
    };
    assert_eq!(by_line(Limits::default()), 0);
    assert!(by_line(Limits { map_buffer: 1000, ..Limits::default() }) > 3);
}

#[test]
fn keys_that_do_not_come_again_are_not_kept_until_the_buffer_is_full() {
    let sorted = |line: fn(usize) -> usize| {
        let setting = Setting { reduces: Reduces::new(1), ..Setting::new(SortedLines) };
        let lines: String = (0..400_000).map(|place| format!("{:09}\n", line(place) * 7919 % 1_000_003)).collect();
        setting.world.files().put("f", lines.as_bytes());
        let spills = setting.map(0, &[whole("f")]).unwrap().spills;
        let output = setting.reduce(Partition(0), 1).unwrap().0;
        let mut expected: Vec<_> = lines.lines().collect();
        expected.sort_unstable();
        assert!(output.lines().map(Result::unwrap).eq(expected), "all lines, in order");
        spills
    };
    assert!(sorted(|place| place) > 1);
    assert_eq!(sorted(|place| place / 2), 0, "every other one is that of the one before");
}

#[test]
fn output_is_written_in_pieces_as_it_comes() {
    let limits = Limits { run_block: 64, write_block: 200, ..Limits::default() };
    let setting = with_records(1000, limits, false);
    assert!(setting.map(0, &[whole("input-0")]).unwrap().map_output_bytes > 5000);
    let mapped = setting.world.files().largest_append();
    assert!((200..500).contains(&mapped), "{mapped}");

    let setting = Setting { limits, reduces: Reduces::new(1), ..Setting::new(LinePlaces(InputKind::Line)) };
    let lines: String = ('a'..='z').map(|first| format!("{first} line\n")).collect();
    setting.world.files().put("f", lines.as_bytes());
    setting.map(0, &[whole("f")]).unwrap();
    let before = setting.world.files().largest_append();
    assert!(setting.reduce(Partition(0), 1).unwrap().1.reduce_output_bytes > before as u64);
    assert_eq!(setting.world.files().largest_append(), before, "no output was written at once");
}

#[test]
fn outputs_are_said_to_be_synced_later_and_what_is_only_scratch_is_not() {
    let limits = Limits { map_buffer: 1000, merge_fan_in: 2, run_block: 64, write_block: 200, ..Limits::default() };
    let setting = Setting { limits, reduces: Reduces::new(1), ..Setting::new(LinePlaces(InputKind::Line)) };
    setting.world.files().put("f", &b"some line\n".repeat(100));
    assert!(setting.map(0, &[whole("f")]).unwrap().spills > 3);
    setting.reduce(Partition(0), 1).unwrap();
    assert_eq!(setting.world.files().synced_soon(), [map_output(0).path.as_str(), "out-0"]);
}

#[test]
fn a_list_of_values_that_grows_large_is_combined_on_the_way() {
    let values_reduced = |limits| {
        let setting = Setting { limits, reduces: Reduces::new(1), ..Setting::new(Records { joins: true }) };
        for map in 0..5 {
            let inputs = put_inputs(&setting, &[vec![record("key", &map.to_string())]]);
            setting.map(map, &[whole(&inputs[0])]).unwrap();
        }
        let (output, counters) = setting.reduce(Partition(0), 5).unwrap();
        assert_eq!(output, b"\0\0\0\x03key01234");
        counters.reduce_input_records
    };
    assert_eq!(values_reduced(Limits::default()), 5);
    assert!(values_reduced(Limits { map_buffer: 1, ..Limits::default() }) < 5);
}

#[test]
fn a_map_shows_progress_for_every_record() {
    let setting = with_records(500, Limits::default(), false);
    let ctx = setting.context(TaskId::Map(MapIndex(0)));
    block_on(map::execute(&ctx, &[whole("input-0")], "map-0".into(), &mut MapBuffer::new(ctx.job))).unwrap();
    assert!(ctx.progress.ticks() >= 501, "{}", ctx.progress.ticks());
}

#[test]
fn a_buffer_that_other_maps_have_used_changes_nothing() {
    let setting = with_records(50, Limits::default(), false);
    let ctx = setting.context(TaskId::Map(MapIndex(0)));
    let map_into =
        |output: &str, buffer: &mut MapBuffer| block_on(map::execute(&ctx, &[whole("input-0")], output.into(), buffer));
    map_into("fresh", &mut MapBuffer::new(ctx.job)).unwrap();

    let mut buffer = MapBuffer::new(ctx.job);
    buffer.add(b"left behind", b"by a map that failed", || Ok::<_, Infallible>(Partition(0))).unwrap();
    map_into("first", &mut buffer).unwrap();
    map_into("second", &mut buffer).unwrap();
    assert_eq!(setting.world_file("first"), setting.world_file("fresh"));
    assert_eq!(setting.world_file("second"), setting.world_file("fresh"));
}

#[test]
fn tasks_stop_when_asked_to() {
    let setting = with_records(10, Limits::default(), false);
    let ctx = setting.context(TaskId::Map(MapIndex(0)));
    ctx.progress.stop();
    assert_eq!(
        block_on(map::execute(&ctx, &[whole("input-0")], "stopped".into(), &mut MapBuffer::new(ctx.job))),
        Err(TaskError::Stopped)
    );
    setting.map(0, &[whole("input-0")]).unwrap();
    let ctx = setting.context(TaskId::Reduce(Partition(0)));
    ctx.progress.stop();
    let stopped = block_on(reduce::execute(&ctx, Partition(0), &[map_output(0)], "out-0".into()));
    assert_eq!(stopped, Err(TaskError::Stopped));
}

#[test]
fn tasks_can_run_on_a_thread_of_their_own() {
    let setting = with_records(10, Limits::default(), false);
    let world = setting.world.clone();
    let counters = setting.world.clone().run(async move {
        let task = async move {
            let ctx = setting.context(TaskId::Map(MapIndex(0)));
            map::execute(&ctx, &[whole("input-0")], "map-0".into(), &mut MapBuffer::new(ctx.job)).await.unwrap();
            let ctx = setting.context(TaskId::Reduce(Partition(0)));
            reduce::execute(&ctx, Partition(0), &[map_output(0)], "out-0".into()).await
        };
        world.compute(task).await.unwrap()
    });
    assert_eq!(counters.reduce_input_groups, 10);
}

#[test]
fn the_oracle_puts_everything_into_one_output_when_asked_for_no_partitions() {
    let setting = Setting::new(LinePlaces(InputKind::Line));
    setting.world.files().put("f", b"b\na\nc\na");
    let inputs = ["f".to_owned()];
    let all = block_on(sequential::run(&setting.world, &setting.app, &inputs, None)).unwrap();
    assert_eq!(all, [b"a f 2 a\na f 6 a\nb f 0 b\nc f 4 c\n"]);
}

#[test]
fn the_oracle_knows_the_order_of_a_keys_values() {
    let setting = Setting { reduces: Reduces::new(1), ..Setting::new(Records::default()) };
    let inputs = put_inputs(&setting, &[vec![record("k", "1"), record("k", "2")], vec![record("k", "0")]]);
    assert_eq!(oracle(&setting, &inputs), [b"\0\0\0\x01k120"]);
}

#[test]
fn a_line_that_comes_a_hundred_thousand_times_is_never_held_so_often() {
    for write_block in [1, 1000, 1 << 20] {
        let limits = Limits { write_block, ..Limits::default() };
        let setting = Setting { limits, reduces: Reduces::new(1), ..Setting::new(SortedLines) };
        let text = [b"b\n".repeat(100), b"c\n".repeat(100_001), b"a\n".to_vec(), b"dd\n".repeat(70_000)].concat();
        setting.world.files().put("f", &text);
        setting.map(0, &[whole("f")]).unwrap();
        let (output, counters) = setting.reduce(Partition(0), 1).unwrap();
        assert!(output == oracle(&setting, &["f".to_owned()])[0], "a block of {write_block}");
        assert_eq!(counters.reduce_output_bytes, text.len() as u64);
        assert_eq!(counters.reduce_output_records, 100 + 100_001 + 1 + 70_000);
        if write_block == 1000 {
            assert!(setting.world.files().largest_append() <= 1000, "{}", setting.world.files().largest_append());
        }
    }
}
