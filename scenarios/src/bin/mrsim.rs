//! `mrsim`: rehearse MapReduce from the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    scenarios::mrsim::main()
}
