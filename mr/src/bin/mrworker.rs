//! The course's `mrworker`.

use std::process::ExitCode;

use mr::cli::{arguments, conclude, run_async};
use mr::programs::worker::{WorkerArguments, run};

fn main() -> ExitCode {
    conclude("mrworker", arguments().and_then(|arguments: WorkerArguments| run_async(run(arguments))))
}
