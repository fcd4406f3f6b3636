//! The course's `mrsequential`.

use std::process::ExitCode;

use mr::cli::{arguments, conclude, run_async};
use mr::programs::sequential::{SequentialArguments, run};

fn main() -> ExitCode {
    conclude("mrsequential", arguments().and_then(|arguments: SequentialArguments| run_async(run(arguments))))
}
