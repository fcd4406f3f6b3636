//! The groups of a map buffer in the order in which they are written: by partition and, within one, by key.
//!
//! Keys are told apart by their partition first, in the order in which they came, and then, unless they came in their own order, sorted
//! partition by partition.

use std::hint::black_box;

use super::buffer::KeyGroup;

/// How many groups are fetched together.
const TOGETHER: usize = 16;

/// A key of the buffer, with what the sort looks at before it looks at the key itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SortEntry {
    prefix: u64,
    group: u32,
}

/// Groups in order. They lie all over the memory, and whoever looks at one after the other waits for each of them; so some are fetched
/// together before the first of them is needed.
pub(super) struct Sorted<'a> {
    groups: &'a [KeyGroup],
    /// Where the groups' keys and values are.
    bytes: &'a [u8],
    order: Vec<SortEntry>,
    /// How many of them were handed out.
    taken: usize,
    ready: Vec<KeyGroup>,
}

impl<'a> Sorted<'a> {
    /// The `groups`, whose keys and values are in `bytes`. Keys that did not come `out_of_order` are not compared any more.
    pub(super) fn new(groups: &'a [KeyGroup], bytes: &'a [u8], out_of_order: bool) -> Self {
        let (mut order, ends) = by_partition(groups);
        let key = |entry: &SortEntry| groups[entry.group as usize].key.of(bytes);
        let mut start = 0;
        for end in ends.into_iter().filter(|_| out_of_order) {
            order[start..end].sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| key(a).cmp(key(b))));
            start = end;
        }
        Self { groups, bytes, order, taken: 0, ready: Vec::with_capacity(TOGETHER) }
    }

    fn fetch(&mut self) {
        let entries = self.order[self.taken..].iter().take(TOGETHER);
        self.ready.clear();
        self.ready.extend(entries.map(|entry| self.groups[entry.group as usize]));
        let mut touched = 0;
        for KeyGroup { key, last, .. } in &self.ready {
            // Of a key with one value, which lies right behind it, these are both ends of all that is to be written.
            for place in [key.range().start, last.value.range().end] {
                touched ^= self.bytes.get(place).copied().unwrap_or_default();
            }
        }
        // Not what they are matters, but that they have been looked at.
        black_box(touched);
    }
}

/// All groups by partition and, within one, as they came; and where each partition ends.
fn by_partition(groups: &[KeyGroup]) -> (Vec<SortEntry>, Vec<usize>) {
    let partitions = groups.iter().map(|group| group.partition.0 as usize + 1).max().unwrap_or(0);
    let mut counts = vec![0; partitions];
    for group in groups {
        counts[group.partition.0 as usize] += 1;
    }
    let mut filled = Vec::with_capacity(partitions);
    let mut total = 0;
    for count in counts {
        filled.push(total);
        total += count;
    }
    let mut order = vec![SortEntry::default(); total];
    for (index, group) in (0..).zip(groups) {
        let place = &mut filled[group.partition.0 as usize];
        order[*place] = SortEntry { prefix: group.key.prefix, group: index };
        *place += 1;
    }
    (order, filled)
}

impl Iterator for Sorted<'_> {
    type Item = KeyGroup;

    fn next(&mut self) -> Option<KeyGroup> {
        let place = self.taken % TOGETHER;
        if place == 0 {
            self.fetch();
        }
        let group = *self.ready.get(place)?;
        self.taken += 1;
        Some(group)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use crate::ids::{JobId, Partition};
    use crate::shuffle::MapBuffer;

    /// Adds `keys` to a buffer, to partitions 0 and 2, and checks in which order they are handed out.
    fn check(keys: &[String]) {
        let partition = |key: &str| if key.len().is_multiple_of(2) { 2 } else { 0 };
        let mut buffer = MapBuffer::new(JobId(7));
        for key in keys {
            let Ok(()) = buffer.add(key.as_bytes(), b"", || Ok::<_, Infallible>(Partition(partition(key))));
        }
        let expected: BTreeSet<(u32, &[u8])> = keys.iter().map(|key| (partition(key), key.as_bytes())).collect();
        let found: Vec<_> = buffer.sorted().map(|group| (group.partition().0, group.key())).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn groups_come_by_partition_and_then_by_key_in_whatever_order_they_were_added() {
        // More than are fetched at once; with long common beginnings; of many lengths.
        let places: Vec<String> =
            (0..100).map(|line| format!("in/a.txt:{:0width$}", line * 57, width = 1 + line % 7)).collect();
        check(&places);
        check(&places.iter().rev().cloned().collect::<Vec<_>>());
        check(&(0..100).map(|n| format!("{}", n * 7919 % 1009)).collect::<Vec<_>>());
        check(&[]);
    }
}
