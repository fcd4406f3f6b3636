//! Fifty thousand made-up words and how often each occurs.
//!
//! A word is one to three syllables of a consonant and a vowel, with or without a closing consonant: `ba`, `mofin`,
//! `tugalor`. Frequent words are short, as in every language. The r-th word has a frequency proportional to r^-1.07.

/// How many different words there are.
pub(super) const WORDS: usize = 50_000;

/// Words are drawn from a table of 2^SLOT_BITS entries. That is just enough for the rarest word, whose share is about 1.2
/// entries, to have one.
pub(super) const SLOT_BITS: u32 = 20;

/// The width of a word's cell in bytes: seven letters at most, a separator, and room for the length.
pub(super) const CELL: usize = 16;

const CONSONANTS: &[u8; 15] = b"tnsrlmdkpbgfvzh";
const VOWELS: &[u8; 5] = b"aeiou";
const ENDINGS: [&str; 6] = ["", "n", "s", "r", "l", "t"];

/// How many words of one syllable there are, and of two.
const SHORT: usize = CONSONANTS.len() * VOWELS.len() * ENDINGS.len();
const MIDDLE: usize = SHORT * CONSONANTS.len() * VOWELS.len();

/// Strides through the words of one length, so that neighbours in frequency do not look alike. A prime that divides neither
/// `SHORT` nor `MIDDLE` nor the number of words of three syllables meets every word once.
const STRIDE: usize = 7919;

/// A word with a space behind it, padded to a fixed width so that it can be copied without looking at its length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// The letters, one space, zeros.
    pub(super) cell: [u8; CELL],
    /// The number of letters and the space.
    pub(super) len: u8,
}

/// The words by rank, the most frequent first, and the table they are drawn from.
#[derive(Debug)]
pub(super) struct Vocabulary {
    words: Vec<Word>,
    slots: Vec<u16>,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        Self { words: (0..WORDS).map(word).collect(), slots: slots() }
    }

    /// The word that the top [`SLOT_BITS`] bits of `draw` choose.
    pub(super) fn word(&self, draw: u32) -> &Word {
        &self.words[usize::from(self.slots[(draw >> (u32::BITS - SLOT_BITS)) as usize])]
    }
}

/// The word of a rank, counted from 0. No two ranks have the same.
fn word(rank: usize) -> Word {
    let (syllables, number) = if rank < SHORT {
        (1, rank * STRIDE % SHORT)
    } else if rank < SHORT + MIDDLE {
        (2, (rank - SHORT) * STRIDE % MIDDLE)
    } else {
        let long = MIDDLE * CONSONANTS.len() * VOWELS.len();
        (3, (rank - SHORT - MIDDLE) * STRIDE % long)
    };
    let mut text = Vec::with_capacity(CELL);
    let mut rest = number / ENDINGS.len();
    for _ in 0..syllables {
        text.push(CONSONANTS[rest % CONSONANTS.len()]);
        rest /= CONSONANTS.len();
        text.push(VOWELS[rest % VOWELS.len()]);
        rest /= VOWELS.len();
    }
    text.extend_from_slice(ENDINGS[number % ENDINGS.len()].as_bytes());
    text.push(b' ');
    let len = text.len() as u8;
    text.resize(CELL, 0);
    Word { cell: text.try_into().expect("it has just been given that length"), len }
}

/// The table of ranks, each in as many slots as its frequency deserves: drawing a slot evenly draws a rank by Zipf's law.
///
/// Multiplication, division and square root are exact to the last bit by IEEE 754, on every machine; `powf` is not. So the
/// exponent is composed of square roots: r · r^(1/16) · r^(1/128) = r^1.0703. All that follows is whole numbers.
fn slots() -> Vec<u16> {
    let root = |x: f64, times: u32| (0..times).fold(x, |x, _| x.sqrt());
    let weight = |rank: usize| {
        let r = (rank + 1) as f64;
        ((1u64 << 36) as f64 / (r * root(r, 4) * root(r, 7))) as u64
    };
    let total: u64 = (0..WORDS).map(weight).sum();
    let mut slots = Vec::with_capacity(1 << SLOT_BITS);
    let mut so_far = 0;
    for rank in 0..WORDS {
        so_far += weight(rank);
        let end = (u128::from(so_far) << SLOT_BITS) / u128::from(total);
        slots.resize(end as usize, rank as u16);
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn letters(word: &Word) -> String {
        String::from_utf8(word.cell[..usize::from(word.len) - 1].to_vec()).unwrap()
    }

    #[test]
    fn no_two_words_are_the_same_and_all_are_lower_case_letters() {
        let words: BTreeSet<String> = (0..WORDS).map(|rank| letters(&word(rank))).collect();
        assert_eq!(words.len(), WORDS);
        assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())));
    }

    #[test]
    fn frequent_words_are_no_longer_than_rare_ones() {
        let lens: Vec<_> = [0, SHORT - 1, SHORT, SHORT + MIDDLE - 1, SHORT + MIDDLE, WORDS - 1]
            .map(|rank| (letters(&word(rank)).len()) / 2)
            .to_vec();
        assert_eq!(lens, [1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn every_word_has_a_slot_and_a_more_frequent_word_at_most_one_less() {
        let slots = slots();
        assert_eq!(slots.len(), 1 << SLOT_BITS);
        let mut counts = vec![0u32; WORDS];
        for slot in slots {
            counts[usize::from(slot)] += 1;
        }
        assert!(counts.iter().all(|&count| count >= 1));
        assert!(counts.windows(2).all(|pair| pair[0] + 1 >= pair[1]));
    }
}
