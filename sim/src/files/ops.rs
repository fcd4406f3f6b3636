//! Operations under way: each takes its time and then takes effect at one instant, the last of it.
//!
//! At its end, because that is the worst for whoever pauses or dies meanwhile: an operation of a paused node completes in the
//! pause, one of a crashed process may complete after the process is gone (chance says which, and of an append how much), one of a node
//! whose power went never does.

use std::collections::VecDeque;
use std::io::Error;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use world::{FileOperation, Metadata};

use super::disk::{FileId, Path};
use crate::agenda::Action;
use crate::decisions::{Matter, digest};
use crate::faults::Append;
use crate::history::{Event, FileEvent};
use crate::plan::Operation;
use crate::state::{Home, State};

/// An operation's number.
pub(crate) type OpId = u64;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Request {
    Open,
    Create,
    Metadata,
    Rename(Path),
    HardLink(Path),
    RemoveFile,
    CreateDir,
    RemoveDir,
    ReadDir,
    SyncDir,
    Read { file: FileId, offset: u64, len: usize },
    Append { file: FileId, bytes: Vec<u8> },
    Sync(FileId),
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    Opened { file: FileId, size: u64 },
    Metadata(Metadata),
    Names(Vec<String>),
    Bytes(Vec<u8>),
}

/// How many bytes were read or written, and a digest of them, or of what else was told.
#[derive(Default)]
struct Moved {
    bytes: u64,
    digest: u64,
}

impl Moved {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, digest: digest(bytes) }
    }

    /// What whoever took a step has learnt by it.
    fn told(outcome: &Outcome) -> Self {
        let digest = match outcome {
            Outcome::Bytes(bytes) => return Self::of(bytes),
            Outcome::Done => 0,
            Outcome::Opened { size, .. } => *size,
            Outcome::Metadata(Metadata { file_type, len }) => *len ^ (*file_type as u64) << 56,
            Outcome::Names(names) => {
                names.iter().fold(0, |all: u64, name| all.rotate_left(5) ^ digest(name.as_bytes()))
            }
        };
        Self { bytes: 0, digest }
    }
}

/// An operation under way, or done and not yet noticed.
struct Op {
    node: usize,
    start: u32,
    /// Its number among all of the node and kind.
    nth: u64,
    /// How many changes there had been on the disk when it began: what a sync makes durable.
    changes: u64,
    /// What is to be done, and with what, until it takes effect.
    step: Option<(Path, Request)>,
    outcome: Option<Result<Outcome, Error>>,
    waker: Option<Waker>,
    /// Nobody waits for it any more.
    abandoned: bool,
}

/// All operations under way.
#[derive(Default)]
pub(crate) struct Ops {
    /// In the order of their numbers, without a gap; nothing, of one that is over. Steps end about in the order in which they begin; one on
    /// a slow disk keeps the places of those behind it.
    under_way: VecDeque<Option<Op>>,
    /// The number of the first of them.
    first: OpId,
}

impl Ops {
    /// The number of the operation that begins next.
    fn next(&self) -> OpId {
        self.first + self.under_way.len() as u64
    }

    fn get(&mut self, id: OpId) -> Option<&mut Op> {
        let place = id.checked_sub(self.first)?;
        self.under_way.get_mut(place as usize)?.as_mut()
    }

    fn remove(&mut self, id: OpId) -> Option<Op> {
        let place = id.checked_sub(self.first)?;
        let removed = self.under_way.get_mut(place as usize)?.take();
        while self.under_way.pop_front_if(|front| front.is_none()).is_some() {
            self.first += 1;
        }
        removed
    }

    pub(crate) fn poll(&mut self, id: OpId, waker: &Waker) -> Poll<Result<Outcome, Error>> {
        // One that the power took has no end.
        let Some(op) = self.get(id) else { return Poll::Pending };
        if let Some(outcome) = op.outcome.take() {
            self.remove(id);
            return Poll::Ready(outcome);
        }
        op.waker = Some(waker.clone());
        Poll::Pending
    }

