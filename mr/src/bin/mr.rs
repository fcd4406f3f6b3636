//! `mr`: MapReduce from one command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mr::cli::{EXIT_CODES, Failure, STYLES, arguments, conclude, run_async};
use mr::programs::coordinator::CoordinatorArguments;
use mr::programs::generate::GenerateArguments;
use mr::programs::run::RunArguments;
use mr::programs::sequential::SequentialArguments;
use mr::programs::worker::WorkerArguments;
use mr::programs::{apps, coordinator, generate, run, sequential, worker};

/// MapReduce on your own files: a coordinator, workers, and apps built in or loaded as plugins.
#[derive(Debug, Parser)]
#[command(name = "mr", version, styles = STYLES, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a job on this machine: a coordinator and some worker processes
    #[command(after_help = EXIT_CODES)]
    Run(RunArguments),
    /// Write a reproducible text corpus
    #[command(after_help = generate::EXIT_CODES)]
    Gen(GenerateArguments),
    /// List the built-in apps
    Apps,
    /// Give out the tasks of a job to workers started by hand (mrcoordinator)
    Coordinator(CoordinatorArguments),
    /// Run tasks for a coordinator (mrworker)
    Worker(WorkerArguments),
    /// Run a job in one process, as something to compare with (mrsequential)
    Sequential(SequentialArguments),
}

fn main() -> ExitCode {
    conclude("mr", arguments().and_then(|arguments: Arguments| obey(arguments.command)))
}

fn obey(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => run_async(run::run(arguments)),
        Command::Gen(arguments) => generate::run(&arguments),
        Command::Apps => apps::run(),
        Command::Coordinator(arguments) => run_async(coordinator::run(arguments)),
        Command::Worker(arguments) => run_async(worker::run(arguments)),
        Command::Sequential(arguments) => run_async(sequential::run(arguments)),
    }
}
