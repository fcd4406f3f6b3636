//! Apps, inputs and limits for the tests of the data path.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use futures::executor::block_on;
use mr_core::app::{App, AppError, Emit, Guarded, InputKind, MapInput, Output, ValueList, Values};
use mr_core::counters::Counters;
use mr_core::ids::{Attempt, AttemptId, JobId, MapAttempt, MapIndex, Partition, Reduces, TaskId};
use mr_core::job::Split;
use mr_core::shuffle::MapBuffer;
use mr_core::tasks::reduce::MapOutput;
use mr_core::tasks::{Limits, TaskContext, TaskError, map, reduce};
use proptest::prelude::*;

use super::MemoryWorld;

/// A record: key and value.
pub type Record = (Vec<u8>, Vec<u8>);

/// Emits the records that a file consists of (see [`record_file`]); reduces a key to all of its values in order.
#[derive(Default)]
pub struct Records {
    /// Whether values are joined before they are reduced. What a reduce yields cannot tell.
    pub joins: bool,
}

/// A file of `records`, as [`Records`] reads it: every field is an escaped line.
pub fn record_file(records: &[Record]) -> Vec<u8> {
    let line = |field: &[u8]| format!("{}\n", field.escape_ascii());
    records.iter().flat_map(|(key, value)| [line(key), line(value)]).collect::<String>().into_bytes()
}

fn unescape(line: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some((&byte, behind)) = rest.split_first() {
        let (escaped, len) = match (byte, behind) {
            (b'\\', [b'x', high, low, ..]) => {
                let digits = [*high, *low];
                (u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap(), 4)
            }
            (b'\\', [b't', ..]) => (b'\t', 2),
            (b'\\', [b'r', ..]) => (b'\r', 2),
            (b'\\', [b'n', ..]) => (b'\n', 2),
            (b'\\', [other, ..]) => (*other, 2),
            _ => (byte, 1),
        };
        bytes.push(escaped);
        rest = &rest[len..];
    }
    bytes
}

impl App for Records {
    fn name(&self) -> &str {
        "records"
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        let fields: Vec<_> = input.data.split(|&byte| byte == b'\n').map(unescape).collect();
        for record in fields.chunks_exact(2) {
            emit.emit(&record[0], &record[1]);
        }
        Ok(())
    }

    fn reduce(&self, key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.raw(&(key.len() as u32).to_be_bytes(), 1);
        output.raw(key, 1);
        for value in values.iter() {
            output.raw(value, 1);
        }
        Ok(())
    }

    fn has_combiner(&self) -> bool {
        self.joins
    }

    fn combine(&self, _key: &[u8], values: Values<'_>, combined: &mut ValueList) -> Result<(), AppError> {
        combined.push(&values.iter().collect::<Vec<_>>().concat());
        Ok(())
    }
}

/// Emits every line under its first byte, with its place and text.
pub struct LinePlaces(pub InputKind);

impl App for LinePlaces {
    fn name(&self) -> &str {
        "line places"
    }

    fn input(&self) -> InputKind {
        self.0
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        let mut offset = input.offset;
        let lines = match self.0 {
            InputKind::Line => vec![input.data],
            InputKind::Lines | InputKind::WholeFile => input.data.split_inclusive(|&byte| byte == b'\n').collect(),
        };
        for line in lines {
            let text = format!("{} {offset} {}", input.file, line.escape_ascii());
            emit.emit(&line[..line.len().min(1)], text.as_bytes());
            offset += line.len() as u64;
        }
        Ok(())
    }

    fn reduce(&self, _key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        values.iter().for_each(|value| output.value(value));
        Ok(())
    }
}

/// Sorts lines: each is written as often as it came.
pub struct SortedLines;

impl App for SortedLines {
    fn name(&self) -> &str {
        "sorted lines"
    }

    fn input(&self) -> InputKind {
        InputKind::Lines
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        input.data.split_inclusive(|&byte| byte == b'\n').for_each(|line| emit.emit(line, b""));
        Ok(())
    }

