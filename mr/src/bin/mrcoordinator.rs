//! The course's `mrcoordinator`.

use std::process::ExitCode;

use mr::cli::{arguments, conclude, run_async};
use mr::programs::coordinator::{CoordinatorArguments, run};

fn main() -> ExitCode {
    conclude("mrcoordinator", arguments().and_then(|arguments: CoordinatorArguments| run_async(run(arguments))))
}
