//! What is told to people and written to files, and what of it could not be.
//!
//! How a campaign ended does not depend on who listens. A reader that has gone away (`| head`) is told no more; that is its own
//! choice, and all else goes on. A full disk, or a folder that cannot be made, is said at once and counts in the end, but hides nothing
//! graver.

use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Stdout, Write};
use std::path::Path;
use std::process;

use anstream::AutoStream;

use super::exit::Ending;

/// Where words and files go.
pub(super) struct Output {
    stdout: AutoStream<Stdout>,
    /// Whether stdout still takes words.
    heard: bool,
    /// Whether something could not be printed or written.
    unwritten: bool,
}

impl Output {
    /// Nothing was told yet.
    pub(super) fn new() -> Self {
        Self { stdout: anstream::stdout(), heard: true, unwritten: false }
    }

    /// Prints on stdout, for `write!` and `writeln!`. Where nobody looks colours are left out.
    pub(super) fn write_fmt(&mut self, words: fmt::Arguments<'_>) {
        if self.heard {
            let printed = self.stdout.write_fmt(words);
            self.printed(printed);
        }
    }

    /// The end of a command that ended so.
    pub(super) fn close(mut self, ending: Ending) -> Ending {
        if self.heard {
            let printed = self.stdout.flush();
            self.printed(printed);
        }
        if self.unwritten { ending.max(Ending::NotWritten) } else { ending }
    }

    /// Writes a file of `text`; says whether that could be done.
    pub(super) fn write_file(&mut self, path: &Path, text: &str) -> bool {
        self.written(fs::write(path, text).map_err(|error| named(path, &error))).is_some()
    }

    fn printed(&mut self, printed: io::Result<()>) {
        let Err(error) = printed else { return };
        self.heard = false;
        if error.kind() != ErrorKind::BrokenPipe {
            self.written(Err::<(), _>(error));
        }
    }

    /// What came of writing a file, if it could be written; otherwise that is told.
    pub(super) fn written<T>(&mut self, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(written) => Some(written),
            Err(error) => {
                self.unwritten = true;
                say(format_args!("mrsim: cannot write the results: {error}"));
                None
            }
        }
    }
}

/// `error`, with the file that it is about.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Whether files can be written to `folder`, which need not be there: better said before a night than after it. Nothing is left behind.
pub(super) fn can_write_into(folder: &Path) -> io::Result<()> {
    let there = folder.ancestors().map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    let there = there.into_iter().find(|above| above.exists()).unwrap_or(folder);
    let file = there.join(format!(".mrsim-{}", process::id()));
    let tried = File::create(&file).and_then(|_| fs::remove_file(&file));
    tried.map_err(|error| named(folder, &error))
}

/// Says a line on stderr; nobody has to listen.
pub(super) fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
