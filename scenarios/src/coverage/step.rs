//! The steps of the protocol: what a node is doing when a fault strikes it.

use serde::{Deserialize, Serialize};

/// What a node is doing. Of a worker that runs several attempts, what it did last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A worker looks for the coordinator.
    Registering,
    /// A worker asks for a task, or waits for one.
    Asking,
    /// A worker reads and maps its input.
    Mapping,
    /// A worker makes the output of a map durable and gives it its name.
    CommittingMap,
    /// A worker reports, and waits to be heard.
    Reporting,
    /// A worker opens and reads map outputs.
    Fetching,
    /// A worker writes what reduce yields.
    Reducing,
    /// A worker waits for the word to commit.
    AwaitingCommit,
    /// A worker puts an output in place.
    CommittingReduce,
    /// A worker cleans up after the end.
    CleaningUp,
    /// The coordinator, before any worker has come.
    Awaiting,
    /// The coordinator, while maps run.
    MapPhase,
    /// The coordinator, while reduces run.
    ReducePhase,
    /// The coordinator, after the end.
    Parting,
}

impl Step {
    /// Every step, in the order in which they come.
    pub const ALL: [Step; 14] = [
        Step::Registering,
        Step::Asking,
        Step::Mapping,
        Step::CommittingMap,
        Step::Reporting,
        Step::Fetching,
        Step::Reducing,
        Step::AwaitingCommit,
        Step::CommittingReduce,
        Step::CleaningUp,
        Step::Awaiting,
        Step::MapPhase,
        Step::ReducePhase,
        Step::Parting,
    ];

    /// Whether it is one of the coordinator's.
    #[must_use]
    pub fn is_coordinators(self) -> bool {
        self >= Step::Awaiting
    }

    /// The head of its column.
    #[must_use]
    pub fn head(self) -> &'static str {
        match self {
            Step::Registering => "register",
            Step::Asking => "ask",
            Step::Mapping => "map",
            Step::CommittingMap => "commit map",
            Step::Reporting => "report",
            Step::Fetching => "fetch",
            Step::Reducing => "reduce",
            Step::AwaitingCommit => "await commit",
            Step::CommittingReduce => "commit reduce",
            Step::CleaningUp => "clean up",
            Step::Awaiting => "coord: await",
            Step::MapPhase => "coord: maps",
            Step::ReducePhase => "coord: reduces",
            Step::Parting => "coord: parting",
        }
    }
}
