//! Which files can be inputs, and what is said of those that cannot.
//!
//! An input is read piece by piece, and again after a failure, so it has to be a regular file. Where workers read it, it also has to
//! be the same file for all of them.

use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use mr_core::job::InputFile;

use crate::cli::Failure;

/// How many symbolic links are followed, as many as Linux does.
const MAX_LINKS: u32 = 40;

/// The inputs of workers, with their lengths.
///
/// # Errors
///
/// When one of them cannot be read, or might be another file for a worker.
pub(super) fn measured_inputs(files: &[Utf8PathBuf]) -> Result<Vec<InputFile>, Failure> {
    if let Some(file) = files.iter().find(|file| leads_through_proc(file.as_std_path())) {
        return Err(Failure::Usage(format!(
            "the input `{file}` leads through /proc and so is another file for each process: name the file itself, or \
             write what comes out of a pipe to a file first"
        )));
    }
    check_inputs(files)?;
    let measured = files.iter().map(|file| {
        let len = fs::metadata(file).ok().map(|metadata| metadata.len());
        InputFile { path: file.to_string(), len }
    });
    Ok(measured.collect())
}

/// Fails unless each of `files` is a regular one that this process can read.
pub(super) fn check_inputs(files: &[Utf8PathBuf]) -> Result<(), Failure> {
    match files.iter().find_map(|file| trouble(file)) {
        Some(trouble) => Err(Failure::Usage(trouble)),
        None => Ok(()),
    }
}

/// A sentence about what cannot be used as an input, or nothing when it can be read.
fn trouble(path: &Utf8Path) -> Option<String> {
    let kind = match fs::metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) => return Some(unreadable(path, &error)),
    };
    if kind.is_dir() {
        let files = path.join("*");
        return Some(format!("the input `{path}` is a directory: name the files in it, for example `{files}`"));
    }
    // Not even opened: that of a pipe waits for somebody to write to it.
    if !kind.is_file() {
        let name = name_of(kind);
        return Some(format!(
            "the input `{path}` is a {name}, and only a regular file can be read from any place and more than once: write \
             what comes out of it to a file and name that"
        ));
    }
    fs::File::open(path).err().map(|error| unreadable(path, &error))
}

fn unreadable(path: &Utf8Path, error: &io::Error) -> String {
    format!("cannot read the input `{path}`: {error}")
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}

/// Whether `path`, or a link that it leads to, lies in `/proc`, as `/dev/stdin` and the shell's `<(…)` do.
fn leads_through_proc(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Ok(directory) = parent.canonicalize() else { return false };
        if directory.starts_with("/proc") {
            return true;
        }
        match fs::read_link(&path) {
            Ok(target) => path = directory.join(target),
            Err(_) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn proc_is_found_behind_links_of_any_kind() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("file", at("near")).unwrap();
        symlink("/proc/self/fd", at("descriptors")).unwrap();
        symlink("descriptors/0", at("first")).unwrap();
        symlink(at("first"), at("second")).unwrap();
        symlink("circle", at("circle")).unwrap();
        for path in ["/dev/stdin", "/dev/fd/0", "/proc/cpuinfo"].map(Path::new) {
            assert!(leads_through_proc(path), "{}", path.display());
        }
        for name in ["descriptors/0", "first", "second"] {
            assert!(leads_through_proc(&at(name)), "{name}");
        }
        for name in ["file", "near", "circle", "missing", "missing/file"] {
            assert!(!leads_through_proc(&at(name)), "{name}");
        }
    }
}
