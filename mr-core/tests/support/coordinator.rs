//! Requests to a coordinator, and the time by its clock.

use std::time::Duration;

use mr_core::app::{AppIdentity, InputKind};
use mr_core::ids::{Attempt, AttemptId, MapIndex, TaskId, WorkerId};
use mr_core::protocol::Request;
use world::Timestamp;

/// The first worker.
pub const ONE: WorkerId = WorkerId(1);
/// The first attempt at the first map.
pub const FIRST: AttemptId = AttemptId { task: TaskId::Map(MapIndex(0)), attempt: Attempt(1) };

pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs(seconds))
}

pub fn register(name: &str) -> Request {
    let app = AppIdentity { name: "wc".into(), version: "1".into(), input: InputKind::WholeFile };
    Request::Register { nonce: name.len() as u64, app, name: name.to_owned() }
}
