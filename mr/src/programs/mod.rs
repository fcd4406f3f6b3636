//! The programs, as functions: their command lines and what they do. The binaries only call them.

pub mod apps;
pub mod coordinator;
mod directories;
pub mod generate;
mod inputs;
mod lock;
mod outputs;
pub mod run;
pub mod sequential;
mod signals;
mod trial;
pub mod worker;

use std::path::{Path, PathBuf};

use mr_core::ids::JobId;
use world::World;

use crate::real::RealWorld;

/// The course's socket up to 2025, for those who name none.
#[must_use]
pub fn default_socket() -> PathBuf {
    PathBuf::from(format!("/var/tmp/5840-mr-{}", rustix::process::getuid().as_raw()))
}

/// How a worker's process is called in the log and by whoever sees it die.
#[must_use]
pub fn worker_name(pid: u32) -> String {
    let host = rustix::system::uname();
    format!("{}/{pid}", host.nodename().to_string_lossy())
}

/// A fresh name for a job.
fn new_job_id(world: &RealWorld) -> JobId {
    JobId(world.entropy())
}

/// Whether something other than a regular file, or nothing at all, bears the name: what makes a course program's first
/// argument a socket.
fn names_a_socket(path: &Path) -> bool {
    !path.is_file()
}
