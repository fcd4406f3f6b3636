//! The values of one key, kept as runs of equal values: a million times "1" is one run, and its length is known at once.

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
        let list = self.list;
        list.runs.iter().map(move |run| ValueRun { value: &list.bytes[run.start..run.end], count: run.count })
    }
}

/// A list of values that folds equal neighbours together. Emptied and filled again, it allocates nothing.
#[derive(Debug, Clone, Default)]
pub struct ValueList {
    bytes: Vec<u8>,
    runs: Vec<Run>,
    total: u64,
}

#[derive(Debug, Clone, Copy)]
struct Run {
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
        if let Some(last) = self.runs.last_mut()
            && self.bytes[last.start..last.end] == *run.value
        {
            last.count = last.count.saturating_add(run.count);
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(run.value);
        self.runs.push(Run { start, end: self.bytes.len(), count: run.count });
    }

    /// Forgets all values, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.runs.clear();
        self.total = 0;
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
        self.bytes.len() + self.runs.len() * size_of::<Run>()
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
    use super::*;

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
