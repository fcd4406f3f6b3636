//! What is seen of the sort: how many bytes were moved in each second of virtual time, and when it was over.

use std::ops::ControlFlow;
use std::time::Duration;

use mr_core::coordinator::JobProgress;
use sim::{DiskView, Event, Observer, Report};

use crate::notes::Happened;

/// Which bytes were moved: the three rows of the paper's figure 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// Read by maps.
    Input,
    /// Fetched by reduces.
    Shuffle,
    /// Written by reduces.
    Output,
}

/// A worker has moved so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Moved(pub(super) Flow, pub(super) u64);

/// The job is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Ended(pub(super) JobProgress);

/// What came of a sort.
#[derive(Debug, Clone, PartialEq)]
pub struct Sorted {
    /// How long it took, in virtual time.
    pub took: Duration,
    /// How many attempts, retries and backups there were.
    pub progress: JobProgress,
    /// When the first backup was given out.
    pub first_backup: Option<Duration>,
    /// How many events there were until then.
    pub events: u64,
    /// Bytes moved in each second: read, shuffled, written.
    pub bytes: [Vec<u64>; 3],
}

impl Sorted {
    /// The bytes of `flow` that were moved in each second.
    #[must_use]
    pub fn bytes_of(&self, flow: Flow) -> &[u64] {
        &self.bytes[flow as usize]
    }
}

#[derive(Default)]
pub(super) struct Watch {
    bytes: [Vec<u64>; 3],
    first_backup: Option<Duration>,
    events: u64,
    ended: Option<(Duration, JobProgress)>,
}

impl Watch {
    /// # Panics
    ///
    /// When the job has not ended.
    pub(super) fn sorted(self, report: &Report) -> Sorted {
        let (took, progress) = self.ended.unwrap_or_else(|| panic!("the sort did not end: {:?}", report.finished));
        Sorted { took, progress, first_backup: self.first_backup, events: self.events, bytes: self.bytes }
    }
}

impl Observer for Watch {
    fn observe(&mut self, at: Duration, event: &Event, _disk: &DiskView<'_>) -> ControlFlow<String> {
        self.events += 1;
        let Event::Note { note, .. } = event else { return ControlFlow::Continue(()) };
        if let Some(Moved(flow, bytes)) = note.get() {
            let (seconds, second) = (&mut self.bytes[*flow as usize], at.as_secs() as usize);
            if seconds.len() <= second {
                seconds.resize(second + 1, 0);
            }
            seconds[second] += bytes;
        } else if let Some(Ended(progress)) = note.get() {
            self.ended = Some((at, *progress));
            // Workers that are still at something nobody wants would find the coordinator gone.
            return ControlFlow::Break("the job is over".into());
        } else if note.get::<Happened>().is_some() {
            self.first_backup.get_or_insert(at);
        }
        ControlFlow::Continue(())
    }
}
