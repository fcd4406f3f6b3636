//! One map task: a split or several in, one file of sorted, partitioned runs out.

use camino::Utf8Path;
use world::{File, Work, World};

use super::{TaskContext, TaskError};
use crate::app::{AppError, Emit, MapInput, ValueList};
use crate::counters::Counters;
use crate::input::{Piece, SplitReader};
use crate::job::Split;
use crate::marks;
use crate::shuffle::{FileOf, MAX_FIELD_BYTES, MapBuffer, Merger, Origin, RunWriter, Source, create_run, write_group};

/// Maps `splits`, one after the other, into the new file `output`, which is complete and synced when this returns; it has yet to be given
/// its name. What is emitted goes through `buffer`, which keeps its memory for the next map.
///
/// The buffer is looked at between calls of [`App::map`](crate::app::App::map): all that one call emits is held in memory,
/// whatever [`Limits`](super::Limits) say.
///
/// # Errors
///
/// When the app fails, the input cannot be read, `output` exists or cannot be written, or the attempt was asked to stop.
pub async fn execute<W: World>(
    ctx: &TaskContext<W>,
    splits: &[Split],
    output: &Utf8Path,
    buffer: &mut MapBuffer,
) -> Result<Counters, TaskError> {
    let mut writer = create_run(ctx, output).await?.to_be_synced();
    buffer.clear();
    let mut task = MapTask { ctx, buffer, spills: Vec::new(), counters: Counters::default() };
    for split in splits {
        task.map_split(split).await?;
    }
    task.write_output(&mut writer).await?;
    let (mut file, bytes) = writer.finish().await?;
    file.sync().await?;
    Ok(Counters { map_output_bytes: bytes, ..task.counters })
}

/// How much a buffer may hold of records that hardly share keys. Each of them is looked at here and there in it, when it is added, sorted and
/// written: in what the caches of a processor hold that is cheaper, even though what was spilled has to be merged.
const CACHED: usize = 8 << 20;

struct MapTask<'a, W: World> {
    ctx: &'a TaskContext<W>,
    buffer: &'a mut MapBuffer,
    spills: Vec<Source>,
    counters: Counters,
}

impl<W: World> MapTask<'_, W> {
    /// Reads and maps a whole split, and spills whenever the buffer is full.
    async fn map_split(&mut self, split: &Split) -> Result<(), TaskError> {
        let kind = self.ctx.app.identity().input;
        let block = self.ctx.limits.read_block;
        let mut reader = SplitReader::open(self.ctx.world.files(), split, kind, block).await?;
        while let Some(bytes) = reader.read().await? {
            let before = self.counters.map_output_records;
            for piece in reader.pieces() {
                self.map(&split.path, piece)?;
                if self.is_full() {
                    self.spill().await?;
                    self.counters.spills += 1;
                }
            }
            let records = self.counters.map_output_records - before;
            self.ctx.checkpoint(Work { bytes: bytes as u64, records }).await?;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let memory = self.buffer.memory();
        memory >= self.ctx.limits.map_buffer || memory >= CACHED && self.buffer.groups_little()
    }

    fn map(&mut self, path: &str, piece: Piece<'_>) -> Result<(), TaskError> {
        self.ctx.tick()?;
        let Piece { offset, data } = piece;
        let file = || format!("{path} at byte {offset}");
        let mut collector = Collector { ctx: self.ctx, buffer: self.buffer, records: 0, refused: None };
        let mapped = self.ctx.app.map(MapInput { file: path, offset, data }, &mut collector);
        self.counters.map_input_records += 1;
        self.counters.map_input_bytes += data.len() as u64;
        self.counters.map_output_records += collector.records;
        match collector.refused {
            Some(Refusal::Partition(error)) => Err(TaskError::App { file: file(), error }),
            Some(Refusal::TooLarge { what, len }) => Err(TaskError::TooLarge { file: file(), what, len }),
            None => mapped.map_err(|error| TaskError::App { file: file(), error }),
        }
    }

    /// Writes the buffer out as a sorted run of its own.
    async fn spill(&mut self) -> Result<(), TaskError> {
        let path = self.ctx.scratch_file(&format!("spill-{}", self.spills.len()));
        let mut writer = create_run(self.ctx, &path).await?;
        write_buffer(self.ctx, self.buffer, &mut writer).await?;
        writer.finish().await?;
        self.spills.push(Source { path, origin: Origin::Scratch });
        self.ctx.world.mark(marks::SPILLED);
        Ok(())
    }

    /// Writes everything emitted: straight from the buffer if it all is there still, else merged from the spills.
    async fn write_output(&mut self, writer: &mut RunWriter<FileOf<W>>) -> Result<(), TaskError> {
        if self.spills.is_empty() {
            return write_buffer(self.ctx, self.buffer, writer).await;
        }
        if !self.buffer.is_empty() {
            self.spill().await?;
        }
        // Merging needs memory of its own.
        *self.buffer = MapBuffer::new(self.ctx.job);
        let mut merger = Merger::new(self.ctx, 0..self.ctx.reduces.get());
        let sources = merger.narrow(std::mem::take(&mut self.spills)).await?;
        merger.merge(&sources, writer).await
    }
}

/// Writes all records of `buffer`, combined, and empties it.
async fn write_buffer<W: World>(
    ctx: &TaskContext<W>,
    buffer: &mut MapBuffer,
    writer: &mut RunWriter<FileOf<W>>,
) -> Result<(), TaskError> {
    let mut combiner = ctx.combiner();
    let mut values = ValueList::new();
    for group in buffer.sorted() {
        writer.start_partition(group.partition());
        match &mut combiner {
            None => write_group(ctx, writer, group.key(), group.runs()).await?,
            Some(combiner) => {
                values.clear();
                group.runs().for_each(|run| values.push_run(run));
                combiner.fold(group.key(), &mut values)?;
                write_group(ctx, writer, group.key(), values.values().runs()).await?;
            }
        }
    }
    buffer.clear();
    Ok(())
}

/// What one call of map emits into.
struct Collector<'a, W: World> {
    ctx: &'a TaskContext<W>,
    buffer: &'a mut MapBuffer,
    records: u64,
    /// Why a record could not be taken; the first one counts.
    refused: Option<Refusal>,
}

enum Refusal {
    Partition(AppError),
    TooLarge { what: &'static str, len: usize },
}

impl<W: World> Collector<'_, W> {
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refusal> {
        for (what, field) in [("key", key), ("value", value)] {
            if field.len() > MAX_FIELD_BYTES {
                return Err(Refusal::TooLarge { what, len: field.len() });
            }
        }
        let partition = || self.ctx.app.partition(key, self.ctx.reduces);
        self.buffer.add(key, value, partition).map_err(Refusal::Partition)
    }
}

impl<W: World> Emit for Collector<'_, W> {
    fn emit(&mut self, key: &[u8], value: &[u8]) {
        self.ctx.progress.tick();
        self.records += 1;
        // An emit cannot fail; the task does, once the call of map has returned.
        if self.refused.is_none() {
            self.refused = self.add(key, value).err();
        }
    }
}
