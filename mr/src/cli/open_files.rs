//! How many files a process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises this process's limit of open files as far as it may be raised. A reduce reads the outputs of all maps side by side, which is
/// more than the 1024 files that are usual.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is not allowed there may be enough as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
