//! MapReduce under simulation: the very coordinator and worker of `mr-core`, on the nodes of `sim`.
//!
//! A [`Schedule`] is everything that one run depends on; [`rehearse`] runs it and says which promise was broken, if any: every
//! output is held against the sequential oracle at every file operation.

mod apps;
mod campaign;
mod coverage;
mod evidence;
mod failure;
mod file;
mod invariants;
pub mod mrsim;
mod notes;
mod oracle;
pub mod paper;
mod places;
mod plan_file;
mod rehearsal;
mod scenario;
mod schedule;
mod shrink;
pub mod story;

pub use campaign::{Campaign, Determinism, Folders, Outcome, Rehearse, Rehearsed, Seeds, Shard, check_determinism};
pub use coverage::{Grid, Step, all_cells};
pub use evidence::{Evidence, KeptRun};
pub use failure::{Failing, Failure, Recorded, Report, Smallest};
pub use file::FileProblem;
pub use invariants::{Broken, Judgement, Run};
pub use notes::{CoordinatorLeft, Counted, Happened, ToldToStop, WorkerLeft, WorkerStarts};
pub use oracle::{Expected, ValueRuns};
pub use plan_file::PlanFile;
pub use rehearsal::{Rehearsal, rehearse};
pub use scenario::Scenario;
pub use schedule::{
    AppChoice, Bytes, ClusterShape, LimitsShape, Models, Phase, Schedule, Trouble, WorkerShape, Workload,
};
pub use shrink::{Shrinking, Shrunk, shrink};
