//! What a map has emitted and not yet written: records grouped by key as they come, sorted when they go.
//!
//! Equal keys are found at once by a hash table, so a word that a text holds a million times is one group; only the distinct
//! keys are sorted in the end. Keys and values lie one behind the other in one arena, the values of a key are linked runs:
//! no record costs an allocation of its own. Of a key and of the value that came last the first eight bytes lie beside each other, and most
//! keys and values are no longer: the arena need not be looked at. The table is only ever asked for a key,
//! never listed, so nothing of its order can reach an output.
//!
//! Keys that are emitted in their own order, such as places in a file, need no table: one that is greater than the one before it is new.
//! The table is filled when the first key comes that is not.

use std::cmp::Ordering;
use std::num::NonZeroU32;

use hashbrown::HashTable;

use super::field::{Field, key_prefix};
use super::hashing::KeyHasher;
use super::sorted::{SortEntry, Sorted};
use crate::app::ValueRun;
use crate::ids::{JobId, Partition};

/// Records in memory, grouped by key.
#[derive(Debug)]
pub struct MapBuffer {
    hasher: KeyHasher,
    /// Indices of `groups`, found by their keys: of none before a key came out of order, of all from then on.
    table: HashTable<u32>,
    groups: Vec<KeyGroup>,
    runs: Vec<LinkedRun>,
    bytes: Vec<u8>,
    /// How many there are.
    records: usize,
}

/// A key and its values.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyGroup {
    pub(super) key: Field,
    /// The key's hash, so that a table which grows need not look at keys all over the arena; none before there is a table.
    hash: u32,
    pub(super) partition: Partition,
    /// The runs of values before the last one, linked: the first and the last of them.
    earlier: Option<(RunIndex, RunIndex)>,
    /// The run that may still grow.
    pub(super) last: Run,
}

/// The same value, so many times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) value: Field,
    count: u64,
}

#[derive(Debug)]
struct LinkedRun {
    run: Run,
    /// The next run of the same key; the run itself at the end.
    next: RunIndex,
}

/// A place in `runs`, counted from one: so an `Option` of it takes no more room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RunIndex(NonZeroU32);

impl RunIndex {
    /// The index of the last of so many.
    fn last_of(count: usize) -> Self {
        Self(NonZeroU32::new(index(count)).expect("it is counted when it is there"))
    }

    fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// All that the buffer holds of one key.
pub struct BufferedGroup<'a> {
    buffer: &'a MapBuffer,
    group: KeyGroup,
}

impl MapBuffer {
    /// An empty buffer, for maps of `job`.
    #[must_use]
    pub fn new(job: JobId) -> Self {
        Self {
            hasher: KeyHasher::new(job),
            table: HashTable::new(),
            groups: Vec::new(),
            runs: Vec::new(),
            bytes: Vec::new(),
            records: 0,
        }
    }

    /// Adds a record; `partition` is asked only when the key is new.
    ///
    /// # Errors
    ///
    /// Those of `partition`; the record is then not added.
    ///
    /// # Panics
    ///
    /// When the key or value is longer than 4 GiB, or the buffer holds 2³² runs of values.
    pub fn add<E>(
        &mut self,
        key: &[u8],
        value: &[u8],
        partition: impl FnOnce() -> Result<Partition, E>,
    ) -> Result<(), E> {
        let prefix = key_prefix(key);
        let known = if self.is_out_of_order() || self.comes_out_of_order(key, prefix) {
            let hash = self.hasher.hash(key) as u32;
            match self.table.find(spread(hash), |&group| self.groups[group as usize].key.is(&self.bytes, key, prefix)) {
                Some(&group) => group as usize,
                None => {
                    self.push_key(hash, key, value, partition()?);
                    return Ok(());
                }
            }
        } else if self.groups.last().is_some_and(|last| last.key.is(&self.bytes, key, prefix)) {
            self.groups.len() - 1
        } else {
            self.push_key(0, key, value, partition()?);
            return Ok(());
        };
        self.push_value(known, value);
        Ok(())
    }

    /// Whether the buffer is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Bytes of memory in use. As in any growing array, up to as much again may be allocated.
    #[must_use]
    pub fn memory(&self) -> usize {
        let key = size_of::<KeyGroup>() + size_of::<SortEntry>() + 2 * size_of::<u32>();
        self.bytes.len() + self.groups.len() * key + self.runs.len() * size_of::<LinkedRun>()
    }

    /// Whether hardly any record brought a key that was there: then nothing is saved by waiting for more of the same keys. (Of keys
    /// that are equally frequent, and so many that an eighth of them is here, one record in sixteen brings none that is new.)
    #[must_use]
    pub fn groups_little(&self) -> bool {
        self.records - self.groups.len() < self.records / 16
    }

