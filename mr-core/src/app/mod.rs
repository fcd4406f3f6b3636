//! What a person brings: a map, a reduce, and perhaps a combiner and a partitioner of their own.
//!
//! Keys and values are bytes, not strings: input that is not UTF-8 is legal. An app is shared by all the tasks of a worker
//! and called from several threads at once, so it keeps no state between calls that its results depend on.

mod guard;
mod output;
mod partition;
mod values;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use guard::Guarded;
pub use output::Output;
pub(crate) use output::Repeat;
pub use partition::{fnv1a_32, hash_partition};
pub use values::{ValueList, ValueRun, Values};

use crate::ids::{Partition, Reduces};

/// How an app wants its input cut into calls of [`App::map`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// One call a file, with all of its bytes, which must fit in memory; so must what that call emits. Such files are never
    /// split. Most of the course's apps are of this kind.
    WholeFile,
    /// One call a line, without its line end (`\n` or `\r\n`).
    Line,
    /// One call for each stretch of complete lines, line ends included: the fastest kind, for apps that look through text and
    /// do not care how much of it they see at once. Only the last line of a file may lack its end.
    Lines,
}

impl fmt::Display for InputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WholeFile => "whole files",
            Self::Line => "line by line",
            Self::Lines => "many lines at once",
        })
    }
}

/// What one call of [`App::map`] gets.
#[derive(Debug, Clone, Copy)]
pub struct MapInput<'a> {
    /// The input file, as the person named it.
    pub file: &'a str,
    /// Where in the file `data` starts, in bytes.
    pub offset: u64,
    /// The bytes, as [`InputKind`] says.
    pub data: &'a [u8],
}

/// Why an app could not handle a record: its own words, for the person who reads the failure of the job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppError(pub String);

impl AppError {
    /// The failure that `words` tell of.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AppError {}

/// Where [`App::map`] puts its intermediate records.
pub trait Emit {
    /// Emits one record. Both slices are copied.
    fn emit(&mut self, key: &[u8], value: &[u8]);
}

/// A MapReduce program.
///
/// For one input, `map` and `reduce` must yield the same records each time they are asked: that is what lets a second attempt
/// stand in for a first (MapReduce paper, section 3.3).
pub trait App: Send + Sync {
    /// The short name by which coordinator and workers agree on running the same program, such as `wc`.
    fn name(&self) -> &str;

    /// The version that takes part in that agreement. Who gives one vouches for it that all builds which bear it do the same. Where it is
    /// empty, whoever loads apps from files may put a checksum of the file in its place, so that different builds do not work together.
    fn version(&self) -> &str {
        ""
    }

    /// How the input is to be cut.
    fn input(&self) -> InputKind {
        InputKind::WholeFile
    }

    /// Turns a piece of input into intermediate records.
    ///
    /// # Errors
    ///
    /// When the input makes no sense to the app. The attempt fails; after some attempts the job does, with these words.
    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError>;

    /// Turns all the values of one key into output. Values come in the order of the map tasks and, within one, of emission. There is at
    /// least one, unless the app's own [`App::combine`] has left none.
    ///
    /// # Errors
    ///
    /// As for [`App::map`].
    fn reduce(&self, key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError>;

    /// Whether [`App::combine`] does anything.
    fn has_combiner(&self) -> bool {
        false
    }

    /// Folds values of one key into fewer, to be reduced together with others later: `reduce` must yield the same bytes
    /// whether, where and how often values were combined before (MapReduce paper, section 4.3). The key stays even if no value does.
    ///
    /// # Errors
    ///
    /// As for [`App::map`].
    fn combine(&self, _key: &[u8], values: Values<'_>, combined: &mut ValueList) -> Result<(), AppError> {
        for run in values.runs() {
            combined.push_run(run);
        }
        Ok(())
    }

    /// The partition that `key` belongs to, below `reduces`. Depends on the key alone.
    fn partition(&self, key: &[u8], reduces: Reduces) -> Partition {
        hash_partition(key, reduces)
    }
}

/// Where a worker gets its app from: a list of built-in ones, a plugin file.
pub trait AppSource: Send + Sync {
    /// What the app will say of itself, known before it is made.
    fn identity(&self) -> AppIdentity;

    /// Makes the app.
    ///
    /// # Errors
    ///
    /// When the argument makes no sense to it.
    fn create(&self, argument: &str) -> Result<Arc<dyn App>, AppError>;
}

/// By what coordinator and workers agree that they run the same program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AppIdentity {
    /// [`App::name`]
    pub name: String,
    /// [`App::version`]
    pub version: String,
    /// [`App::input`]
    pub input: InputKind,
}

impl AppIdentity {
    /// The identity of `app`.
    #[must_use]
    pub fn of(app: &dyn App) -> Self {
        Self { name: app.name().to_owned(), version: app.version().to_owned(), input: app.input() }
    }
}

impl fmt::Display for AppIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.version.is_empty() { Ok(()) } else { write!(f, " {}", self.version) }
    }
}