    /// Nobody waits for the operation any more; it takes effect all the same. Yields what is to be dropped.
    pub(crate) fn abandon(&mut self, id: OpId) -> impl Sized + use<> {
        let op = self.get(id)?;
        if op.outcome.is_some() {
            return self.remove(id);
        }
        op.abandoned = true;
        None
    }

    /// Whether any has not taken effect yet.
    pub(crate) fn are_under_way(&self) -> bool {
        self.under_way.iter().flatten().any(|op| op.outcome.is_none())
    }

    /// Operations of a node that have not taken effect never do.
    pub(crate) fn forget(&mut self, node: usize) {
        for place in &mut self.under_way {
            place.take_if(|op| op.node == node && op.outcome.is_none());
        }
    }
}

impl Request {
    pub(crate) fn operation(&self) -> FileOperation {
        match self {
            Request::Open => FileOperation::Open,
            Request::Create => FileOperation::Create,
            Request::Metadata => FileOperation::Metadata,
            Request::Rename(_) => FileOperation::Rename,
            Request::HardLink(_) => FileOperation::HardLink,
            Request::RemoveFile => FileOperation::RemoveFile,
            Request::CreateDir => FileOperation::CreateDir,
            Request::RemoveDir => FileOperation::RemoveDir,
            Request::ReadDir => FileOperation::ReadDir,
            Request::SyncDir => FileOperation::SyncDir,
            Request::Read { .. } => FileOperation::Read,
            Request::Append { .. } => FileOperation::Append,
            Request::Sync(_) => FileOperation::Sync,
        }
    }
}

impl State {
    /// An operation begins, for which `waker` waits. Yields its number.
    pub(crate) fn begin_op(&mut self, home: &Home, path: Path, request: Request, waker: &Waker) -> OpId {
        let operation = Operation::from(request.operation());
        let nth = self.begin(home.node, operation);
        let bytes = match &request {
            Request::Read { file, offset, len } => self.disk.read(*file, *offset, *len).len(),
            Request::Append { bytes, .. } => bytes.len(),
            _ => 0,
        };
        let address = [home.node as u64, operation as u64, nth];
        let model = self.settings.disk;
        let mut latency = model.latency.at(self.decisions.fraction(Matter::FileLatency, address));
        if bytes > 0 {
            latency += Duration::from_secs_f64(bytes as f64 / model.bytes_per_second.max(1) as f64);
        }
        let slowness = self.faults.disk_slowness(self.nodes[home.node].node.name());
        if slowness > 1.0 {
            latency = latency.mul_f64(slowness);
        }
        let id = self.ops.next();
        // A fault can end a node while one of its tasks has a turn; what the task still does then is not done.
        let lives = self.lives(home.node, home.start);
        self.ops.under_way.push_back(lives.then(|| {
            let (step, waker) = (Some((path, request)), Some(waker.clone()));
            Op {
                node: home.node,
                start: home.start,
                nth,
                changes: self.disk.changes,
                step,
                outcome: None,
                waker,
                abandoned: false,
            }
        }));
        if lives {
            self.agenda.add(self.now + latency, Action::Effect(id));
        }
        id
    }

