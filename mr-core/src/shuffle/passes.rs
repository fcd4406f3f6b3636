//! Merging runs into one run, and many runs into as many as can be merged at a time.

use std::ops::Range;

use world::{FileSystem, Work, World};

use super::combiner::Combiner;
use super::merge::{Merge, OpenRuns};
use super::source::{FileOf, Origin, Source};
use super::{Producer, RunWriter};
use crate::app::{ValueList, ValueRun};
use crate::ids::Partition;
use crate::marks;
use crate::tasks::{TaskContext, TaskError};

/// Merges runs of the partitions it is for into new runs.
pub struct Merger<'a, W: World> {
    ctx: &'a TaskContext<W>,
    partitions: Range<u32>,
    combiner: Option<Combiner<'a>>,
    /// How many temporary runs were written so far.
    merges: u64,
}

impl<'a, W: World> Merger<'a, W> {
    /// A merger of all that belongs to `partitions`; other partitions' records are left out.
    #[must_use]
    pub fn new(ctx: &'a TaskContext<W>, partitions: Range<u32>) -> Self {
        Self { ctx, partitions, combiner: ctx.combiner(), merges: 0 }
    }

    /// Merges consecutive sources into temporary runs until no more than [`merge_fan_in`](crate::tasks::Limits) are left,
    /// and merges no more than that takes. A later source stays behind an earlier one.
    ///
    /// # Errors
    ///
    /// When a run cannot be read or a temporary one not be written, the combiner fails, or the attempt was asked to stop.
    pub async fn narrow(&mut self, mut sources: Vec<Source>) -> Result<Vec<Source>, TaskError> {
        let fan_in = self.ctx.limits.merge_fan_in.max(2);
        while sources.len() > fan_in {
            let mut excess = sources.len() - fan_in;
            let mut narrowed = Vec::new();
            let mut rest = &sources[..];
            while excess > 0 && rest.len() > 1 {
                let (merged, behind) = rest.split_at(rest.len().min(fan_in).min(excess + 1));
                narrowed.push(self.merge_to_scratch(merged).await?);
                excess -= merged.len() - 1;
                rest = behind;
            }
            narrowed.extend_from_slice(rest);
            sources = narrowed;
        }
        Ok(sources)
    }

    /// Merges all `sources` into `writer` and removes those that are the attempt's own.
    ///
    /// # Errors
    ///
    /// As for [`Merger::narrow`].
    pub async fn merge(&mut self, sources: &[Source], writer: &mut RunWriter<FileOf<W>>) -> Result<(), TaskError> {
        let runs = OpenRuns::open(self.ctx, sources).await?;
        for partition in self.partitions.clone().map(Partition) {
            writer.start_partition(partition);
            let mut merge = runs.merge(partition).await?;
            match &mut self.combiner {
                None => copy(self.ctx, &mut merge, writer).await?,
                Some(combiner) => combine(self.ctx, combiner, &mut merge, writer).await?,
            }
        }
        drop(runs);
        for source in sources {
            source.use_up(self.ctx).await?;
        }
        Ok(())
    }

    async fn merge_to_scratch(&mut self, sources: &[Source]) -> Result<Source, TaskError> {
        let path = self.ctx.scratch_file(&format!("merge-{}", self.merges));
        self.merges += 1;
        self.ctx.world.mark(marks::MERGED_IN_PASSES);
        let mut writer = create_run(self.ctx, path.clone()).await?;
        self.merge(sources, &mut writer).await?;
        writer.finish().await?;
        Ok(Source { path, origin: Origin::Scratch })
    }
}

/// Creates a run file of the attempt `ctx` is of.
///
/// # Errors
///
/// When the file exists or cannot be created.
pub async fn create_run<W: World>(
    ctx: &TaskContext<W>,
    path: impl AsRef<camino::Utf8Path>,
) -> Result<RunWriter<FileOf<W>>, TaskError> {
    let file = ctx.world.files().create(path.as_ref()).await?;
    let producer = Producer { job: ctx.job, attempt: ctx.attempt };
    Ok(RunWriter::new(file, producer, ctx.reduces, &ctx.limits))
}

/// Writes all values of `key`, a block at a time.
///
/// # Errors
///
/// When the file cannot be written to, or the attempt was asked to stop.
pub async fn write_group<W: World>(
    ctx: &TaskContext<W>,
    writer: &mut RunWriter<FileOf<W>>,
    key: &[u8],
    runs: impl Iterator<Item = ValueRun<'_>>,
) -> Result<(), TaskError> {
    ctx.tick()?;
    writer.start_group(key);
    for run in runs {
        writer.push_run(run);
        if writer.is_due() {
            flush(ctx, writer).await?;
        }
    }
    writer.end_group();
    // A combiner may have left a key without values.
    if writer.is_due() {
        flush(ctx, writer).await?;
    }
    Ok(())
}

async fn flush<W: World>(ctx: &TaskContext<W>, writer: &mut RunWriter<FileOf<W>>) -> Result<(), TaskError> {
    let bytes = writer.flush().await?;
    ctx.checkpoint(Work { bytes, records: 0 }).await
}

async fn copy<W: World>(
    ctx: &TaskContext<W>,
    merge: &mut Merge<'_, W>,
    writer: &mut RunWriter<FileOf<W>>,
) -> Result<(), TaskError> {
    while let Some(group) = merge.group() {
        writer.copy_group(&group);
        if writer.is_due() {
            flush(ctx, writer).await?;
        }
        merge.advance().await?;
    }
    Ok(())
}

async fn combine<W: World>(
    ctx: &TaskContext<W>,
    combiner: &mut Combiner<'_>,
    merge: &mut Merge<'_, W>,
    writer: &mut RunWriter<FileOf<W>>,
) -> Result<(), TaskError> {
    let (mut key, mut values) = (Vec::new(), ValueList::new());
    while merge.start_key(&mut key) {
        values.clear();
        while merge.take_values(&key, &mut values)? {
            merge.advance().await?;
            if values.memory() >= ctx.limits.map_buffer {
                combiner.fold(&key, &mut values)?;
                write_group(ctx, writer, &key, values.values().runs()).await?;
                values.clear();
            }
        }
        combiner.fold(&key, &mut values)?;
        write_group(ctx, writer, &key, values.values().runs()).await?;
    }
    Ok(())
}
