//! Sort, by letting the shuffle do all the work (MapReduce paper, section 2.3 and 5.3).
//!
//! Keys reach reduce in order, so all there is to add is a partition that rises with the keys.

use bstr::ByteSlice;
use mr_core::app::{App, AppError, Emit, InputKind, MapInput, Output, Values};
use mr_core::ids::{Partition, Reduces};

use crate::VERSION;

/// Sorts lines by their bytes: `mr-out-0`, `mr-out-1` and so on, one after the other, are sorted as a whole.
///
/// The partitions are of about equal size when the lines start with evenly distributed printable ASCII; else they are not, and
/// the order is right all the same. A line ends with `\n`; the `\r` of a `\r\n` is part of the line.
#[derive(Debug, Clone, Copy)]
pub struct Sort;

impl App for Sort {
    fn name(&self) -> &str {
        "sort"
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn input(&self) -> InputKind {
        InputKind::Lines
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        for line in input.data.lines_with_terminator() {
            emit.emit(line.strip_suffix(b"\n").unwrap_or(line), b"");
        }
        Ok(())
    }

    fn reduce(&self, line: &[u8], times: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.raw(&[line, b"\n"].concat(), times.len());
        Ok(())
    }

    fn partition(&self, key: &[u8], reduces: Reduces) -> Partition {
        let partition = u128::from(place(key)) * u128::from(reduces.get()) / u128::from(PLACES);
        Partition(u32::try_from(partition).expect("a place below PLACES makes a partition below the number of them"))
    }
}

/// The first printable character of ASCII.
const FIRST: u8 = b' ';
/// The last printable character of ASCII.
const LAST: u8 = b'~';
/// How many there are.
const PRINTABLE: u64 = (LAST - FIRST) as u64 + 1;
/// How many leading bytes are looked at: as many as a place has room for.
const LEADING: u32 = 9;
/// How many places there are.
const PLACES: u64 = PRINTABLE.pow(LEADING);

/// The place of `key` among all keys, below [`PLACES`]: the leading bytes as digits of a number, which never falls as keys rise.
///
/// A byte outside of printable ASCII comes before or after all that could stand there, and ends the number.
fn place(key: &[u8]) -> u64 {
    let mut place = 0;
    let mut room = PLACES;
    for &byte in key.iter().take(LEADING as usize) {
        if byte > LAST {
            return place + room - 1;
        }
        room /= PRINTABLE;
        match byte.checked_sub(FIRST) {
            Some(digit) => place += u64::from(digit) * room,
            None => return place,
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{keys, list, reduced};

    #[test]
    fn each_line_is_a_key_without_its_newline() {
        let lines = [&b"b"[..], b"a\r", b"", b"\xff\0", b"last"].map(<[u8]>::to_vec);
        assert_eq!(keys(&Sort, "f", b"b\na\r\n\n\xff\0\nlast"), lines);
        assert!(keys(&Sort, "f", b"").is_empty());
    }

    #[test]
    fn a_line_is_written_as_often_as_it_was_read() {
        assert_eq!(reduced(&Sort, "line", &list(["", "", ""])), Ok("line\nline\nline\n".to_owned()));
    }

    #[test]
    fn printable_lines_fill_all_partitions_evenly() {
        let mut sizes = [0_u32; 10];
        for first in FIRST..=LAST {
            for second in FIRST..=LAST {
                sizes[Sort.partition(&[first, second, b'x'], Reduces::new(10)).0 as usize] += 1;
            }
        }
        assert!(sizes.iter().all(|size| (897..=907).contains(size)), "{sizes:?} of 9025 in all");
    }

    #[test]
    fn the_ends_of_the_order_are_the_ends_of_the_partitions() {
        for reduces in [1, 2, 10, u32::MAX] {
            let reduces = Reduces::new(reduces);
            assert_eq!(Sort.partition(b"", reduces), Partition(0));
            assert_eq!(Sort.partition(b"\xff", reduces), Partition(reduces.get() - 1));
        }
    }

    proptest! {
        #[test]
        fn partitions_never_fall_as_keys_rise(
            mut keys in vec(vec(prop_oneof![Just(0x1f), Just(b' '), Just(b'~'), Just(0x7f), any::<u8>()], 0..12), 2..20),
            reduces in prop_oneof![1_u32..50, 1_u32..],
        ) {
            keys.sort();
            let reduces = Reduces::new(reduces);
            let partitions: Vec<_> = keys.iter().map(|key| Sort.partition(key, reduces)).collect();
            prop_assert!(partitions.is_sorted(), "{:?} of {:?}", partitions, keys);
            prop_assert!(partitions.iter().all(|partition| partition.0 < reduces.get()));
        }
    }
}
