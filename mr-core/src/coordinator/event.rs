//! What happened, as the coordinator tells it. Its state is nothing but the sum of these events; the log, the progress bars,
//! the counters, a journal and the invariants of a simulation are all readers of the same.

use serde::{Deserialize, Serialize};

use crate::app::AppIdentity;
use crate::counters::Counters;
use crate::ids::{AttemptId, MapAttempt, WorkerId};
use crate::protocol::Ending;

/// Something that happened. The moment is recorded beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first worker brought the app that this job runs; the inputs are cut to its taste.
    AppAdopted {
        /// The app.
        app: AppIdentity,
    },
    /// Whoever brought the app is gone, and nothing of it was ever run: the next worker brings the app.
    AppForgotten,
    /// A worker came.
    WorkerRegistered {
        /// Its new name.
        worker: WorkerId,
        /// The number by which it knows its question again.
        nonce: u64,
        /// Where a person would look for it.
        name: String,
    },
    /// A worker said anything at all.
    WorkerHeard {
        /// Who.
        worker: WorkerId,
    },
    /// A worker has not been heard for the task timeout. It may come back.
    WorkerLost {
        /// Who.
        worker: WorkerId,
    },
    /// A worker said goodbye.
    WorkerLeft {
        /// Who.
        worker: WorkerId,
    },
    /// An attempt was given out.
    AttemptAssigned {
        /// The attempt.
        attempt: AttemptId,
        /// To whom.
        worker: WorkerId,
        /// The question it answers.
        question: u64,
        /// Whether it is a backup: another attempt runs, in time but slowly, and the phase is near its end.
        backup: bool,
    },
    /// An attempt has come further.
    AttemptProgressed {
        /// The attempt.
        attempt: AttemptId,
        /// How far.
        ticks: u64,
    },
    /// A reduce attempt may put its output in place.
    CommitGranted {
        /// The attempt.
        attempt: AttemptId,
    },
    /// An attempt is done and is the one that counts.
    AttemptCommitted {
        /// The attempt.
        attempt: AttemptId,
        /// Who did it.
        worker: WorkerId,
        /// What it counted.
        counters: Counters,
    },
    /// An attempt failed by its own fault; too many of these fail the job.
    AttemptFailed {
        /// The attempt.
        attempt: AttemptId,
        /// Who tried.
        worker: WorkerId,
        /// Why, naming the file or key.
        reason: String,
    },
    /// A reduce attempt could not go on because of a map's output. It is nobody's failure but that map's.
    AttemptStranded {
        /// The attempt.
        attempt: AttemptId,
        /// Who tried.
        worker: WorkerId,
        /// Whose output was bad.
        map: MapAttempt,
        /// What was wrong with it.
        reason: String,
    },
    /// The committed output of a map is bad or gone: the map must run again.
    MapOutputLost {
        /// Whose output.
        map: MapAttempt,
        /// Who made it.
        maker: WorkerId,
        /// Who could not read it.
        reporter: WorkerId,
        /// What is wrong with it.
        reason: String,
    },
    /// A report came for an attempt that does not, or no longer, matter.
    ReportIgnored {
        /// The attempt reported.
        attempt: AttemptId,
        /// By whom.
        worker: WorkerId,
    },
    /// It is over.
    JobEnded {
        /// How.
        ending: Ending,
    },
}
