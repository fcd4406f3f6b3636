//! A sorted run that is to be merged, and whose fault it is when it cannot be read.

use std::io;
use std::sync::Arc;

use camino::Utf8PathBuf;
use world::{FileError, FileOperation, FileSystem, World};

use super::{Producer, RunError, RunFile};
use crate::ids::MapAttempt;
use crate::tasks::{TaskContext, TaskError};

/// The file type of the world `W`.
pub(crate) type FileOf<W> = <<W as World>::Files as FileSystem>::File;

/// Where a run comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is the output of a map: not ours to remove, and to be made again when it is bad.
    Map(MapAttempt),
    /// The merging attempt wrote it itself: removed as soon as it is used up.
    Scratch,
}

/// A run file that is to be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: Utf8PathBuf,
    /// Where it comes from.
    pub origin: Origin,
}

impl Source {
    /// Opens the run and checks that it is what it should be.
    pub(super) async fn open<W: World>(&self, ctx: &TaskContext<W>) -> Result<Arc<RunFile<FileOf<W>>>, TaskError> {
        let attempt = match self.origin {
            Origin::Map(map) => map.into(),
            Origin::Scratch => ctx.attempt,
        };
        let producer = Producer { job: ctx.job, attempt };
        let file = ctx.world.files().open(&self.path).await.map_err(|error| self.blame(error.into()))?;
        let run = RunFile::open(file, &self.path, producer, ctx.reduces, ctx.limits.run_block).await;
        run.map(Arc::new).map_err(|error| self.blame(error))
    }

    /// Removes the run if it is the attempt's own.
    pub(crate) async fn use_up<W: World>(&self, ctx: &TaskContext<W>) -> Result<(), TaskError> {
        if self.origin == Origin::Scratch {
            ctx.world.files().remove_file(&self.path).await?;
        }
        Ok(())
    }

    /// Says whose fault `error` is.
    pub(super) fn blame(&self, error: RunError) -> TaskError {
        match (self.origin, error) {
            (Origin::Map(map), error) => TaskError::BadMapOutput { map, reason: error.to_string() },
            (Origin::Scratch, RunError::File(error)) => TaskError::File(error),
            (Origin::Scratch, RunError::Format { path, error }) => TaskError::File(FileError {
                operation: FileOperation::Read,
                path,
                kind: io::ErrorKind::InvalidData,
                reason: error.to_string(),
            }),
        }
    }
}