    /// An operation takes effect, and whoever waits for it learns what came of it.
    pub(crate) fn take_effect(&mut self, id: OpId) {
        let Some(op) = self.ops.get(id) else { return };
        let (path, mut request) = op.step.take().expect("an operation takes effect once");
        let (node, start, nth, abandoned) = (op.node, op.start, op.nth, op.abandoned);
        let changes = op.changes;
        let operation = Operation::from(request.operation());
        if !self.lives(node, start) {
            self.ops.remove(id);
            let drawn = self.decisions.draw(Matter::InFlight, [node as u64, operation as u64, nth]);
            if drawn & 1 == 0 {
                return;
            }
            // Who is killed in a long write has written some of it.
            if let Request::Append { bytes, .. } = &mut request
                && drawn & 2 == 0
            {
                let most = bytes.len() as u64;
                bytes.truncate(self.decisions.below(Matter::InFlightCut, [node as u64, nth, 0], most) as usize);
            }
        }
        let to = match &request {
            Request::Rename(to) | Request::HardLink(to) => Some(Arc::clone(to)),
            _ => None,
        };
        let (Moved { bytes, digest }, outcome) = self.perform((node, nth), changes, &path, request);
        let result = outcome.as_ref().map(|_| ()).map_err(Error::kind);
        let spoiled_by = self.faults.take_hit();
        let event = FileEvent { node: self.node(node), operation, path, to, result, bytes, digest, spoiled_by };
        if let Some(op) = self.ops.get(id) {
            let waker = op.waker.take();
            op.outcome = Some(outcome);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        if abandoned {
            self.ops.remove(id);
        }
        self.tell(Event::File(event));
        if result.is_ok() {
            self.count(node, operation);
        }
    }

    /// Does what is to be done. Yields which bytes were moved, and what came of it.
    fn perform(
        &mut self,
        (by, nth): (usize, u64),
        changes: u64,
        path: &Path,
        request: Request,
    ) -> (Moved, Result<Outcome, Error>) {
        let operation = Operation::from(request.operation());
        if let Some(error) = self.faults.disk_error(self.nodes[by].node.name(), operation) {
            return (Moved::default(), Err(error));
        }
        let disk = &mut self.disk;
        let done = |result: Result<(), Error>| result.map(|()| Outcome::Done);
        let outcome = match request {
            Request::Open => disk.file(path).map(|file| Outcome::Opened { file, size: disk.size(file).len }),
            Request::Create => disk.create(by, path).map(|file| Outcome::Opened { file, size: 0 }),
            Request::Metadata => disk.metadata(path).map(Outcome::Metadata),
            Request::Rename(to) => done(disk.rename(by, path, &to)),
            Request::HardLink(to) => done(disk.hard_link(by, path, &to)),
            Request::RemoveFile => done(disk.remove_file(by, path)),
            Request::CreateDir => done(disk.create_dir(by, path)),
            Request::RemoveDir => done(disk.remove_dir(by, path)),
            Request::ReadDir => disk.read_dir(path).map(Outcome::Names),
            Request::SyncDir => disk.directory(path).map(|()| {
                disk.sync_dir(path, changes);
                Outcome::Done
            }),
            Request::Sync(file) => {
                disk.sync(file, changes);
                Ok(Outcome::Done)
            }
            Request::Read { file, offset, len } => Ok(Outcome::Bytes(self.read(by, nth, path, (file, offset, len)))),
            Request::Append { file, bytes } => return self.append(by, nth, file, &bytes),
        };
        (outcome.as_ref().map(Moved::told).unwrap_or_default(), outcome)
    }

    fn read(&mut self, by: usize, nth: u64, path: &Path, (file, offset, len): (FileId, u64, usize)) -> Vec<u8> {
        let mut bytes = self.disk.read(file, offset, len).to_vec();
        let address = [by as u64, nth, 0];
        if bytes.len() > 1 && self.decisions.chance(Matter::ShortRead, address, self.settings.disk.short_reads) {
            let most = bytes.len() as u64 - 1;
            bytes.truncate(1 + self.decisions.below(Matter::ShortReadLength, address, most) as usize);
        }
        if !bytes.is_empty()
            && let Some(stored) = self.faults.bit_rot(self.nodes[by].node.name(), path)
        {
            let bit = self.decisions.below(Matter::RottenBit, address, bytes.len() as u64 * 8);
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
            if stored {
                self.disk.flip_bit(file, offset * 8 + bit);
            }
        }
        bytes
    }

    fn append(&mut self, by: usize, nth: u64, file: FileId, bytes: &[u8]) -> (Moved, Result<Outcome, Error>) {
        let node = (self.nodes[by].node.name(), by, nth);
        let offset = self.disk.size(file).len as usize;
        match self.faults.append(self.decisions, node, offset, bytes.len()) {
            Append::Whole => {
                self.disk.append(by, file, bytes);
                (Moved::of(bytes), Ok(Outcome::Done))
            }
            Append::Cut(written, error) => {
                self.disk.append(by, file, &bytes[..written]);
                (Moved::of(&bytes[..written]), Err(error))
            }
        }
    }
}
