//! The directory that a job's outputs go to: ours alone while the job runs, and free of an earlier job's outputs once it starts.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::directories::{OUTPUTS, make_directory};
use super::{lock, sequential, trial};
use crate::cli::Failure;

/// A directory for outputs, locked until this and all copies of its lock are dropped.
pub(super) struct Outputs {
    directory: Utf8PathBuf,
    /// The outputs of an earlier job.
    earlier: Vec<Utf8PathBuf>,
    /// Keeps a second job out of the directory.
    lock: File,
}

/// Which of the outputs in a directory are a job's own: it writes them, or removes what would look like one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belonging {
    /// All that have the name of one, even if this job has fewer: a mixture of two jobs' outputs would look like one job's.
    All,
    /// `mr-out-0` alone, beside whatever else there is.
    First,
}

impl Belonging {
    fn includes(self, name: &str) -> bool {
        let Some(number) = name.strip_prefix("mr-out-") else { return false };
        match self {
            Belonging::All => !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
            Belonging::First => number == "0",
        }
    }
}

impl Outputs {
    /// Makes `directory` if need be, checks that it can be written to, and locks it.
    ///
    /// # Errors
    ///
    /// When it cannot be used, another job uses it, something in it has an output's name and is none, or one of `inputs` is among the outputs
    /// of an earlier job.
    pub(super) async fn claim(
        directory: &Utf8Path,
        inputs: &[Utf8PathBuf],
        belonging: Belonging,
    ) -> Result<Self, Failure> {
        make_directory(directory, &OUTPUTS)?;
        trial::write_to(directory).map_err(|error| unusable(directory, &error))?;
        let lock = lock::take(directory, lock::PATIENCE).await?;
        let earlier = earlier_outputs(directory, belonging)?;
        refuse_to_remove_inputs(&earlier, inputs)?;
        remove_left_by_sequential(directory, inputs)?;
        Ok(Self { directory: directory.to_owned(), earlier, lock })
    }

    /// Removes the outputs of an earlier job, for which nothing may stand in the way of this one any more.
    ///
    /// # Errors
    ///
    /// When one of them cannot be removed.
    pub(super) fn remove_earlier(&self) -> Result<(), Failure> {
        for output in &self.earlier {
            fs::remove_file(output).map_err(|error| {
                Failure::Environment(format!(
                    "cannot remove `{output}`, an output of an earlier job: {error}; remove it by hand, or give --out another directory"
                ))
            })?;
        }
        if !self.earlier.is_empty() {
            tracing::info!(count = self.earlier.len(), directory = %self.directory, "removed the outputs of an earlier job");
        }
        Ok(())
    }

    /// What keeps the directory locked.
    pub(super) fn lock(&self) -> &File {
        &self.lock
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Utf8Path {
        &self.directory
    }
}

fn unusable(directory: &Utf8Path, error: &io::Error) -> Failure {
    Failure::Environment(format!("cannot write to the output directory `{directory}`: {error}"))
}

/// The files that have the names of outputs, as far as they belong to this job.
fn earlier_outputs(directory: &Utf8Path, belonging: Belonging) -> Result<Vec<Utf8PathBuf>, Failure> {
    let unusable = |error| unusable(directory, &error);
    let mut outputs = Vec::new();
    for entry in fs::read_dir(directory).map_err(unusable)? {
        let entry = entry.map_err(unusable)?;
        let name = entry.file_name();
        // One that is not UTF-8 is no output's, and what else lies here is none of our business.
        let Some(name) = name.to_str().filter(|name| belonging.includes(name)) else { continue };
        let path = directory.join(name);
        let kind = entry.file_type().map_err(unusable)?;
        if !(kind.is_file() || kind.is_symlink()) {
            let what = if kind.is_dir() { "a directory" } else { "no regular file" };
            return Err(Failure::Environment(format!(
                "`{path}` has the name of an output and is {what}: move it away, or give --out another directory"
            )));
        }
        outputs.push(path);
    }
    Ok(outputs)
}

/// Removes what earlier sequential jobs were writing when a signal ended them. None writes here now: that would have the lock.
fn remove_left_by_sequential(directory: &Utf8Path, inputs: &[Utf8PathBuf]) -> Result<(), Failure> {
    let unusable = |error| unusable(directory, &error);
    for entry in fs::read_dir(directory).map_err(unusable)? {
        let entry = entry.map_err(unusable)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| sequential::is_temporary(name)) else { continue };
        let path = directory.join(name);
        if !entry.file_type().map_err(unusable)?.is_file() || is_among(inputs, &path) {
            continue;
        }
        // It is in nobody's way.
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!("cannot remove `{path}`, which a sequential job left behind: {error}");
        }
    }
    Ok(())
}

