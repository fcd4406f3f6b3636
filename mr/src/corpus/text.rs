//! Text out of words: lines of ten to twelve, drawn by ChaCha8.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::vocabulary::{CELL, Vocabulary};

/// The largest number of bytes a line can take: twelve words of seven letters, each with what separates it.
const LONGEST_LINE: usize = 12 * 8;

/// Writes the text of every file of one seed.
#[derive(Debug)]
pub(super) struct Writer {
    vocabulary: Vocabulary,
    seed: u64,
}

impl Writer {
    pub(super) fn new(seed: u64) -> Self {
        Self { vocabulary: Vocabulary::new(), seed }
    }

    /// The generator for one file. The key is spelled out here and not left to a library's way of stretching a short seed,
    /// which may change with its version.
    fn generator(&self, file: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(file);
        generator
    }

    /// Fills `text` with the `len` bytes of file number `file`.
    pub(super) fn write(&self, file: u64, len: usize, text: &mut Vec<u8>) {
        let mut generator = self.generator(file);
        // Words are copied as whole cells, so the last one may reach beyond the last line.
        text.clear();
        text.resize(len + LONGEST_LINE + CELL, 0);
        let mut end = 0;
        while end < len {
            end = self.line(&mut generator, text, end);
        }
        text.truncate(len);
        if let Some(last) = text.last_mut() {
            *last = b'\n';
        }
    }

    /// Writes one line at `start` and returns where it ends.
    fn line(&self, generator: &mut ChaCha8Rng, text: &mut [u8], start: usize) -> usize {
        let words = 10 + generator.next_u32() % 3;
        let mut end = start;
        for _ in 0..words {
            let word = self.vocabulary.word(generator.next_u32());
            text[end..end + CELL].copy_from_slice(&word.cell);
            end += usize::from(word.len);
        }
        text[end - 1] = b'\n';
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seed: u64, file: u64, len: usize) -> Vec<u8> {
        let mut text = Vec::new();
        Writer::new(seed).write(file, len, &mut text);
        text
    }

    #[test]
    fn a_text_has_the_length_asked_for_and_ends_its_last_line() {
        assert_eq!(text(1, 0, 0), b"");
        assert_eq!(text(1, 0, 1), b"\n");
        for len in [2, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 1000] {
            let text = text(1, 0, len);
            assert_eq!((text.len(), text.last()), (len, Some(&b'\n')));
        }
    }

    #[test]
    fn lines_have_ten_to_twelve_words_one_space_apart() {
        let text = String::from_utf8(text(7, 0, 100_000)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let mut lengths = [0; 3];
        for line in &lines[..lines.len() - 1] {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(words.iter().all(|word| !word.is_empty()), "{line:?}");
            lengths[words.len() - 10] += 1;
        }
        assert!(lengths.iter().all(|&count| count > lines.len() / 4), "{lengths:?}");
    }

    #[test]
    fn other_seeds_and_other_files_have_other_texts() {
        assert_ne!(text(1, 0, 1000), text(2, 0, 1000));
        assert_ne!(text(1, 0, 1000), text(1, 1, 1000));
        assert_eq!(text(1, 1, 500)[..499], text(1, 1, 1000)[..499]);
    }
}
