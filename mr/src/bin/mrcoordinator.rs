//! The course's `mrcoordinator`.

use std::process::ExitCode;

use clap::Parser;
use mr::cli::{conclude, run_async};
use mr::programs::coordinator::{CoordinatorArguments, run};

fn main() -> ExitCode {
    conclude("mrcoordinator", run_async(run(CoordinatorArguments::parse())))
}
