//! Plan files: one schedule, written down to be read, kept, edited and replayed. Those of old bugs live in
//! `scenarios/regressions` and always run first.

use std::path::Path;

use crate::scenario::FileProblem;
use crate::schedule::Schedule;

/// A schedule and what a person should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanFile {
    /// What happens in it and which bug it once showed, in a sentence or two.
    pub about: String,
    /// Which promise it once broke: the name of a file in `scenarios/src/invariants`.
    pub breaks: Option<String>,
    /// The schedule.
    pub schedule: Schedule,
}

impl PlanFile {
    /// Reads a plan file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or makes no sense.
    pub fn read(path: &Path) -> Result<Self, FileProblem> {
        todo!("{path:?}")
    }

    /// Reads all plan files (`*.toml`) of a directory, with their names (without `.toml`), in the order of these. No such
    /// directory is an empty one.
    ///
    /// # Errors
    ///
    /// When the directory or one of the files cannot be read, or a file makes no sense.
    pub fn read_all(directory: &Path) -> Result<Vec<(String, Self)>, FileProblem> {
        todo!("{directory:?}")
    }

    /// The text of the file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        todo!()
    }
}
