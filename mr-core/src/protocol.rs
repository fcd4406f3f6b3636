//! What coordinator and workers say to each other, and how it is written down.
//!
//! Every request may be lost, repeated, late or out of order, so each one names what it is about exactly (worker, task *and*
//! attempt) and can be carried out twice without harm. Who is registered says with each request for which job, too: every coordinator
//! numbers its workers from 1, and the next one may listen where the last one did. The JSON written here is what travels in both worlds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app::AppIdentity;
use crate::counters::Counters;
use crate::ids::{AttemptId, JobId, MapAttempt, Partition, Reduces, WorkerId};
use crate::job::Split;

/// The version of these messages. A body of another version is refused.
pub const PROTOCOL_VERSION: u32 = 3;

/// The largest message, in bytes, that is looked at. Bounds what a stranger can make a coordinator hold.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// The longest reason, in bytes, that a failure report may carry. Longer ones are cut, by the worker and again on arrival.
pub const MAX_REASON_BYTES: usize = 16 << 10;

/// How many attempts of maps one message lists at most: well below the size of a message. Who has more to say does so next time.
pub const MAX_LISTED_MAPS: usize = 20_000;

/// The longest name, in bytes, that a worker or its app may have.
pub const MAX_NAME_BYTES: usize = 256;

/// `text`, cut if it is too long to be a failure's reason.
#[must_use]
pub fn cut_reason(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_REASON_BYTES)].to_owned()
}

/// What a worker asks of the coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// "I am new here." Answered with [`Reply::Registered`], [`Reply::Refused`] when the app is the wrong one, or
    /// [`Reply::TooLate`].
    Register {
        /// A number of the worker's own choosing: the same one asked again gets the same id.
        nonce: u64,
        /// What the worker runs.
        app: AppIdentity,
        /// Where a person would look for it, such as `pid 4711`; for the log only.
        name: String,
    },
    /// "I live, and this is how far my attempts have come." Answered with [`Reply::Heard`].
    Heartbeat {
        /// Who lives.
        worker: WorkerId,
        /// Everything it is running.
        running: Vec<AttemptProgress>,
    },
    /// "I have room for an attempt." Answered with [`Reply::Run`], [`Reply::Wait`] or [`Reply::Exit`].
    AskTask {
        /// Who asks.
        worker: WorkerId,
        /// Counts this worker's questions: the same number asked again gets the same answer, not a second attempt.
        question: u64,
    },
    /// "Which attempts of the maps count?" Answered with [`Reply::MapOutputs`].
    MapOutputs {
        /// Who asks.
        worker: WorkerId,
        /// How many entries of the list it already has.
        known: u64,
    },
    /// "May this reduce attempt put its output in place?" Answered with [`Reply::Commit`], [`Reply::Obsolete`] or
    /// [`Reply::Wait`].
    AskCommit {
        /// Who asks.
        worker: WorkerId,
        /// The attempt that is ready.
        attempt: AttemptId,
    },
    /// "The attempt is done and its output is in place." Answered with [`Reply::Accepted`] or [`Reply::Obsolete`]; or, because who is done
    /// has room for another, with [`Reply::Run`] or [`Reply::Exit`], which accept it as well and answer the question that came along.
    Done {
        /// Who did it.
        worker: WorkerId,
        /// The attempt.
        attempt: AttemptId,
        /// What it counted.
        counters: Counters,
        /// The question of [`Request::AskTask`], asked in one with the report. It is not kept waiting for an answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<u64>,
    },
    /// "The attempt failed." Answered with [`Reply::Accepted`] or [`Reply::Obsolete`].
    Failed {
        /// Who tried.
        worker: WorkerId,
        /// The attempt.
        attempt: AttemptId,
        /// Why.
        failure: Failure,
    },
    /// "I am leaving." Answered with [`Reply::Farewell`].
    Goodbye {
        /// Who leaves.
        worker: WorkerId,
    },
}

impl Request {
    /// The worker that asks, once it has an id.
    #[must_use]
    pub fn worker(&self) -> Option<WorkerId> {
        match self {
            Request::Register { .. } => None,
            Request::Heartbeat { worker, .. }
            | Request::AskTask { worker, .. }
            | Request::MapOutputs { worker, .. }
            | Request::AskCommit { worker, .. }
            | Request::Done { worker, .. }
            | Request::Failed { worker, .. }
            | Request::Goodbye { worker } => Some(*worker),
        }
    }

    /// The question for the next attempt that comes along with the report of one, as a request of its own.
    #[must_use]
    pub fn question_along(&self) -> Option<Request> {
        match self {
            Request::Done { worker, question: Some(question), .. } => {
                Some(Request::AskTask { worker: *worker, question: *question })
            }
            _ => None,
        }
    }
}

