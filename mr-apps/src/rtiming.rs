//! The course's test of parallel reduces.

use std::path::Path;
use std::time::Duration;

use mr_core::app::{App, AppError, Emit, MapInput, Output, Values};

use crate::VERSION;
use crate::parallel::workers_at_once;

/// Tells for each of the keys `a` to `j` how many workers reduced when it was. Its reduce takes one second, for which the file
/// `mr-worker-reduce-PID` is in the current directory.
#[derive(Debug, Clone, Copy)]
pub struct ReduceTiming;

impl App for ReduceTiming {
    fn name(&self) -> &str {
        "rtiming"
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn map(&self, _input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        for key in b'a'..=b'j' {
            emit.emit(&[key], b"1");
        }
        Ok(())
    }

    fn reduce(&self, _key: &[u8], _values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        counted(Path::new("."), Duration::from_secs(1), output)
    }
}

/// A reduce in `directory` that takes `time`.
fn counted(directory: &Path, time: Duration, output: &mut Output<'_>) -> Result<(), AppError> {
    let parallel = workers_at_once(directory, "reduce", time)?;
    output.value(parallel.to_string().as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::testing::mapped;

    #[test]
    fn ten_keys_are_emitted() {
        let emitted = mapped(&ReduceTiming, "f", "whatever");
        let keys: Vec<u8> = emitted.iter().flat_map(|(key, _)| key.clone()).collect();
        assert_eq!(keys, b"abcdefghij");
        assert!(emitted.iter().all(|(_, value)| value == b"1"));
    }

    #[test]
    fn a_worker_by_itself_counts_one() {
        let directory = TempDir::new().expect("a temporary directory");
        let mut written = Vec::new();
        counted(directory.path(), Duration::ZERO, &mut Output::new(b"a", &mut written)).expect("a reduce");
        assert_eq!(written, b"a 1\n");
    }
}
