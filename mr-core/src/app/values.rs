//! The values of one key, kept as runs of equal values: a million times "1" is one run, and its length is known at once.
//!
//! All values of a key are in memory when it is reduced, so they take little more than their own bytes: a run is the length of its value, the
//! value and the count, one behind the other, in chunks of a megabyte. A list that grows is not copied for it.

use crate::varint;

/// How many bytes of runs are kept in one piece, unless one value has more.
const CHUNK: usize = 1 << 20;

/// What the two numbers of a run take at most.
const NUMBERS: usize = 20;

/// A value, and how many times in a row it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueRun<'a> {
    /// The value's bytes.
    pub value: &'a [u8],
    /// How often; at least once.
    pub count: u64,
}

/// All the values of one key, in order.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    list: &'a ValueList,
}

impl<'a> Values<'a> {
    /// How many values there are, repeats counted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.list.total
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.total == 0
    }

    /// Every value, repeats repeated.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.runs().flat_map(|run| (0..run.count).map(move |_| run.value))
    }

    /// Every run of equal values: for apps that can make use of the count.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = ValueRun<'a>> + use<'a> {
        Runs { chunks: self.list.chunks.iter(), rest: &[], left: self.list.runs }
    }
}

/// The runs of a list, read one after the other.
struct Runs<'a> {
    chunks: std::slice::Iter<'a, Vec<u8>>,
    /// What is left of the chunk that is being read.
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Runs<'a> {
    type Item = ValueRun<'a>;

    fn next(&mut self) -> Option<ValueRun<'a>> {
        self.left = self.left.checked_sub(1)?;
        if self.rest.is_empty() {
            self.rest = self.chunks.next()?;
        }
        let len = varint::take(&mut self.rest)?;
        let value = varint::take_bytes(&mut self.rest, len)?;
        Some(ValueRun { value, count: varint::take(&mut self.rest)? })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Runs<'_> {}

/// A list of values that folds equal neighbours together. Emptied and filled again, a short one allocates nothing.
#[derive(Debug, Clone, Default)]
pub struct ValueList {
    /// Whole runs; none of the chunks is empty but the first.
    chunks: Vec<Vec<u8>>,
    /// The last run, which may grow.
    last: Option<LastRun>,
    runs: usize,
    total: u64,
}

/// Where in the last chunk the value of a run lies, and how often it comes.
#[derive(Debug, Clone, Copy)]
struct LastRun {
    start: usize,
    end: usize,
    count: u64,
}

impl ValueList {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one value.
    pub fn push(&mut self, value: &[u8]) {
        self.push_run(ValueRun { value, count: 1 });
    }

    /// Appends a run of equal values; a run of none is nothing. Counts end at [`u64::MAX`], which stands for too many.
    pub fn push_run(&mut self, run: ValueRun<'_>) {
        if run.count == 0 {
            return;
        }
        self.total = self.total.saturating_add(run.count);
        if let (Some(last), Some(chunk)) = (&mut self.last, self.chunks.last_mut())
            && chunk[last.start..last.end] == *run.value
        {
            last.count = last.count.saturating_add(run.count);
            chunk.truncate(last.end);
            varint::put(chunk, last.count);
            return;
        }
        let chunk = self.chunk_for(run.value.len() + NUMBERS);
        varint::put(chunk, run.value.len() as u64);
        let start = chunk.len();
        chunk.extend_from_slice(run.value);
        let end = chunk.len();
        varint::put(chunk, run.count);
        self.last = Some(LastRun { start, end, count: run.count });
        self.runs += 1;
    }

    /// The chunk to which so many bytes are to be added: the last, or a new one if they do not fit.
    fn chunk_for(&mut self, bytes: usize) -> &mut Vec<u8> {
        let has_room = self.chunks.last().is_some_and(|last| last.is_empty() || last.len() + bytes <= CHUNK);
        if !has_room {
            // The first grows with what comes: most lists are short.
            let room = if self.chunks.is_empty() { 0 } else { bytes.max(CHUNK) };
            self.chunks.push(Vec::with_capacity(room));
        }
        self.chunks.last_mut().expect("there is one now")
    }

    /// Forgets all values, keeps the memory of as many as a short list has.
    pub fn clear(&mut self) {
        self.chunks.truncate(1);
        if let Some(chunk) = self.chunks.first_mut() {
            chunk.clear();
            chunk.shrink_to(2 * CHUNK);
        }
        self.last = None;
        (self.runs, self.total) = (0, 0);
    }