/// How far one attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptProgress {
    /// The attempt.
    pub attempt: AttemptId,
    /// A count that has grown whenever something was done. Its unit means nothing.
    pub ticks: u64,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Failure {
    /// The app, or a file, would not have it.
    Attempt {
        /// What went wrong, naming the file or key: a sentence without its full stop.
        reason: String,
    },
    /// A reduce could not read a map's output, which must be made again. Not the reduce's own fault.
    BadMapOutput {
        /// Whose output is bad.
        map: MapAttempt,
        /// What is wrong with it.
        reason: String,
        /// Attempts of other maps whose outputs are not there at all, as many as a message lists: so all are made again at once and not one
        /// after the other.
        missing: Vec<MapAttempt>,
    },
}

/// What the coordinator answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Welcome.
    Registered(Registration),
    /// Not with this app, or not any more.
    Refused {
        /// Why, as a sentence without its full stop.
        reason: String,
    },
    /// The job is over: there is nothing to register for any more, but perhaps something to clean up.
    TooLate {
        /// The job that was.
        job: JobId,
        /// How it ended.
        ending: Ending,
    },
    /// The heartbeat was heard.
    Heard {
        /// Attempts of this worker that are no longer of use.
        obsolete: Vec<AttemptId>,
        /// How the job ended, if it has: stop everything.
        ended: Option<Ending>,
    },
    /// Run this attempt.
    Run(Assignment),
    /// Nothing to say yet: ask again at once, the coordinator takes its time before it answers so.
    Wait,
    /// The job has ended; clean up, say goodbye and exit.
    Exit(Ending),
    /// The committed maps, as far as not yet known to the worker.
    MapOutputs {
        /// One entry per commit, in order; a later entry of one map replaces the earlier.
        commits: Vec<MapAttempt>,
    },
    /// Put the output in place.
    Commit,
    /// Noted.
    Accepted,
    /// Another attempt counts, or none of that name is known: throw its work away.
    Obsolete,
    /// The coordinator does not know this worker: it is the coordinator of another job, or has been started anew.
    UnknownWorker,
    /// Go in peace.
    Farewell,
}

/// What a worker learns when it registers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Registration {
    /// Its name from now on.
    pub worker: WorkerId,
    /// The job.
    pub job: JobId,
    /// How many partitions.
    pub reduces: Reduces,
    /// What the app is constructed with.
    pub app_argument: String,
    /// Whether an app's combiner is used.
    pub combine: bool,
    /// How often to send a heartbeat.
    pub heartbeat_interval: Duration,
}

/// An attempt to run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Assignment {
    /// Its name.
    pub attempt: AttemptId,
    /// What it is to do.
    pub work: Assigned,
}

/// What an attempt is to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assigned {
    /// Map these splits.
    Map {
        /// What to read, in this order; at least one.
        splits: Vec<Split>,
    },
    /// Reduce this partition.
    Reduce {
        /// The partition.
        partition: Partition,
        /// How many entries the list of committed maps has: the attempt reads exactly these.
        map_outputs: u64,
    },
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every output is committed.
    Succeeded,
    /// It cannot be done.
    Failed {
        /// Why, naming task, file and the app's own words.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    version: u32,
    /// Of a request: the job for which its worker is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<JobId>,
    message: T,
}

/// Only the version, so that a message of another version is refused for that and not for its shape.
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

/// Why a message could not be read: a sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than anyone has reason to send.
    #[error("the message has {0} bytes, more than the {MAX_MESSAGE_BYTES} allowed")]
    TooLarge(usize),
    /// Another version of the protocol.
    #[error(
        "the message is of protocol version {0}, this program speaks version {PROTOCOL_VERSION}: use programs of one release"
    )]
    WrongVersion(u32),
    /// Not a message at all.
    #[error("the message is malformed: {0}")]
    Malformed(String),
}

/// Writes a reply down.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    seal(None, message)
}

/// Writes a request down, of a worker that is registered for `job`, or for none yet.
#[must_use]
pub fn encode_request(job: Option<JobId>, request: &Request) -> Vec<u8> {
    seal(job, request)
}

fn seal<T: Serialize>(job: Option<JobId>, message: &T) -> Vec<u8> {
    serde_json::to_vec(&Envelope { version: PROTOCOL_VERSION, job, message })
        .expect("messages consist of strings, numbers and lists, which JSON can hold")
}

