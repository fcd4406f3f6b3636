//! Whatever goes wrong in a task is told as what it is: the app's fault, a map output's, or a file's.

mod support;

use std::io::ErrorKind;

use futures::executor::block_on;
use mr_core::app::{App, AppError, Emit, MapInput, Output, ValueList, ValueRun, Values};
use mr_core::ids::{Attempt, JobId, MapIndex, Partition, Reduces, TaskId};
use mr_core::sequential;
use mr_core::shuffle::{MAX_FIELD_BYTES, MapBuffer, create_run, write_group};
use mr_core::tasks::{Limits, TaskError, map, reduce};
use support::MemoryWorld;
use support::data_path::{Records, Setting, SortedLines, map_output, record_file, whole};
use world::{FileError, FileOperation, World};

/// Five maps done, three reduces to go; runs are merged two at a time, so that most are read in the first of several passes.
fn mapped() -> Setting {
    let limits = Limits { merge_fan_in: 2, run_block: 64, ..Limits::default() };
    let setting = Setting { limits, ..Setting::new(Records::default()) };
    for index in 0..5 {
        let record = |i: u32| (format!("key {i}").into_bytes(), format!("value {index}").into_bytes());
        setting.world.files().put("input", &record_file(&(0..50).map(record).collect::<Vec<_>>()));
        setting.map(index, &[whole("input")]).unwrap();
    }
    setting
}

fn files(setting: &Setting) -> &<MemoryWorld as World>::Files {
    setting.world.files()
}

/// Reduces all partitions, and checks that each that fails blames the map `index`; returns the reasons.
fn blamed(setting: &Setting, index: u32) -> Vec<String> {
    let reason = |partition| match setting.reduce(partition, 5) {
        Ok(_) => None,
        Err(TaskError::BadMapOutput { map, reason }) => {
            assert_eq!(map, map_output(index).map, "{reason}");
            Some(reason)
        }
        Err(other) => panic!("map {index} is to blame, not: {other}"),
    };
    setting.reduces.partitions().filter_map(reason).collect()
}

#[test]
fn a_missing_map_output_names_its_map() {
    for index in 0..5 {
        let setting = mapped();
        block_on(async {
            use world::FileSystem;
            files(&setting).remove_file(&map_output(index).path).await.unwrap();
        });
        let reasons = blamed(&setting, index);
        assert_eq!(reasons.len(), 3, "every reduce needs every map");
        assert!(reasons[0].starts_with(&format!("cannot open map-{index}: ")), "{}", reasons[0]);
    }
}

#[test]
fn an_unreadable_map_output_names_its_map() {
    for index in 0..5 {
        let setting = mapped();
        files(&setting).fail(FileOperation::Read, &format!("map-{index}"));
        assert_eq!(blamed(&setting, index).len(), 3);
    }
}

#[test]
fn a_damaged_map_output_names_its_map() {
    let good = mapped();
    for index in [0, 2, 4] {
        let path = format!("map-{index}");
        let bytes = good.world_file(&path);
        for at in (0..bytes.len()).step_by(7) {
            let setting = mapped();
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            files(&setting).put(&path, &damaged);
            let reasons = blamed(&setting, index);
            assert!(!reasons.is_empty(), "byte {at} of {path}");
            assert!(reasons.iter().all(|reason| reason.starts_with(&format!("{path}: "))), "{reasons:?}");
        }
    }
}

#[test]
fn an_empty_map_output_names_its_map() {
    let setting = mapped();
    files(&setting).put("map-3", b"");
    assert_eq!(blamed(&setting, 3)[0], "map-3: the file ends at byte 0, inside its trailer at byte 0");
}

#[test]
fn more_records_of_a_key_than_can_be_counted_are_no_records_at_all() {
    let setting = Setting::new(SortedLines);
    for index in 0..2 {
        let ctx = setting.context(TaskId::Map(MapIndex(index)));
        block_on(async {
            let mut writer = create_run(&ctx, &map_output(index).path).await.unwrap();
            writer.start_partition(Partition(1));
            let half = ValueRun { value: b"", count: 1 << 63 };
            write_group(&ctx, &mut writer, b"line\n", std::iter::once(half)).await.unwrap();
            writer.finish().await.unwrap();
        });
    }
    let Err(TaskError::BadMapOutput { map, reason }) = setting.reduce(Partition(1), 2) else { panic!("it is refused") };
    assert_eq!(map.map, MapIndex(1));
    assert!(reason.contains("number of records"), "{reason}");
}

