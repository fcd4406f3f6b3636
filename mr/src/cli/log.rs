//! The log, on stderr: what `--log` means and when there are colours.

use std::io::{self, IsTerminal};

use clap::Args;
use tracing_subscriber::EnvFilter;

use super::Failure;

/// How much to tell.
#[derive(Debug, Clone, Args)]
pub struct LogOptions {
    /// How much to tell on stderr: error, warn, info, debug, trace, or a filter such as mr_core=debug
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    pub log: String,
}

/// Starts the log.
///
/// # Errors
///
/// When the level makes no sense.
pub fn start_log(options: &LogOptions) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&options.log).map_err(|error| {
        Failure::Usage(format!(
            "--log {}: {error}; write a level such as info or a filter such as mr_core=debug",
            options.log
        ))
    })?;
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A second start, as in tests that run several programs in one process, keeps the first log.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours)
        // It would say on stderr that nothing can be said on stderr, and panic.
        .log_internal_errors(false)
        .try_init();
    Ok(())
}
