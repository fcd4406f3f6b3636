//! The same job done plainly: one ordered map in memory, no buffers, no runs, no combiner.
//!
//! It shares with the data path only how input is cut into pieces. It is what `mrsequential` runs, and the oracle that every
//! other way to run a job is held against.

use std::collections::BTreeMap;

use world::World;

use crate::app::{AppError, Emit, Guarded, MapInput, Output, ValueList};
use crate::ids::{Partition, Reduces};
use crate::input::SplitReader;
use crate::job::Split;
use crate::shuffle::key_label;
use crate::tasks::{Limits, TaskError};

/// Runs `app` over the files `inputs` and returns the bytes that each partition's output must have; with no number of
/// partitions, all of it in one.
///
/// # Errors
///
/// When an input cannot be read or the app fails.
pub async fn run<W: World>(
    world: &W,
    app: &Guarded,
    inputs: &[String],
    reduces: Option<Reduces>,
) -> Result<Vec<Vec<u8>>, TaskError> {
    let mut collector = Collector { app, reduces, partitions: Vec::new(), refused: None };
    collector.partitions.resize_with(reduces.map_or(1, Reduces::get) as usize, BTreeMap::new);
    for path in inputs {
        map_file(world, path, &mut collector).await?;
    }
    collector.partitions.iter().map(|groups| reduce_all(app, groups)).collect()
}

async fn map_file<W: World>(world: &W, path: &str, collector: &mut Collector<'_>) -> Result<(), TaskError> {
    let app = collector.app;
    let split = Split { path: path.to_owned(), offset: 0, len: None, file_len: None };
    let block = Limits::default().read_block;
    let mut reader = SplitReader::open(world.files(), &split, app.identity().input, block).await?;
    while reader.read().await?.is_some() {
        for piece in reader.pieces() {
            let mapped = app.map(MapInput { file: path, offset: piece.offset, data: piece.data }, collector);
            let result = collector.refused.take().map_or(mapped, Err);
            let file = || format!("{path} at byte {}", piece.offset);
            result.map_err(|error| TaskError::App { file: file(), error })?;
        }
    }
    Ok(())
}

fn reduce_all(app: &Guarded, groups: &BTreeMap<Vec<u8>, ValueList>) -> Result<Vec<u8>, TaskError> {
    let mut bytes = Vec::new();
    for (key, values) in groups {
        app.reduce(key, values.values(), &mut Output::new(key, &mut bytes))
            .map_err(|error| TaskError::App { file: key_label(key), error })?;
    }
    Ok(bytes)
}

/// What map emits into: an ordered map for every partition.
struct Collector<'a> {
    app: &'a Guarded,
    reduces: Option<Reduces>,
    partitions: Vec<BTreeMap<Vec<u8>, ValueList>>,
    /// Why a key could not be put into a partition; the first one counts.
    refused: Option<AppError>,
}

impl Emit for Collector<'_> {
    fn emit(&mut self, key: &[u8], value: &[u8]) {
        let partition = match self.reduces {
            Some(reduces) => self.app.partition(key, reduces),
            None => Ok(Partition(0)),
        };
        match partition {
            Ok(partition) => self.partitions[partition.0 as usize].entry(key.to_vec()).or_default().push(value),
            Err(error) => self.refused = self.refused.take().or(Some(error)),
        }
    }
}
