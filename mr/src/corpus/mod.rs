//! A text corpus for those who have none: made-up words with the frequencies of a natural language.
//!
//! In real text the r-th most frequent word is about r times rarer than the first (Zipf's law), which is what makes word
//! count hard on partitions, combiners and buffers. The same size and seed give the same bytes on every machine: a file
//! depends on nothing but the seed, its number and its own length, and no step of the way uses arithmetic that may differ
//! between machines. So files can be made side by side, and a number measured here can be measured again there.

mod text;
mod vocabulary;

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};

use text::Writer;

/// The length of every file but the last, in bytes.
pub const FILE_BYTES: u64 = 8 << 20;

/// Why no corpus was made.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// Files that exist are not overwritten.
    #[error("{path} exists already: remove it or choose another directory")]
    Exists {
        /// The first such file.
        path: Utf8PathBuf,
    },
    /// The directory could not be made.
    #[error("cannot create directory {path}: {source}")]
    Directory {
        /// The directory.
        path: Utf8PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: Utf8PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Writes a corpus of exactly `bytes` bytes into `dir`, which is created where it is missing, and returns its files in
/// order: `gen-00000.txt` and so on, of [`FILE_BYTES`] each but the last. There is always at least one.
///
/// Every line ends with a newline. To make the size exact, the last word of a file may be cut.
///
/// `progress` is called on the calling thread after each file, with the number of bytes written so far.
///
/// A file appears under its name only when it is complete, so a run that is killed leaves whole files and perhaps some with
/// a name that starts with `.gen-`. A power loss is not provided for: make the corpus again.
///
/// # Errors
///
/// When one of the files exists, or the system refuses. Files that were complete by then stay.
pub fn generate(
    dir: &Utf8Path,
    bytes: u64,
    seed: u64,
    mut progress: impl FnMut(u64),
) -> Result<Vec<Utf8PathBuf>, CorpusError> {
    let count = bytes.div_ceil(FILE_BYTES).max(1);
    let path = |k: u64| dir.join(format!("gen-{k:05}.txt"));
    fs::create_dir_all(dir).map_err(|source| CorpusError::Directory { path: dir.to_owned(), source })?;
    if let Some(path) = (0..count).map(path).find(|path| path.symlink_metadata().is_ok()) {
        return Err(CorpusError::Exists { path });
    }

    let writer = Writer::new(seed);
    let next = AtomicU64::new(0);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            let sender = sender.clone();
            let (next, writer) = (&next, &writer);
            scope.spawn(move || {
                let mut buffer = Vec::new();
                loop {
                    let k = next.fetch_add(1, Ordering::Relaxed);
                    if k >= count {
                        return;
                    }
                    let len = FILE_BYTES.min(bytes - k * FILE_BYTES);
                    writer.write(k, len as usize, &mut buffer);
                    // Nobody listens any more once a file has failed.
                    if sender.send(put_in_place(&path(k), &buffer).map(|()| len)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // Leaving early drops the receiver, which stops the threads.
        let mut done = 0;
        for result in results {
            done += result?;
            progress(done);
        }
        Ok(())
    })?;
    Ok((0..count).map(path).collect())
}

/// Writes a file under a temporary name and gives it its own when it is complete and the name is free.
fn put_in_place(path: &Utf8Path, bytes: &[u8]) -> Result<(), CorpusError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => CorpusError::Exists { path: path.to_owned() },
        _ => CorpusError::Write { path: path.to_owned(), source },
    };
    let dir = path.parent().expect("the path was made by joining a name to a directory");
    let mut builder = tempfile::Builder::new();
    // As any other file is created: readable by whom the umask lets.
    builder.prefix(".gen-").permissions(Permissions::from_mode(0o666));
    let mut file = builder.tempfile_in(dir).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist_noclobber(path).map_err(|error| failed(error.error))?;
    Ok(())
}
