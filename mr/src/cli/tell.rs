//! Words for whoever started a program. That nobody reads them, or that a full disk takes no more, is no reason for a job to end.

use std::fmt::Display;
use std::io::{self, Write};

/// Says a line on stderr.
pub fn tell(line: impl Display) {
    write_line(&mut io::stderr().lock(), &line);
}

/// Prints a line, or several, on stdout.
pub fn print(lines: impl Display) {
    write_line(&mut io::stdout().lock(), &lines);
}

/// Writes a line at once, so that lines of several processes do not mix.
fn write_line(to: &mut impl Write, line: &impl Display) {
    let _ = to.write_all(format!("{line}\n").as_bytes());
}