/// Reads a request or reply.
///
/// # Errors
///
/// When it is too large, of another version, or not a message of that type.
pub fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, DecodeError> {
    open(bytes).map(|envelope| envelope.message)
}

/// Reads a request, and for which job its worker is registered.
///
/// # Errors
///
/// As those of [`decode`].
pub fn decode_request(bytes: &[u8]) -> Result<(Option<JobId>, Request), DecodeError> {
    open(bytes).map(|envelope| (envelope.job, envelope.message))
}

fn open<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<Envelope<T>, DecodeError> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(DecodeError::TooLarge(bytes.len()));
    }
    // Looked at once, and not again at every word.
    let text = str::from_utf8(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))?;
    match serde_json::from_str::<Envelope<T>>(text) {
        Ok(envelope) if envelope.version == PROTOCOL_VERSION => Ok(envelope),
        Ok(envelope) => Err(DecodeError::WrongVersion(envelope.version)),
        Err(error) => match serde_json::from_str::<VersionOnly>(text) {
            Ok(other) if other.version != PROTOCOL_VERSION => Err(DecodeError::WrongVersion(other.version)),
            _ => Err(DecodeError::Malformed(error.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Attempt, MapIndex, TaskId};

    #[test]
    fn a_request_reads_back_as_written_and_its_json_is_readable() {
        let attempt = AttemptId { task: TaskId::Map(MapIndex(3)), attempt: Attempt(2) };
        let request = Request::Done { worker: WorkerId(4), attempt, counters: Counters::default(), question: Some(3) };
        let bytes = encode_request(Some(JobId(9)), &request);
        assert_eq!(decode::<Request>(&bytes), Ok(request.clone()));
        assert_eq!(decode_request(&bytes), Ok((Some(JobId(9)), request)));
        let text = String::from_utf8(bytes).unwrap();
        let start = r#"{"version":3,"job":"0000000000000009","message":{"done":{"worker":4,"attempt":{"task":{"map":3},"attempt":2}"#;
        assert!(text.starts_with(start), "{text}");
    }

    #[test]
    fn counters_of_zero_are_not_written_and_unknown_ones_are_refused() {
        let counters = |text: &str| serde_json::from_str::<Counters>(text);
        let some = Counters { spills: 2, reduce_output_bytes: 7, ..Counters::default() };
        assert_eq!(serde_json::to_string(&some).unwrap(), r#"{"spills":2,"reduce_output_bytes":7}"#);
        assert_eq!(counters(r#"{"reduce_output_bytes":7,"spills":2}"#).unwrap(), some);
        assert_eq!(counters("{}").unwrap(), Counters::default());
        assert!(counters(r#"{"spils":2}"#).is_err());
    }

    #[test]
    fn the_longest_list_of_maps_fits_into_a_message() {
        let map = MapAttempt { map: MapIndex(u32::MAX), attempt: Attempt(u32::MAX) };
        let missing = vec![map; MAX_LISTED_MAPS];
        let failure = Failure::BadMapOutput { map, reason: "\u{1}".repeat(MAX_REASON_BYTES), missing };
        let attempt = map.into();
        let bytes = encode_request(None, &Request::Failed { worker: WorkerId(u32::MAX), attempt, failure });
        assert!(bytes.len() < MAX_MESSAGE_BYTES / 2, "{}", bytes.len());
    }

    #[test]
    fn another_version_is_refused_for_its_version_whatever_its_shape() {
        let future = br#"{"version":4,"message":{"teleport":{"to":"mars"}},"new":true}"#;
        assert_eq!(decode::<Request>(future), Err(DecodeError::WrongVersion(4)));
        let same_shape = br#"{"version":7,"message":{"goodbye":{"worker":1}}}"#;
        assert_eq!(decode::<Request>(same_shape), Err(DecodeError::WrongVersion(7)));
    }

    #[test]
    fn garbage_is_refused() {
        let unknown_field = br#"{"version":3,"message":{"goodbye":{"worker":1,"x":2}}}"#;
        let negative = br#"{"version":3,"message":{"goodbye":{"worker":-1}}}"#;
        let no_job = br#"{"version":3,"job":"mine","message":{"goodbye":{"worker":1}}}"#;
        for garbage in [&b""[..], b"{", b"\xff\xfe", b"[]", b"{\"version\":3}", unknown_field, negative, no_job] {
            assert!(matches!(decode::<Request>(garbage), Err(DecodeError::Malformed(_))), "{garbage:?}");
        }
        let huge = vec![b' '; MAX_MESSAGE_BYTES + 1];
        assert_eq!(decode::<Request>(&huge), Err(DecodeError::TooLarge(huge.len())));
    }
}
