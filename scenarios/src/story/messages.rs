//! What coordinator and workers say to each other, in words.

use mr_core::ids::AttemptId;
use mr_core::protocol::{Ending, Failure, Reply, Request, decode};
use sim::{Message, Part};

use super::moment::short;

/// A message in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) words: String,
    /// The attempt that it is about, if it is about one.
    pub(super) attempt: Option<AttemptId>,
    /// Whether it is a heartbeat, or an answer to one, that says nothing new.
    pub(super) routine: bool,
}

impl Said {
    fn new(words: impl Into<String>) -> Self {
        Self { words: words.into(), attempt: None, routine: false }
    }

    fn about(attempt: AttemptId, words: impl Into<String>) -> Self {
        Self { attempt: Some(attempt), ..Self::new(words) }
    }

    fn routine(words: impl Into<String>) -> Self {
        Self { routine: true, ..Self::new(words) }
    }
}

/// The attempts that `message` names as running, if it is a heartbeat.
pub(super) fn running(message: &Message) -> Vec<AttemptId> {
    let request = || decode(message.body.bytes()?).ok();
    match (message.part == Part::Request).then(request).flatten() {
        Some(Request::Heartbeat { running, .. }) => running.iter().map(|running| running.attempt).collect(),
        _ => Vec::new(),
    }
}

/// The answer that `message` is, if it is one that can be read.
pub(super) fn answer(message: &Message) -> Option<Reply> {
    let is_answer = message.part == Part::Reply;
    is_answer.then(|| decode(message.body.bytes()?).ok()).flatten()
}

/// What `message` says.
pub(super) fn said(message: &Message) -> Said {
    let bytes = message.body.bytes().unwrap_or_default();
    match message.part {
        Part::Request => decode(bytes).map_or_else(|error| Said::new(error.to_string()), |request| asks(&request)),
        Part::Reply => match decode(bytes) {
            Ok(reply) => answers(&reply),
            Err(_) => Said::new(format!("rejected: {}", String::from_utf8_lossy(bytes))),
        },
        Part::Refusal => Said::routine("nobody will answer"),
    }
}

fn asks(request: &Request) -> Said {
    match request {
        Request::Register { name, .. } => Said::new(format!("register {name}")),
        Request::Heartbeat { running, .. } => {
            let running: Vec<_> = running.iter().map(|running| short(running.attempt)).collect();
            let busy = if running.is_empty() { "idle".to_owned() } else { format!("running {}", running.join(", ")) };
            Said::routine(format!("heartbeat, {busy}"))
        }
        Request::AskTask { .. } => Said::new("ask for a task"),
        Request::MapOutputs { .. } => Said::new("ask which map outputs to read"),
        Request::AskCommit { attempt, .. } => Said::about(*attempt, format!("ask to commit {}", short(*attempt))),
        Request::Done { attempt, question, .. } => {
            let next = if question.is_some() { ", what next?" } else { "" };
            Said::about(*attempt, format!("done: {}{next}", short(*attempt)))
        }
        Request::Failed { attempt, failure, .. } => {
            let why = match failure {
                Failure::Attempt { reason } => reason.clone(),
                Failure::BadMapOutput { map, reason, missing } => {
                    let missing = match missing.len() {
                        0 => String::new(),
                        count => format!("; missing, too: {count}"),
                    };
                    format!("the output of {} is bad: {reason}{missing}", short((*map).into()))
                }
            };
            Said::about(*attempt, format!("failed: {}: {why}", short(*attempt)))
        }
        Request::Goodbye { .. } => Said::new("goodbye"),
    }
}

fn answers(reply: &Reply) -> Said {
    match reply {
        Reply::Registered(registration) => Said::new(format!("registered as worker {}", registration.worker.0)),
        Reply::Refused { reason } => Said::new(format!("refused: {reason}")),
        Reply::TooLate { ending, .. } => Said::new(format!("too late, {}", ended(ending))),
        Reply::Heard { obsolete, ended: None } if obsolete.is_empty() => Said::routine("heard"),
        Reply::Heard { obsolete, ended: end } => {
            let obsolete: Vec<_> = obsolete.iter().map(|attempt| short(*attempt)).collect();
            let stop = (!obsolete.is_empty()).then(|| format!("stop {}", obsolete.join(", ")));
            Said::new(stop.into_iter().chain(end.as_ref().map(ended)).collect::<Vec<_>>().join("; "))
        }
        Reply::Run(assignment) => Said::about(assignment.attempt, format!("run {}", short(assignment.attempt))),
        Reply::Wait => Said::new("wait"),
        Reply::Exit(ending) => Said::new(format!("exit, {}", ended(ending))),
        Reply::MapOutputs { commits } => {
            let commits: Vec<_> = commits.iter().map(|commit| short((*commit).into())).collect();
            Said::new(format!("read {}", commits.join(", ")))
        }
        Reply::Commit => Said::new("commit"),
        Reply::Accepted => Said::new("accepted"),
        Reply::Obsolete => Said::new("obsolete, another attempt counts"),
        Reply::UnknownWorker => Said::new("you are no worker of this job"),
        Reply::Farewell => Said::new("farewell"),
    }
}

/// How the job ended.
pub(super) fn ended(ending: &Ending) -> String {
    match ending {
        Ending::Succeeded => "the job has succeeded".into(),
        Ending::Failed { reason } => format!("the job has failed: {reason}"),
    }
}
