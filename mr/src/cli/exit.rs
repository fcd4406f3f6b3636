//! How a program ends: a sentence on stderr and an exit code that tells the kinds of failure apart.

use std::process::ExitCode;

use super::tell;

/// Why a program did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The job failed. Exit code 1.
    #[error("the job failed: {0}")]
    Job(String),
    /// The person's words or files make no sense, and nothing was started. Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// A socket, directory or coordinator could not be used. Exit code 3.
    #[error("{0}")]
    Environment(String),
    /// Somebody pressed Ctrl-C or sent a signal. Exit code 130.
    #[error("interrupted")]
    Interrupted,
    /// The job failed, and whoever started this program says so. Exit code 1.
    #[error("")]
    JobSilently,
}

impl Failure {
    /// The program's exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Failure::Job(_) | Failure::JobSilently => 1,
            Failure::Usage(_) => 2,
            Failure::Environment(_) => 3,
            Failure::Interrupted => 130,
        }
    }
}

/// `text` with control characters written out. An app's words or the name of a file may have some, which would paint the terminal, or
/// make one line look like several.
fn written_out(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Tells the person of a failure and turns the result into an exit code.
#[must_use]
pub fn conclude(program: &str, result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    if failure != Failure::JobSilently {
        tell(format_args!("{program}: {}", written_out(&failure.to_string())));
    }
    ExitCode::from(failure.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out_and_no_others() {
        assert_eq!(written_out("a\u{1b}[31m\nrot\t\u{85} grün …"), r"a\u{1b}[31m\nrot\t\u{85} grün …");
    }
}
