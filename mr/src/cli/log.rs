//! The log, on stderr: what `--log` means and when there are colours.

use std::io::{self, IsTerminal};

use clap::Args;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::Failure;
use super::tell::Stderr;

/// How much to tell.
#[derive(Debug, Clone, Args)]
pub struct LogOptions {
    /// How much to tell on stderr: off, error, warn, info, debug, trace, or a filter such as warn,mr_core=debug
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    pub log: String,
}

/// Starts the log.
///
/// # Errors
///
/// When the level makes no sense.
pub fn start_log(options: &LogOptions) -> Result<(), Failure> {
    let refused = |reason: String| {
        let levels = "a level (off, error, warn, info, debug or trace)";
        Failure::Usage(format!(
            "--log {}: {reason}; write {levels} or a filter such as warn,mr_core=debug",
            options.log
        ))
    };
    if let Some(word) = no_level(&options.log) {
        return Err(refused(format!("`{word}` is no level")));
    }
    let filter = EnvFilter::try_new(&options.log).map_err(|error| refused(error.to_string()))?;
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A second start, as in tests that run several programs in one process, keeps the first log.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Stderr)
        .with_ansi(colours)
        // It would say on stderr that nothing can be said on stderr, and panic.
        .log_internal_errors(false)
        .try_init();
    Ok(())
}

/// The first part of a filter that is a mere word and no level. It would be the name of a part of a program, of which everything is
/// told and of all others nothing; a slip of the hand, nearly always, that hides even warnings.
fn no_level(filter: &str) -> Option<&str> {
    filter
        .split(',')
        .filter(|part| !part.is_empty() && !part.contains(['=', '[']))
        .find(|word| word.parse::<LevelFilter>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_found() {
        for filter in ["info", "WARN", "off", "warn,mr_core=debug", "mr_core=debug", "[job]=trace", ""] {
            assert_eq!(no_level(filter), None, "{filter}");
        }
        for filter in ["inof", "warn,inof", "mr_core=debug,inof"] {
            assert_eq!(no_level(filter), Some("inof"), "{filter}");
        }
    }
}
