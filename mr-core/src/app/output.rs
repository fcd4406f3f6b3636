//! What a reduce writes. A record that is written many times over, as a sort does with equal lines, is kept once where it can be, with a note
//! of how often it is wanted: a gigabyte of one line need not lie in memory before it goes to the file.

/// Copies that take fewer bytes than this in all are made at once.
const KEPT_ONCE_FROM: u64 = 64 << 10;

/// So many bytes before byte `end` of what was written belong into the file so many `times` more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub(crate) end: usize,
    pub(crate) len: usize,
    pub(crate) times: u64,
}

/// Where [`App::reduce`](super::App::reduce) puts its result for one key.
pub struct Output<'a> {
    key: &'a [u8],
    buffer: &'a mut Vec<u8>,
    /// Where records that are wanted many times are noted. None if all is wanted in the buffer.
    repeats: Option<&'a mut Vec<Repeat>>,
    records: u64,
}

impl<'a> Output<'a> {
    /// The place for the results of `key`, which appends to `buffer`.
    pub fn new(key: &'a [u8], buffer: &'a mut Vec<u8>) -> Self {
        Self { key, buffer, repeats: None, records: 0 }
    }

    /// The same for who writes records from the buffer as often as `repeats` say.
    pub(crate) fn with_repeats(key: &'a [u8], buffer: &'a mut Vec<u8>, repeats: &'a mut Vec<Repeat>) -> Self {
        Self { key, buffer, repeats: Some(repeats), records: 0 }
    }

    /// Writes the line `key value\n`, as the course's programs do.
    pub fn value(&mut self, value: &[u8]) {
        self.buffer.extend_from_slice(self.key);
        self.buffer.push(b' ');
        self.buffer.extend_from_slice(value);
        self.buffer.push(b'\n');
        self.records += 1;
    }

    /// Writes `record` as it is, `times` times over: no key, no line end of ours.
    pub fn raw(&mut self, record: &[u8], times: u64) {
        self.records = self.records.saturating_add(times);
        let copies = times.saturating_sub(1);
        match &mut self.repeats {
            _ if record.is_empty() => {}
            Some(repeats) if copies.saturating_mul(record.len() as u64) >= KEPT_ONCE_FROM => {
                self.buffer.extend_from_slice(record);
                repeats.push(Repeat { end: self.buffer.len(), len: record.len(), times: copies });
            }
            _ => (0..times).for_each(|_| self.buffer.extend_from_slice(record)),
        }
    }

    /// Appends `bytes`, which are `records` finished records: for passing on what another `Output` has gathered.
    pub fn append(&mut self, bytes: &[u8], records: u64) {
        self.buffer.extend_from_slice(bytes);
        self.records = self.records.saturating_add(records);
    }

    /// How many records were written.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_copies_are_kept_once_and_few_are_made() {
        let (mut buffer, mut repeats) = (b"before".to_vec(), Vec::new());
        let mut output = Output::with_repeats(b"k", &mut buffer, &mut repeats);
        output.raw(b"ab", 2);
        output.raw(b"line\n", 1 << 40);
        output.raw(b"", 1 << 40);
        output.value(b"v");
        assert_eq!(output.records(), 2 + (1 << 40) + (1 << 40) + 1);
        assert_eq!(buffer, b"beforeababline\nk v\n");
        assert_eq!(repeats, [Repeat { end: 15, len: 5, times: (1 << 40) - 1 }]);
    }

    #[test]
    fn all_copies_are_made_where_nobody_would_make_them_later() {
        let mut buffer = Vec::new();
        Output::new(b"k", &mut buffer).raw(b"line\n", 100_000);
        assert_eq!(buffer, b"line\n".repeat(100_000));
    }
}