#[test]
fn a_map_output_that_another_attempt_wrote_is_refused() {
    let setting = mapped();
    files(&setting).put("map-1", &setting.world_file("map-2"));
    assert!(blamed(&setting, 1)[0].contains("written by map 2, attempt 1"));

    let setting = mapped();
    let mut ctx = setting.context(TaskId::Map(MapIndex(4)));
    ctx.attempt.attempt = Attempt(2);
    block_on(map::execute(&ctx, &[whole("input")], "second".into(), &mut MapBuffer::new(ctx.job))).unwrap();
    files(&setting).put("map-4", &setting.world_file("second"));
    assert!(blamed(&setting, 4)[0].contains("written by map 4, attempt 2"));

    let setting = mapped();
    let mut ctx = setting.context(TaskId::Map(MapIndex(4)));
    ctx.job = JobId(8);
    block_on(map::execute(&ctx, &[whole("input")], "elsewhere".into(), &mut MapBuffer::new(ctx.job))).unwrap();
    files(&setting).put("map-4", &setting.world_file("elsewhere"));
    assert!(
        blamed(&setting, 4)[0].contains("of job 0000000000000008, not by map 4, attempt 1 of job 0000000000000007")
    );
}

#[test]
fn a_map_output_for_another_number_of_reduces_is_refused() {
    let setting = mapped();
    let other = Setting { reduces: Reduces::new(4), ..setting.clone() };
    let ctx = other.context(TaskId::Map(MapIndex(0)));
    block_on(map::execute(&ctx, &[whole("input")], "cut".into(), &mut MapBuffer::new(ctx.job))).unwrap();
    files(&setting).put("map-0", &setting.world_file("cut"));
    assert!(blamed(&setting, 0)[0].contains("holds 4 partitions, not 3"));
}

fn file_error(result: Result<impl std::fmt::Debug, TaskError>) -> FileError {
    match result {
        Err(TaskError::File(error)) => error,
        other => panic!("a file's fault, not {other:?}"),
    }
}

#[test]
fn trouble_with_the_attempts_own_files_is_not_the_maps_fault() {
    for (operation, path) in [
        (FileOperation::Create, "out-0"),
        (FileOperation::Append, "out-0"),
        (FileOperation::Sync, "out-0"),
        (FileOperation::Create, "scratch reduce 0.merge-0"),
        (FileOperation::Append, "scratch reduce 0.merge-1"),
        (FileOperation::Open, "scratch reduce 0.merge-0"),
        (FileOperation::Read, "scratch reduce 0.merge-1"),
        (FileOperation::RemoveFile, "scratch reduce 0.merge-0"),
    ] {
        let setting = mapped();
        files(&setting).fail(operation, path);
        let error = file_error(setting.reduce(Partition(0), 5));
        assert_eq!((error.operation, error.path.as_str()), (operation, path));
    }
}

#[test]
fn trouble_with_a_maps_files_is_told() {
    let limits = Limits { map_buffer: 1, ..Limits::default() };
    for (operation, path) in [
        (FileOperation::Open, "input"),
        (FileOperation::Read, "input"),
        (FileOperation::Create, "map-0"),
        (FileOperation::Append, "map-0"),
        (FileOperation::Sync, "map-0"),
        (FileOperation::Append, "scratch map 0.spill-0"),
    ] {
        let setting = Setting { limits, ..Setting::new(Records::default()) };
        files(&setting).put("input", b"key\nvalue\n");
        files(&setting).fail(operation, path);
        let error = file_error(setting.map(0, &[whole("input")]));
        assert_eq!((error.operation, error.path.as_str()), (operation, path));
    }
}

#[test]
fn an_output_that_exists_is_not_written_over() {
    let setting = mapped();
    assert_eq!(file_error(setting.map(0, &[whole("input")])).kind, ErrorKind::AlreadyExists);
    files(&setting).put("out-1", b"precious");
    assert_eq!(file_error(setting.reduce(Partition(1), 5)).kind, ErrorKind::AlreadyExists);
    assert_eq!(setting.world_file("out-1"), b"precious");
}

/// Fails where it is told to.
#[derive(Default)]
struct Failing {
    map: bool,
    partition: bool,
    huge: Option<&'static str>,
    reduce: bool,
    combine: bool,
}