    /// About how many bytes of memory are allocated, in use or not.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
            + self.groups.capacity() * size_of::<KeyGroup>()
            + self.table.capacity() * size_of::<u32>()
            + self.runs.capacity() * size_of::<LinkedRun>()
    }

    /// Forgets all records, keeps the memory.
    pub fn clear(&mut self) {
        self.table.clear();
        self.groups.clear();
        self.runs.clear();
        self.bytes.clear();
        self.records = 0;
    }

    /// All groups by partition and, within one, by key.
    pub fn sorted(&self) -> impl Iterator<Item = BufferedGroup<'_>> {
        Sorted::new(&self.groups, &self.bytes, self.is_out_of_order())
            .map(|group| BufferedGroup { buffer: self, group })
    }

    /// Whether some key was smaller than the one before it.
    #[inline]
    fn is_out_of_order(&self) -> bool {
        !self.table.is_empty()
    }

    /// Whether `key`, which starts with `prefix`, is smaller than the key that came last. The first that is has the table filled.
    #[inline(never)]
    fn comes_out_of_order(&mut self, key: &[u8], prefix: u64) -> bool {
        let Some(KeyGroup { key: last, .. }) = self.groups.last() else { return false };
        let order = prefix.cmp(&last.prefix).then_with(|| key.cmp(last.of(&self.bytes)));
        if order == Ordering::Less {
            self.fill_table();
        }
        order == Ordering::Less
    }

    /// A key came out of order: from now on keys have to be looked up.
    #[cold]
    fn fill_table(&mut self) {
        for group in 0..self.groups.len() {
            self.groups[group].hash = self.hasher.hash(self.groups[group].key.of(&self.bytes)) as u32;
            self.enter(index(group));
        }
    }

    /// Puts a group into the table.
    fn enter(&mut self, group: u32) {
        let Self { table, groups, .. } = self;
        let hash = spread(groups[group as usize].hash);
        table.insert_unique(hash, group, |&group| spread(groups[group as usize].hash));
    }

    fn push_key(&mut self, hash: u32, key: &[u8], value: &[u8], partition: Partition) {
        self.records += 1;
        let place = index(self.groups.len());
        let key = Field::push(&mut self.bytes, key);
        let last = Run { value: Field::push(&mut self.bytes, value), count: 1 };
        self.groups.push(KeyGroup { key, hash, partition, earlier: None, last });
        if self.is_out_of_order() {
            self.enter(place);
        }
    }

    #[inline]
    fn push_value(&mut self, group: usize, value: &[u8]) {
        self.records += 1;
        let last = &mut self.groups[group].last;
        if last.value.is(&self.bytes, value, key_prefix(value)) {
            last.count += 1;
        } else {
            self.push_run(group, value);
        }
    }

    /// The last run of a group is complete; `value` begins another.
    fn push_run(&mut self, group: usize, value: &[u8]) {
        let value = Field::push(&mut self.bytes, value);
        let complete = RunIndex::last_of(self.runs.len() + 1);
        let group = &mut self.groups[group];
        let run = std::mem::replace(&mut group.last, Run { value, count: 1 });
        let first = match group.earlier {
            None => complete,
            Some((first, before)) => {
                self.runs[before.place()].next = complete;
                first
            }
        };
        group.earlier = Some((first, complete));
        self.runs.push(LinkedRun { run, next: complete });
    }
}

impl<'a> BufferedGroup<'a> {
    /// The partition that the key belongs to.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.group.partition
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        self.group.key.of(&self.buffer.bytes)
    }

    /// The values in the order of emission, equal neighbours folded.
    pub fn runs(&self) -> impl Iterator<Item = ValueRun<'a>> + use<'a> {
        let (buffer, last) = (self.buffer, self.group.last);
        let mut next = self.group.earlier.map(|(first, _)| first);
        let earlier = std::iter::from_fn(move || {
            let index = next?;
            let LinkedRun { run, next: after } = &buffer.runs[index.place()];
            next = (*after != index).then_some(*after);
            Some(*run)
        });
        let told = |run: Run| ValueRun { value: run.value.of(&buffer.bytes), count: run.count };
        earlier.chain(std::iter::once(last)).map(told)
    }
}

/// The table wants 64 bits: it finds a place by the lower ones and tells keys apart by the uppermost.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

