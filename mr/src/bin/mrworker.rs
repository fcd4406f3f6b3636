//! The course's `mrworker`.

use std::process::ExitCode;

use clap::Parser;
use mr::cli::{conclude, run_async};
use mr::programs::worker::{WorkerArguments, run};

fn main() -> ExitCode {
    conclude("mrworker", run_async(run(WorkerArguments::parse())))
}
