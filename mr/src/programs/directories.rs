//! Making the directories that a job writes to, so that they outlive a loss of power: an output is promised to, and it does no more than the
//! directories on the way to it.

use std::fs::{self, File};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::cli::Failure;

/// What a directory is for, in the words that a person knows it by.
pub(super) struct Purpose {
    name: &'static str,
    option: &'static str,
}

/// For outputs.
pub(super) const OUTPUTS: Purpose = Purpose { name: "output directory", option: "--out" };

/// For intermediate files.
pub(super) const INTERMEDIATE: Purpose = Purpose { name: "directory for intermediate files", option: "--dir" };

/// Makes `directory` and those that it lies in, as far as they do not exist, durably.
///
/// # Errors
///
/// When that cannot be.
pub(super) fn make_directory(directory: &Utf8Path, purpose: &Purpose) -> Result<(), Failure> {
    let Purpose { name, option } = purpose;
    let changed = parents_of_missing(directory);
    fs::create_dir_all(directory).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::Environment(format!("the {name} `{directory}` is no directory: give {option} another name"))
        }
        _ => Failure::Environment(format!("cannot make the {name} `{directory}`: {error}; give {option} another")),
    })?;
    for parent in changed {
        File::open(&parent).and_then(|parent| parent.sync_all()).map_err(|error| {
            Failure::Environment(format!(
                "cannot bring the {name} `{directory}` to the disk: syncing `{parent}`: {error}; give {option} another directory"
            ))
        })?;
    }
    Ok(())
}

/// The directories that get a new entry when `directory` is made with all that it lies in.
fn parents_of_missing(directory: &Utf8Path) -> Vec<Utf8PathBuf> {
    let missing = directory.ancestors().take_while(|ancestor| !ancestor.as_str().is_empty() && !ancestor.exists());
    missing.filter_map(Utf8Path::parent).map(|parent| Utf8Path::new(".").join(parent)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_is_new_to_the_one_that_it_lies_in() {
        let guard = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(guard.path().to_owned()).unwrap();
        assert_eq!(parents_of_missing(&path), Vec::<Utf8PathBuf>::new());
        let (one, two) = (path.join("one"), path.join("one/two"));
        assert_eq!(parents_of_missing(&two.join("three/")), [two, one, path]);
        assert_eq!(parents_of_missing("no such/there".into()), ["./no such", "./"]);
    }
}