impl App for Failing {
    fn name(&self) -> &str {
        "failing"
    }

    fn map(&self, _input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        let huge = vec![0; self.huge.map_or(0, |_| MAX_FIELD_BYTES + 1)];
        match self.huge {
            Some("key") => emit.emit(&huge, b"1"),
            Some(_) => emit.emit(b"k", &huge),
            None => (0..3_u8).for_each(|value| emit.emit(b"k\n", &[value])),
        }
        if self.map { Err(AppError::new("no map")) } else { Ok(()) }
    }

    fn reduce(&self, _: &[u8], _: Values<'_>, _: &mut Output<'_>) -> Result<(), AppError> {
        if self.reduce { Err(AppError::new("no reduce")) } else { Ok(()) }
    }

    fn has_combiner(&self) -> bool {
        self.combine
    }

    fn combine(&self, _: &[u8], _: Values<'_>, _: &mut ValueList) -> Result<(), AppError> {
        Err(AppError::new("no combine"))
    }

    fn partition(&self, _: &[u8], reduces: Reduces) -> Partition {
        Partition(if self.partition { reduces.get() } else { 0 })
    }
}

fn failing(app: Failing) -> Setting {
    let setting = Setting::new(app);
    files(&setting).put("input", b"x");
    setting
}

fn words(result: Result<impl std::fmt::Debug, TaskError>) -> String {
    assert!(matches!(result, Err(TaskError::App { .. } | TaskError::TooLarge { .. })), "{result:?}");
    result.unwrap_err().to_string()
}

#[test]
fn the_apps_failures_carry_its_words_and_say_where() {
    let setting = failing(Failing { map: true, ..Failing::default() });
    assert_eq!(words(setting.map(0, &[whole("input")])), "input at byte 0: no map");

    let setting = failing(Failing { partition: true, ..Failing::default() });
    let expected = "input at byte 0: partition returned 3 although there are only 3 reduces";
    assert_eq!(words(setting.map(0, &[whole("input")])), expected);

    let setting = failing(Failing { combine: true, ..Failing::default() });
    assert_eq!(words(setting.map(0, &[whole("input")])), "key k\\n: no combine");

    let setting = failing(Failing { reduce: true, ..Failing::default() });
    setting.map(0, &[whole("input")]).unwrap();
    assert_eq!(words(setting.reduce(Partition(0), 1)), "key k\\n: no reduce");
}

#[test]
fn the_oracle_fails_with_the_same_words() {
    let run = |app, reduces| {
        let setting = failing(app);
        block_on(sequential::run(&setting.world, &setting.app, &["input".to_owned()], reduces))
    };
    let reduces = Some(Reduces::new(3));
    let map = Failing { map: true, ..Failing::default() };
    assert_eq!(words(run(map, reduces)), "input at byte 0: no map");
    let reduce = Failing { reduce: true, ..Failing::default() };
    assert_eq!(words(run(reduce, None)), "key k\\n: no reduce");
    let partition = Failing { partition: true, ..Failing::default() };
    let expected = "input at byte 0: partition returned 3 although there are only 3 reduces";
    assert_eq!(words(run(partition, reduces)), expected);
    let setting = Setting::new(Failing::default());
    let missing = block_on(sequential::run(&setting.world, &setting.app, &["none".to_owned()], None));
    assert_eq!(file_error(missing).path, "none");
}

#[test]
fn a_combiner_that_is_switched_off_is_not_called() {
    let setting = Setting { combine: false, ..failing(Failing { combine: true, ..Failing::default() }) };
    setting.map(0, &[whole("input")]).unwrap();
    let ctx = setting.context(TaskId::Reduce(Partition(0)));
    let counters = block_on(reduce::execute(&ctx, Partition(0), &[map_output(0)], "out-0".into())).unwrap();
    assert_eq!(counters.reduce_input_records, 3);
}

#[test]
fn a_field_too_large_fails_the_task_even_if_map_does_not() {
    for what in ["key", "value"] {
        let setting = failing(Failing { huge: Some(what), ..Failing::default() });
        let len = MAX_FIELD_BYTES + 1;
        let expected = TaskError::TooLarge { file: "input at byte 0".into(), what, len };
        assert_eq!(setting.map(0, &[whole("input")]), Err(expected));
    }
}
