//! `mrsim`: rehearse MapReduce from the command line.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A rehearsal is many small allocations on a thread of its own: this allocator makes some nine percent more of them in the same time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    scenarios::mrsim::main()
}
