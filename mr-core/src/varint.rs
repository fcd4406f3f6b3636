//! Numbers in as few bytes as they need: seven bits a byte, lowest first, the top bit set on all but the last (LEB128).

/// Appends `number` to `out`.
pub(crate) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads the number at the start of `bytes` and takes it off. None when it is cut short or larger than a `u64`.
#[inline]
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    // Nearly all are small.
    match *bytes {
        [byte @ ..0x80, rest @ ..] => {
            *bytes = rest;
            Some(u64::from(*byte))
        }
        _ => take_large(bytes),
    }
}

fn take_large(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if (bits << shift) >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes the first `len` bytes off.
pub(crate) fn take_bytes<'a>(bytes: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_read_back_as_written(numbers: Vec<u64>, shifts in prop::collection::vec(0u32..64, 0..20)) {
            let numbers: Vec<u64> = numbers.into_iter().chain(shifts.into_iter().map(|shift| 1 << shift)).collect();
            let mut bytes = Vec::new();
            for &number in &numbers {
                put(&mut bytes, number);
            }
            let mut rest = &bytes[..];
            let read: Vec<u64> = numbers.iter().map_while(|_| take(&mut rest)).collect();
            prop_assert_eq!(read, numbers);
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn garbage_is_refused_or_read_but_never_past_its_end(bytes: Vec<u8>) {
            let mut rest = &bytes[..];
            if take(&mut rest).is_some() {
                prop_assert!(rest.len() < bytes.len());
            }
        }
    }

    #[test]
    fn numbers_beyond_64_bits_and_cut_short_are_refused() {
        let mut largest = Vec::new();
        put(&mut largest, u64::MAX);
        assert_eq!(take(&mut &largest[..]), Some(u64::MAX));
        assert_eq!(take(&mut &largest[..9]), None);
        *largest.last_mut().unwrap() = 2;
        assert_eq!(take(&mut &largest[..]), None);
        assert_eq!(take(&mut &[0x80; 11][..]), None);
    }
}
