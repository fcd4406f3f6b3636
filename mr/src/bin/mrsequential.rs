//! The course's `mrsequential`.

use std::process::ExitCode;

use clap::Parser;
use mr::cli::{conclude, run_async};
use mr::programs::sequential::{SequentialArguments, run};

fn main() -> ExitCode {
    conclude("mrsequential", run_async(run(SequentialArguments::parse())))
}
