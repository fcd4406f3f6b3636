//! The MapReduce programs that come with mr: four that are of use, and the six that the course tests with.
//!
//! One file an app. Each is built in, as [`builtin`] and [`builtins`] tell, and each is a plugin too (`plugins/`); both forms
//! have the same identity, so that a worker with the one may serve a job of the other.

mod crash;
mod early_exit;
mod grep;
mod indexer;
mod jobcount;
mod joined;
mod mtiming;
mod nocrash;
mod parallel;
mod registry;
mod rtiming;
mod sort;
#[cfg(test)]
mod testing;
mod wc;
mod words;

pub use crash::Crash;
pub use early_exit::EarlyExit;
pub use grep::Grep;
pub use indexer::Indexer;
pub use jobcount::JobCount;
pub use mtiming::MapTiming;
pub use nocrash::NoCrash;
pub use registry::{BuiltIn, builtin, builtins};
pub use rtiming::ReduceTiming;
pub use sort::Sort;
pub use wc::WordCount;

/// The version of all these apps.
const VERSION: &str = env!("CARGO_PKG_VERSION");