    fn reduce(&self, line: &[u8], times: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.raw(line, times.len());
        Ok(())
    }
}

/// Fields that look alike: empty ones, line ends, blanks, NULs, bytes that are not UTF-8, shared prefixes.
pub fn field() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(&[0, b'\n', b' ', b'a', b'\\', 0xff][..]);
    prop_oneof![
        4 => prop::collection::vec(byte.clone(), 0..3),
        1 => prop::collection::vec(byte, 7..11),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// Some records, many of them of the same keys.
pub fn records(most: usize) -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec((field(), field()), 0..most)
}

/// Limits as tight as they get, and looser ones.
pub fn limits() -> impl Strategy<Value = Limits> {
    (1..3000_usize, 1..100_usize, 1..300_usize, 0..6_usize, 1..300_usize).prop_map(
        |(map_buffer, read_block, run_block, merge_fan_in, write_block)| Limits {
            map_buffer,
            read_block,
            run_block,
            merge_fan_in,
            write_block,
        },
    )
}

/// How a job is run in the tests: task by task, on one world.
#[derive(Clone)]
pub struct Setting {
    pub world: MemoryWorld,
    pub app: Guarded,
    pub combine: bool,
    pub reduces: Reduces,
    pub limits: Limits,
}

impl Setting {
    pub fn new(app: impl App + 'static) -> Self {
        Self {
            world: MemoryWorld::new(),
            app: Guarded::new(Arc::new(app)),
            combine: true,
            reduces: Reduces::new(3),
            limits: Limits::default(),
        }
    }

    /// The context of the first attempt at `task`.
    pub fn context(&self, task: TaskId) -> TaskContext<MemoryWorld> {
        TaskContext {
            world: self.world.clone(),
            app: self.app.clone(),
            combine: self.combine,
            reduces: self.reduces,
            limits: self.limits,
            job: JobId(7),
            attempt: AttemptId { task, attempt: Attempt(1) },
            scratch: Utf8PathBuf::from(format!("scratch {task}")),
            progress: Arc::default(),
        }
    }

    /// Maps `splits` as map `index` into the file [`map_output`] names.
    pub fn map(&self, index: u32, splits: &[Split]) -> Result<Counters, TaskError> {
        let ctx = self.context(TaskId::Map(MapIndex(index)));
        block_on(map::execute(&ctx, splits, &map_output(index).path, &mut MapBuffer::new(ctx.job)))
    }

    /// Reduces a partition of the maps `0..maps` and returns the output.
    pub fn reduce(&self, partition: Partition, maps: u32) -> Result<(Vec<u8>, Counters), TaskError> {
        let ctx = self.context(TaskId::Reduce(partition));
        let inputs: Vec<_> = (0..maps).map(map_output).collect();
        let output = format!("out-{partition}");
        let counters = block_on(reduce::execute(&ctx, partition, &inputs, Utf8Path::new(&output)))?;
        Ok((self.world_file(&output), counters))
    }

    /// Runs the whole job, whose maps read these splits, and returns the output of every partition.
    pub fn run(&self, map_inputs: &[Vec<Split>]) -> Result<Vec<Vec<u8>>, TaskError> {
        for (index, splits) in (0..).zip(map_inputs) {
            self.map(index, splits)?;
        }
        let maps = map_inputs.len() as u32;
        self.reduces.partitions().map(|partition| Ok(self.reduce(partition, maps)?.0)).collect()
    }

    pub fn world_file(&self, path: &str) -> Vec<u8> {
        use world::World;
        self.world.files().get(path).unwrap_or_else(|| panic!("there is a file {path}"))
    }
}

/// The output of the first attempt at map `index`.
pub fn map_output(index: u32) -> MapOutput {
    let map = MapAttempt { map: MapIndex(index), attempt: Attempt(1) };
    MapOutput { map, path: format!("map-{index}").into() }
}

/// All of the file `path`.
pub fn whole(path: &str) -> Split {
    Split { path: path.to_owned(), offset: 0, len: None, file_len: None }
}
