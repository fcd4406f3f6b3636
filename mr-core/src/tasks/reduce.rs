//! One reduce task: one partition of every map's output in, one file of results out.

use camino::{Utf8Path, Utf8PathBuf};
use world::{File, FileSystem, Work, World};

use super::{TaskContext, TaskError};
use crate::app::{Output, Repeat, ValueList};
use crate::counters::Counters;
use crate::ids::{MapAttempt, Partition};
use crate::marks;
use crate::shuffle::{Combiner, FileOf, Merge, Merger, OpenRuns, Origin, Source, key_label};

/// The output of one map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapOutput {
    /// The attempt that must have written it.
    pub map: MapAttempt,
    /// The file.
    pub path: Utf8PathBuf,
}

/// Reduces `partition` of `inputs`, given in the order of the maps, into the new file `output`, which is complete and synced
/// when this returns; it has yet to be given its name.
///
/// All values of one key, equal neighbours folded, and all output of one call of [`App::reduce`](crate::app::App::reduce), records that it
/// writes many times over only once, are held in memory.
///
/// # Errors
///
/// [`TaskError::BadMapOutput`] when anything is wrong with one of `inputs`. Otherwise when the app fails, a file of the
/// attempt's own cannot be written or read back, or the attempt was asked to stop.
pub async fn execute<W: World>(
    ctx: &TaskContext<W>,
    partition: Partition,
    inputs: &[MapOutput],
    output: &Utf8Path,
) -> Result<Counters, TaskError> {
    let file = ctx.world.files().create(output).await?;
    let sources = inputs.iter().map(|input| Source { path: input.path.clone(), origin: Origin::Map(input.map) });
    let sources = Merger::new(ctx, partition.0..partition.0 + 1).narrow(sources.collect()).await?;

    let runs = OpenRuns::open(ctx, &sources).await?;
    let merge = runs.merge(partition).await?;
    let combiner = ctx.combiner();
    let mut task = ReduceTask {
        ctx,
        merge,
        combiner,
        file,
        finished: Vec::new(),
        repeats: Vec::new(),
        counters: Counters::default(),
    };
    task.reduce_all().await?;
    task.file.sync().await?;
    let counters = task.counters;
    drop((task, runs));

    for source in &sources {
        source.use_up(ctx).await?;
    }
    Ok(counters)
}

struct ReduceTask<'a, W: World> {
    ctx: &'a TaskContext<W>,
    merge: Merge<'a, W>,
    combiner: Option<Combiner<'a>>,
    file: FileOf<W>,
    /// Output on its way to the file.
    finished: Vec<u8>,
    /// Which of it is to be written more than once.
    repeats: Vec<Repeat>,
    counters: Counters,
}

impl<W: World> ReduceTask<'_, W> {
    async fn reduce_all(&mut self) -> Result<(), TaskError> {
        let (mut key, mut values) = (Vec::new(), ValueList::new());
        while self.merge.start_key(&mut key) {
            self.ctx.tick()?;
            self.gather(&key, &mut values).await?;
            self.reduce(&key, &values)?;
            if self.finished.len() >= self.ctx.limits.write_block {
                self.write().await?;
            }
        }
        self.write().await
    }

    /// Collects all values of `key`. A list that grows large is combined on the way.
    async fn gather(&mut self, key: &[u8], values: &mut ValueList) -> Result<(), TaskError> {
        let mut budget = self.ctx.limits.map_buffer;
        values.clear();
        while self.merge.take_values(key, values)? {
            self.merge.advance().await?;
            if let Some(combiner) = &mut self.combiner
                && values.memory() >= budget
            {
                combiner.fold(key, values)?;
                self.ctx.world.mark(marks::VALUES_FOLDED);
                // Values that combining hardly shrinks are not folded again at every further one.
                budget = budget.max(2 * values.memory());
            }
        }
        Ok(())
    }

    fn reduce(&mut self, key: &[u8], values: &ValueList) -> Result<(), TaskError> {
        let mut output = Output::with_repeats(key, &mut self.finished, &mut self.repeats);
        self.counters.reduce_input_groups += 1;
        // Counts that a damaged file claims may be any; what is wrong with it is told where it is read.
        let counted = &mut self.counters.reduce_input_records;
        *counted = counted.saturating_add(values.values().len());
        self.ctx
            .app
            .reduce(key, values.values(), &mut output)
            .map_err(|error| TaskError::App { file: key_label(key), error })?;
        let counted = &mut self.counters.reduce_output_records;
        *counted = counted.saturating_add(output.records());
        Ok(())
    }

    async fn write(&mut self) -> Result<(), TaskError> {
        let (finished, repeats) = (std::mem::take(&mut self.finished), std::mem::take(&mut self.repeats));
        let mut start = 0;
        for Repeat { end, len, times } in repeats {
            self.append(&finished[start..end]).await?;
            self.append_copies(&finished[end - len..end], times).await?;
            start = end;
        }
        self.append(&finished[start..]).await?;
        self.finished = finished;
        self.finished.clear();
        Ok(())
    }

    /// Appends `record` so many `times`, about as much at once as is written at a time otherwise.
    async fn append_copies(&mut self, record: &[u8], times: u64) -> Result<(), TaskError> {
        let at_once = (self.ctx.limits.write_block / record.len()).max(1) as u64;
        let copies = record.repeat(at_once.min(times) as usize);
        for _ in 0..times / at_once {
            self.append(&copies).await?;
        }
        self.append(&copies[..record.len() * (times % at_once) as usize]).await
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.file.append(bytes).await?;
        self.file.sync_soon();
        let bytes = bytes.len() as u64;
        self.counters.reduce_output_bytes += bytes;
        self.ctx.checkpoint(Work { bytes, records: 0 }).await
    }
}
