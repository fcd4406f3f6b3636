//! How the course finds out how many workers are at it together: each leaves a file while it works, and counts the others'.

use std::fs;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use mr_core::app::AppError;
use rustix::process::{Pid, test_kill_process};

/// How many processes, this one among them, work on `phase` in `directory` right now. Takes `time`.
pub(crate) fn workers_at_once(directory: &Path, phase: &str, time: Duration) -> Result<usize, AppError> {
    let prefix = format!("mr-worker-{phase}-");
    let file = directory.join(format!("{prefix}{}", std::process::id()));
    fs::write(&file, "x").map_err(|error| AppError(format!("cannot write `{}`: {error}", file.display())))?;
    let alive = alive(directory, &prefix)
        .map_err(|error| AppError(format!("cannot list the directory `{}`: {error}", directory.display())));
    sleep(time);
    match fs::remove_file(&file) {
        // Another task of this very worker had the same file, and was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => alive,
        Err(error) => Err(AppError(format!("cannot remove `{}`: {error}", file.display()))),
        Ok(()) => alive,
    }
}

/// How many files in `directory` are named `prefix` and the id of a living process.
fn alive(directory: &Path, prefix: &str) -> io::Result<usize> {
    let mut alive = 0;
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix(prefix))
            .and_then(|id| id.parse().ok())
            .and_then(Pid::from_raw);
        if process.is_some_and(|process| test_kill_process(process).is_ok()) {
            alive += 1;
        }
    }
    Ok(alive)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn living_workers_of_the_same_phase_are_counted() {
        let directory = TempDir::new().expect("a temporary directory");
        let mut dead = Command::new("true").spawn().expect("a process");
        dead.wait().expect("a dead process");
        let alive = std::os::unix::process::parent_id();
        for name in [
            format!("mr-worker-map-{alive}"),
            format!("mr-worker-map-{}", dead.id()),
            format!("mr-worker-reduce-{alive}"),
            "mr-worker-map-".to_owned(),
            "mr-worker-map-0".to_owned(),
            "mr-worker-map-1x".to_owned(),
        ] {
            fs::write(directory.path().join(name), "x").expect("a temporary file");
        }
        assert_eq!(workers_at_once(directory.path(), "map", Duration::ZERO), Ok(2));
        let own = directory.path().join(format!("mr-worker-map-{}", std::process::id()));
        assert!(!own.exists(), "a worker takes its file away with it");
    }

    #[test]
    fn the_file_is_there_while_the_work_lasts() {
        let directory = TempDir::new().expect("a temporary directory");
        let own = directory.path().join(format!("mr-worker-reduce-{}", std::process::id()));
        std::thread::scope(|scope| {
            let working = scope.spawn(|| workers_at_once(directory.path(), "reduce", Duration::from_secs(1)));
            let mut seen = false;
            while !seen && !working.is_finished() {
                seen = own.exists();
                sleep(Duration::from_millis(1));
            }
            assert!(seen);
            assert_eq!(working.join().expect("no panic"), Ok(1));
        });
        assert!(!own.exists());
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = workers_at_once(Path::new("no/such"), "map", Duration::ZERO).expect_err("no directory");
        assert!(error.0.starts_with("cannot write `no/such/mr-worker-map-"), "{error}");
    }
}
