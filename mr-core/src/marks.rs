//! Marks: things that must happen sometimes, or nobody knows that they are survived.
//!
//! A test that never sees a zombie commit late says nothing about zombies. So the places where rare things happen say so to the world: a
//! simulated one counts them, and a campaign in which one never happened is told apart from one in which it did no harm. A real one
//! does nothing, which costs nothing.

use crate::coordinator::Event;
use crate::protocol::Ending;

/// A task was given out again.
pub const TRIED_AGAIN: &str = "a task was given out again";
/// A task that took much longer than others was given to another worker as well.
pub const BACKED_UP: &str = "a straggler got a backup";
/// A worker was lost.
pub const WORKER_LOST: &str = "a worker was lost";
/// A report came for an attempt that did not count any more.
pub const LATE_REPORT: &str = "a report came too late to count";
/// An attempt failed by its own fault.
pub const ATTEMPT_FAILED: &str = "an attempt failed";
/// A reduce could not go on because of a map's output.
pub const REDUCE_STRANDED: &str = "a reduce was stranded by a bad map output";
/// A committed map had to run again.
pub const MAP_LOST: &str = "the output of a committed map was lost";
/// A job failed.
pub const JOB_FAILED: &str = "a job failed";
/// The answer to a question had been lost, and was given again.
pub const ANSWER_REPEATED: &str = "a lost answer was given again";
/// A worker had to call again.
pub const CALL_REPEATED: &str = "a call was repeated";
/// A worker came when the job was over.
pub const CAME_TOO_LATE: &str = "a worker came when the job was over";
/// A worker lost its coordinator.
pub const COORDINATOR_LOST: &str = "a worker lost its coordinator";
/// A reduce that was told to commit found that another attempt's output had been chosen: a zombie, or who took its place.
pub const OUTPUT_CHOSEN: &str = "a reduce found the output of another attempt chosen";
/// An attempt was stopped because nobody wanted it any more.
pub const ATTEMPT_STOPPED: &str = "an attempt was stopped";
/// What an attempt had done was not wanted any more when it said so.
pub const WORK_IN_VAIN: &str = "an attempt did its work in vain";
/// A map did not fit into its memory.
pub const SPILLED: &str = "a map spilled";
/// There were too many runs to merge at once.
pub const MERGED_IN_PASSES: &str = "runs were merged in several passes";
/// A key had so many values that they were combined while they were gathered.
pub const VALUES_FOLDED: &str = "a long list of values was combined while it was gathered";

/// Every mark.
pub const ALL: [&str; 18] = [
    TRIED_AGAIN,
    BACKED_UP,
    WORKER_LOST,
    LATE_REPORT,
    ATTEMPT_FAILED,
    REDUCE_STRANDED,
    MAP_LOST,
    JOB_FAILED,
    ANSWER_REPEATED,
    CALL_REPEATED,
    CAME_TOO_LATE,
    COORDINATOR_LOST,
    OUTPUT_CHOSEN,
    ATTEMPT_STOPPED,
    WORK_IN_VAIN,
    SPILLED,
    MERGED_IN_PASSES,
    VALUES_FOLDED,
];

/// The mark that an event of the coordinator is worth.
pub(crate) fn of_event(event: &Event) -> Option<&'static str> {
    match event {
        Event::AttemptAssigned { backup: true, .. } => Some(BACKED_UP),
        Event::AttemptAssigned { attempt, .. } if attempt.attempt.0 > 1 => Some(TRIED_AGAIN),
        Event::WorkerLost { .. } => Some(WORKER_LOST),
        Event::ReportIgnored { .. } => Some(LATE_REPORT),
        Event::AttemptFailed { .. } => Some(ATTEMPT_FAILED),
        Event::AttemptStranded { .. } => Some(REDUCE_STRANDED),
        Event::MapOutputLost { .. } => Some(MAP_LOST),
        Event::JobEnded { ending: Ending::Failed { .. } } => Some(JOB_FAILED),
        _ => None,
    }
}
