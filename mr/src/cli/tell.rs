//! Words for whoever started a program. That nobody reads them, or that a full disk takes no more, is no reason for a job to end.
//!
//! Progress bars are drawn over and over again at the end of the terminal. What is said on it meanwhile goes above them, or the next drawing
//! would wipe it out.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::OnceLock;

use indicatif::MultiProgress;

/// The bars, if this program shows any.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// From now on says everything above `bars`.
pub fn tell_above(bars: &MultiProgress) {
    // A second run in one process, as in tests, keeps the first ones.
    let _ = BARS.set(bars.clone());
}

/// Says a line on stderr.
pub fn tell(line: impl Display) {
    write_line(&mut Stderr, &line);
}

/// Stderr, above the bars. What is written should be whole lines.
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(bytes);
        BARS.get().map_or_else(write, |bars| bars.suspend(write)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nothing is held back.
        Ok(())
    }
}

/// Prints a line, or several, on stdout.
pub fn print(lines: impl Display) {
    write_line(&mut io::stdout().lock(), &lines);
}

/// Prints lines that are all that a program is asked for. Whoever reads no further has what they want.
///
/// # Errors
///
/// When they cannot be written.
pub fn print_for_use(lines: impl Display) -> io::Result<()> {
    match io::stdout().lock().write_all(format!("{lines}\n").as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Writes a line at once, so that lines of several processes do not mix.
fn write_line(to: &mut impl Write, line: &impl Display) {
    let _ = to.write_all(format!("{line}\n").as_bytes());
}