    /// The values, to be read.
    #[must_use]
    pub fn values(&self) -> Values<'_> {
        Values { list: self }
    }

    /// Whether there are more values than can be counted.
    #[must_use]
    pub fn are_too_many(&self) -> bool {
        self.total == u64::MAX
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum()
    }
}

impl<V: AsRef<[u8]>> FromIterator<V> for ValueList {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        let mut list = ValueList::new();
        for value in values {
            list.push(value.as_ref());
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_holds_what_a_plain_one_would(
            pushed in vec((prop_oneof![Just(0_usize), 0..3_usize, 126..130_usize, Just(CHUNK - NUMBERS), Just(CHUNK)], 0..3_u8, 0..300_u64), 0..20),
            again in any::<bool>(),
        ) {
            let mut list = ValueList::new();
            for _ in 0..=u8::from(again) {
                list.clear();
                let mut plain: Vec<(Vec<u8>, u64)> = Vec::new();
                for &(len, byte, count) in &pushed {
                    let value = vec![byte; len];
                    list.push_run(ValueRun { value: &value, count });
                    match plain.last_mut() {
                        _ if count == 0 => {}
                        Some((last, times)) if *last == value => *times += count,
                        _ => plain.push((value, count)),
                    }
                }
                prop_assert_eq!(list.values().len(), plain.iter().map(|(_, count)| count).sum::<u64>());
                prop_assert_eq!(list.values().runs().len(), plain.len());
                for (run, (value, count)) in list.values().runs().zip(&plain) {
                    prop_assert!(run.value == &value[..] && run.count == *count);
                }
            }
        }
    }

    #[test]
    fn equal_neighbours_fold_and_order_stays() {
        let list: ValueList = ["a", "a", "b", "a", "", ""].into_iter().collect();
        let runs: Vec<_> = list.values().runs().map(|run| (run.value.to_vec(), run.count)).collect();
        assert_eq!(runs, [(b"a".to_vec(), 2), (b"b".to_vec(), 1), (b"a".to_vec(), 1), (Vec::new(), 2)]);
        assert_eq!(list.values().len(), 6);
        let flat: Vec<_> = list.values().iter().collect();
        assert_eq!(flat, [&b"a"[..], b"a", b"b", b"a", b"", b""]);
    }

    #[test]
    fn a_cleared_list_is_empty_and_an_empty_run_is_nothing() {
        let mut list: ValueList = ["x"].into_iter().collect();
        list.clear();
        list.push_run(ValueRun { value: b"y", count: 0 });
        assert!(list.values().is_empty());
        assert_eq!(list.values().runs().len(), 0);
    }

    #[test]
    fn a_long_list_is_read_as_it_was_written() {
        let long = vec![b'x'; 2 * CHUNK];
        let numbers: Vec<String> = (0..300_000).map(|number| (number / 2).to_string()).collect();
        let mut list = ValueList::new();
        for _ in 0..2 {
            list.push(&long);
            numbers.iter().for_each(|number| list.push(number.as_bytes()));
            (0..1000).for_each(|_| list.push(&long));
            assert!(list.chunks.len() > 3 && list.values().runs().len() == 150_002);
            let runs: Vec<_> = list.values().runs().collect();
            assert_eq!(runs.first(), Some(&ValueRun { value: &long, count: 1 }));
            assert_eq!(runs.last(), Some(&ValueRun { value: &long, count: 1000 }));
            for (pair, run) in numbers.chunks(2).zip(&runs[1..]) {
                assert_eq!((run.value, run.count), (pair[0].as_bytes(), 2));
            }
            list.clear();
            assert_eq!((list.memory(), list.values().runs().count()), (0, 0));
            assert!(list.chunks.iter().all(|chunk| chunk.capacity() <= 2 * CHUNK));
        }
    }

    #[test]
    fn more_values_than_can_be_counted_do_not_become_few() {
        let mut list = ValueList::new();
        for _ in 0..2 {
            assert!(!list.are_too_many());
            list.push_run(ValueRun { value: b"y", count: 1 << 63 });
        }
        assert!(list.are_too_many());
        assert_eq!(list.values().runs().map(|run| run.count).collect::<Vec<_>>(), [u64::MAX]);
    }
}