fn is_among(inputs: &[Utf8PathBuf], path: &Utf8Path) -> bool {
    let path = path.canonicalize().ok();
    path.is_some() && inputs.iter().any(|input| input.canonicalize().ok() == path)
}

fn refuse_to_remove_inputs(outputs: &[Utf8PathBuf], inputs: &[Utf8PathBuf]) -> Result<(), Failure> {
    let canonical = |path: &Utf8PathBuf| path.canonicalize().ok();
    // A set: there may be thousands of either.
    let outputs: BTreeSet<_> = outputs.iter().filter_map(canonical).collect();
    match inputs.iter().find(|input| canonical(input).is_some_and(|input| outputs.contains(&input))) {
        Some(input) => Err(Failure::Usage(format!(
            "the input `{input}` would be overwritten by an output of this job: give --out another directory"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn directory() -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        (directory, path)
    }

    #[tokio::test]
    async fn outputs_of_an_earlier_job_go_and_nothing_else_does() {
        let (_guard, path) = directory();
        for name in ["mr-out-0", "mr-out-19", "mr-out-", "mr-out-x", "mr-output-1", "notes.txt"] {
            fs::write(path.join(name), "x").unwrap();
        }
        let outputs = Outputs::claim(&path, &[], Belonging::All).await.unwrap();
        assert!(path.join("mr-out-19").exists(), "not before the job can start");
        outputs.remove_earlier().unwrap();
        let mut left: Vec<_> =
            path.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned()).collect();
        left.sort();
        assert_eq!(left, ["mr-out-", "mr-out-x", "mr-output-1", "notes.txt"]);
    }

    #[tokio::test]
    async fn a_name_that_is_not_utf_8_is_no_outputs_and_in_nobodys_way() {
        let (_guard, path) = directory();
        let strange = path.as_std_path().join(OsStr::from_bytes(b"mr-out-\xff"));
        fs::write(&strange, "x").unwrap();
        fs::write(path.join("mr-out-0"), "x").unwrap();
        Outputs::claim(&path, &[], Belonging::All).await.unwrap().remove_earlier().unwrap();
        assert!(strange.exists() && !path.join("mr-out-0").exists());
    }

    #[tokio::test]
    async fn an_input_is_known_again_below_a_name_that_is_not_utf_8() {
        let (_guard, path) = directory();
        let strange = path.as_std_path().join(OsStr::from_bytes(b"\xff"));
        fs::create_dir(&strange).unwrap();
        let link = path.join("link");
        std::os::unix::fs::symlink(&strange, &link).unwrap();
        fs::write(link.join("mr-out-3"), "precious").unwrap();
        assert!(Outputs::claim(&link, &[link.join("mr-out-3")], Belonging::All).await.is_err());
    }

    #[tokio::test]
    async fn an_input_among_the_earlier_outputs_stays_and_the_job_is_refused() {
        let (_guard, path) = directory();
        let input = path.join("mr-out-3");
        fs::write(&input, "precious").unwrap();
        let failure = Outputs::claim(&path, &[path.join("./mr-out-3")], Belonging::All).await.err().unwrap();
        assert_eq!(failure.code(), 2);
        assert_eq!(fs::read_to_string(&input).unwrap(), "precious");
    }

    #[tokio::test]
    async fn what_a_sequential_job_that_was_killed_left_goes_and_what_is_like_it_does_not() {
        let (_guard, path) = directory();
        let input = path.join("mr-sequential-inputs");
        for name in ["mr-sequential-a1B2c3", "mr-sequential-inputs", "mr-sequential-a1B2c", "mr-sequential-a1_2c3"] {
            fs::write(path.join(name), "x").unwrap();
        }
        fs::create_dir(path.join("mr-sequential-direct")).unwrap();
        Outputs::claim(&path, std::slice::from_ref(&input), Belonging::First).await.unwrap();
        let mut left: Vec<_> =
            path.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned()).collect();
        left.sort();
        let others = ["mr-sequential-a1B2c", "mr-sequential-a1_2c3", "mr-sequential-direct", "mr-sequential-inputs"];
        assert_eq!(left, others);
    }
}
