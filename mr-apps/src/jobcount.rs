//! The course's test that no map is run twice without need.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use mr_core::app::{App, AppError, Emit, MapInput, Output, Values};

use crate::VERSION;

/// What the names of the files start with that maps leave.
const PREFIX: &str = "mr-worker-jobcount";

/// Tells how many maps were run: each leaves a file `mr-worker-jobcount-PID-N` in the current directory and takes 2 to 5 seconds.
#[derive(Debug, Clone, Copy)]
pub struct JobCount;

impl App for JobCount {
    fn name(&self) -> &str {
        "jobcount"
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn map(&self, _input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        leave_file(Path::new("."))?;
        sleep(Duration::from_millis(fastrand::u64(2000..5000)));
        emit.emit(b"a", b"x");
        Ok(())
    }

    fn reduce(&self, _key: &[u8], _values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        let files = files_left(Path::new("."))
            .map_err(|error| AppError(format!("cannot list the current directory: {error}")))?;
        output.value(files.to_string().as_bytes());
        Ok(())
    }
}

/// Leaves one more file in `directory`.
fn leave_file(directory: &Path) -> Result<(), AppError> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let file = directory.join(format!("{PREFIX}-{}-{call}", std::process::id()));
    fs::write(&file, "x").map_err(|error| AppError(format!("cannot write `{}`: {error}", file.display())))
}

/// How many files were left in `directory`, by whomever.
fn files_left(directory: &Path) -> io::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(directory)? {
        if entry?.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            files += 1;
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn every_call_leaves_a_file_of_its_own() {
        let directory = TempDir::new().expect("a temporary directory");
        fs::write(directory.path().join("mr-out-0"), "").expect("a temporary file");
        fs::write(directory.path().join("mr-worker-jobcount-1-0"), "x").expect("another worker's file");
        for calls in 1..=3 {
            leave_file(directory.path()).expect("a file");
            assert_eq!(files_left(directory.path()).expect("a directory"), calls + 1);
        }
        let own = format!("mr-worker-jobcount-{}-", std::process::id());
        let files = fs::read_dir(directory.path()).expect("a directory").map(|entry| entry.expect("an entry"));
        let own = files.filter(|file| file.file_name().to_string_lossy().starts_with(&own));
        assert!(own.map(|file| fs::read_to_string(file.path()).expect("a file")).eq(["x", "x", "x"]));
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = leave_file(Path::new("no/such")).expect_err("no directory");
        assert!(error.0.starts_with("cannot write `no/such/mr-worker-jobcount-"), "{error}");
    }
}
