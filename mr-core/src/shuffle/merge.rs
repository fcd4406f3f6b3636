//! Many sorted runs read as one: a binary heap over the key that each of them has come to.
//!
//! Equal keys come in the order of the sources, and from each source in the order it has them. So the values of a key arrive
//! in the order of the map tasks and, within one, of emission, however often runs of consecutive sources were merged before.

use std::cmp::Ordering;
use std::sync::Arc;

use world::{Work, World};

use super::field::key_prefix;
use super::group::Group;
use super::reader::{RunFile, Segment};
use super::source::{FileOf, Source};
use crate::app::ValueList;
use crate::ids::Partition;
use crate::tasks::{TaskContext, TaskError};

/// Runs that were opened to be merged, in order, with their sources.
pub struct OpenRuns<'a, W: World> {
    ctx: &'a TaskContext<W>,
    sources: &'a [Source],
    files: Vec<Arc<RunFile<FileOf<W>>>>,
}

impl<'a, W: World> OpenRuns<'a, W> {
    /// Opens the runs of all `sources`: as many files as there are.
    ///
    /// # Errors
    ///
    /// When one cannot be opened or is not what it should be.
    pub async fn open(ctx: &'a TaskContext<W>, sources: &'a [Source]) -> Result<Self, TaskError> {
        let mut files = Vec::with_capacity(sources.len());
        for source in sources {
            files.push(source.open(ctx).await?);
        }
        Ok(Self { ctx, sources, files })
    }

    /// Starts to merge the segments that the runs have for `partition`.
    ///
    /// # Errors
    ///
    /// As for [`Merge::advance`].
    pub async fn merge(&self, partition: Partition) -> Result<Merge<'a, W>, TaskError> {
        let mut segments = Vec::with_capacity(self.files.len());
        for (file, source) in self.files.iter().zip(self.sources) {
            segments.push(file.segment(partition).await.map_err(|error| source.blame(error))?);
        }
        let mut merge = Merge { ctx: self.ctx, sources: self.sources, segments, heap: Vec::new(), groups: 0 };
        for source in 0..merge.segments.len() {
            if merge.next_block(source).await? {
                merge.push(source);
            }
        }
        Ok(merge)
    }
}

/// The groups of many segments, in the order of their keys.
pub struct Merge<'a, W: World> {
    ctx: &'a TaskContext<W>,
    sources: &'a [Source],
    segments: Vec<Segment<FileOf<W>>>,
    /// The segments that are not at their end; the one with the least key comes first, as in any binary heap.
    heap: Vec<HeapEntry>,
    /// Groups passed since the last checkpoint.
    groups: u64,
}

/// A segment, and the start of the key it has come to.
#[derive(Clone, Copy)]
struct HeapEntry {
    prefix: u64,
    source: usize,
}

impl<W: World> Merge<'_, W> {
    /// The present group: none at the end. The groups of one key come one behind the other.
    #[must_use]
    pub fn group(&self) -> Option<Group<'_>> {
        self.heap.first().map(|least| self.segments[least.source].group())
    }

    /// Copies the present key into `key`; says whether there was one.
    pub fn start_key(&self, key: &mut Vec<u8>) -> bool {
        key.clear();
        self.group().is_some_and(|group| {
            key.extend_from_slice(group.key);
            true
        })
    }

    /// Appends the values of the present group to `values` if it is one of `key`; says whether it was.
    ///
    /// # Errors
    ///
    /// When there are more values than can be counted: no app has emitted so many.
    pub fn take_values(&self, key: &[u8], values: &mut ValueList) -> Result<bool, TaskError> {
        let Some(&HeapEntry { source, .. }) = self.heap.first() else { return Ok(false) };
        let group = self.segments[source].group();
        if group.key != key {
            return Ok(false);
        }
        group.runs().for_each(|run| values.push_run(run));
        match values.are_too_many() {
            true => Err(self.sources[source].blame(self.segments[source].malformed("number of records in the block"))),
            false => Ok(true),
        }
    }

    /// Goes on to the next group.
    ///
    /// # Errors
    ///
    /// When a run cannot be read or is damaged, or the attempt was asked to stop.
    pub async fn advance(&mut self) -> Result<(), TaskError> {
        let Some(&HeapEntry { source, .. }) = self.heap.first() else { return Ok(()) };
        self.groups += 1;
        let in_block = self.segments[source].next_group().map_err(|error| self.sources[source].blame(error))?;
        if in_block || self.next_block(source).await? {
            self.heap[0].prefix = key_prefix(self.segments[source].key());
        } else {
            self.heap.swap_remove(0);
        }
        self.sift_down();
        Ok(())
    }

    /// Reads the next block of a segment; says whether there was one.
    async fn next_block(&mut self, source: usize) -> Result<bool, TaskError> {
        let read = self.segments[source].next_block().await;
        let Some(bytes) = read.map_err(|error| self.sources[source].blame(error))? else { return Ok(false) };
        let records = std::mem::take(&mut self.groups);
        self.ctx.checkpoint(Work { bytes: bytes as u64, records }).await?;
        Ok(true)
    }

    fn push(&mut self, source: usize) {
        self.heap.push(HeapEntry { prefix: key_prefix(self.segments[source].key()), source });
        let mut child = self.heap.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if self.order(parent, child) == Ordering::Less {
                break;
            }
            self.heap.swap(parent, child);
            child = parent;
        }
    }

    /// Moves the first entry down to where it belongs.
    fn sift_down(&mut self) {
        let mut parent = 0;
        loop {
            let (left, right) = (2 * parent + 1, 2 * parent + 2);
            if left >= self.heap.len() {
                return;
            }
            let child = if right < self.heap.len() && self.order(right, left) == Ordering::Less { right } else { left };
            if self.order(parent, child) == Ordering::Less {
                return;
            }
            self.heap.swap(parent, child);
            parent = child;
        }
    }

    /// How two entries of the heap compare: by key, then by the number of the source, so never equal.
    fn order(&self, a: usize, b: usize) -> Ordering {
        let (a, b) = (self.heap[a], self.heap[b]);
        let key = |entry: HeapEntry| self.segments[entry.source].key();
        a.prefix.cmp(&b.prefix).then_with(|| key(a).cmp(key(b))).then(a.source.cmp(&b.source))
    }
}
