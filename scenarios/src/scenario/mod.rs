//! A scenario: a situation in words, and the ranges from which a seed draws a schedule of it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::schedule::Schedule;

/// One situation that is rehearsed, read from a file in `scenarios/cases`.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The name of its file, without `.toml`.
    pub name: String,
    /// The situation, in a sentence.
    pub about: String,
    /// The promise at stake, in a sentence.
    pub promise: String,
}

/// Why a scenario or plan file cannot be used: which file, which line, what is wrong, and what was perhaps meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, where known.
    pub line: Option<usize>,
    /// What is wrong, and what was perhaps meant: a sentence without its full stop.
    pub what: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for FileProblem {}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or makes no sense.
    pub fn read(path: &Path) -> Result<Self, FileProblem> {
        todo!("{path:?}")
    }

    /// Reads all scenario files (`*.toml`) of a directory, in the order of their names.
    ///
    /// # Errors
    ///
    /// When the directory or one of the files cannot be read, or a file makes no sense.
    pub fn read_all(directory: &Path) -> Result<Vec<Self>, FileProblem> {
        todo!("{directory:?}")
    }

    /// The schedule that `seed` draws.
    #[must_use]
    pub fn draw(&self, seed: u64) -> Schedule {
        todo!("{seed}")
    }
}