fn index(position: usize) -> u32 {
    u32::try_from(position).expect("a buffer holds fewer than 2³² runs of values")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn filled(records: &[(&str, &str)]) -> MapBuffer {
        let mut buffer = MapBuffer::new(JobId(7));
        for (key, value) in records {
            let partition = || Ok::<_, Infallible>(Partition(u32::from(key.len() > 3)));
            buffer.add(key.as_bytes(), value.as_bytes(), partition).unwrap();
        }
        buffer
    }

    type Runs = Vec<(String, u64)>;

    fn listed(buffer: &MapBuffer) -> Vec<(u32, String, Runs)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let runs = |group: &BufferedGroup<'_>| group.runs().map(|run| (text(run.value), run.count)).collect();
        buffer.sorted().map(|group| (group.partition().0, text(group.key()), runs(&group))).collect()
    }

    #[test]
    fn groups_come_by_partition_then_key_and_values_as_emitted() {
        let buffer = filled(&[("b", "2"), ("long", ""), ("a", "1"), ("b", "2"), ("b", "1"), ("b", "2"), ("", "x")]);
        let run = |value: &str, count| (value.to_owned(), count);
        let expected = [
            (0, String::new(), vec![run("x", 1)]),
            (0, "a".to_owned(), vec![run("1", 1)]),
            (0, "b".to_owned(), vec![run("2", 2), run("1", 1), run("2", 1)]),
            (1, "long".to_owned(), vec![run("", 1)]),
        ];
        assert_eq!(listed(&buffer), expected);
    }

    #[test]
    fn keys_that_share_a_prefix_or_end_in_nul_sort_as_bytes() {
        let buffer = filled(&[("a\0", ""), ("a", ""), ("a\0\0", "")]);
        let keys: Vec<_> = listed(&buffer).into_iter().map(|(_, key, _)| key).collect();
        assert_eq!(keys, ["a", "a\0", "a\0\0"]);
        let buffer = filled(&[("12345678b", ""), ("12345678", ""), ("12345678a", "")]);
        let keys: Vec<_> = listed(&buffer).into_iter().map(|(_, key, _)| key).collect();
        assert_eq!(keys, ["12345678", "12345678a", "12345678b"]);
    }

    #[test]
    fn keys_and_values_that_differ_behind_their_eighth_byte_are_not_the_same() {
        let run = |value: &str, count| (value.to_owned(), count);
        let buffer = filled(&[
            ("12345678a", "87654321x"),
            ("12345678b", ""),
            ("12345678a", "87654321y"),
            ("12345678a", "87654321y"),
        ]);
        let expected = [
            (1, "12345678a".to_owned(), vec![run("87654321x", 1), run("87654321y", 2)]),
            (1, "12345678b".to_owned(), vec![run("", 1)]),
        ];
        assert_eq!(listed(&buffer), expected);
    }

    #[test]
    fn keys_that_came_in_order_are_found_when_one_comes_out_of_order() {
        let run = |value: &str, count| (value.to_owned(), count);
        let in_order = [("a", "1"), ("b", "1"), ("b", "2"), ("c", "1")];
        let mut expected = vec![
            (0, "a".to_owned(), vec![run("1", 1)]),
            (0, "b".to_owned(), vec![run("1", 1), run("2", 1)]),
            (0, "c".to_owned(), vec![run("1", 1)]),
        ];
        assert_eq!(listed(&filled(&in_order)), expected);
        let out_of_order = [&in_order[..], &[("a", "2"), ("c", "1"), ("aa", "1"), ("b", "3")]].concat();
        expected[0].2.push(run("2", 1));
        expected[1].2.push(run("3", 1));
        expected[2].2 = vec![run("1", 2)];
        expected.insert(1, (0, "aa".to_owned(), vec![run("1", 1)]));
        assert_eq!(listed(&filled(&out_of_order)), expected);
    }

    #[test]
    fn a_cleared_buffer_knows_no_key_and_no_order_any_more() {
        let mut buffer = filled(&[("b", "1"), ("a", "1"), ("c", "1")]);
        buffer.clear();
        let refused = buffer.add(b"c", b"2", || Err("refused"));
        assert_eq!((refused, buffer.is_empty()), (Err("refused"), true));
        for (key, refuse) in [("b", false), ("c", false), ("a", true), ("a", false), ("b", false)] {
            let partition = || if refuse { Err("refused") } else { Ok(Partition(0)) };
            assert_eq!(buffer.add(key.as_bytes(), b"2", partition).is_err(), refuse, "{key}");
        }
        let run = |count| vec![("2".to_owned(), count)];
        let expected = [(0, "a".to_owned(), run(1)), (0, "b".to_owned(), run(2)), (0, "c".to_owned(), run(1))];
        assert_eq!(listed(&buffer), expected);
    }

    #[test]
    fn a_repeated_value_costs_no_memory_and_a_cleared_buffer_uses_none() {
        let mut buffer = filled(&[("k", "v")]);
        let once = buffer.memory();
        for _ in 0..1000 {
            buffer.add(b"k", b"v", || Ok::<_, Infallible>(Partition(0))).unwrap();
        }
        assert_eq!(buffer.memory(), once);
        buffer.clear();
        assert_eq!(buffer.memory(), 0);
        assert!(buffer.is_empty());
    }
}
