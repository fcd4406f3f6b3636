//! An inverted index (MapReduce paper, section 2.3).

use std::collections::HashSet;

use mr_core::app::{App, AppError, Emit, MapInput, Output, Values};

use crate::VERSION;
use crate::joined::sorted_and_joined;
use crate::words::words;

/// Tells for each word how many files it occurs in, and which: `word 2 a.txt,b.txt`.
#[derive(Debug, Clone, Copy)]
pub struct Indexer;

impl App for Indexer {
    fn name(&self) -> &str {
        "indexer"
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        let mut seen = HashSet::new();
        for word in words(input.data) {
            if seen.insert(word) {
                emit.emit(word, input.file.as_bytes());
            }
        }
        Ok(())
    }

    fn reduce(&self, _word: &[u8], files: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        let mut line = format!("{} ", files.len()).into_bytes();
        line.append(&mut sorted_and_joined(files, ","));
        output.value(&line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{list, mapped, reduced};

    #[test]
    fn a_word_is_emitted_once_a_file() {
        let record = |word: &str| (word.as_bytes().to_vec(), b"b.txt".to_vec());
        let emitted = mapped(&Indexer, "b.txt", b"so so\r\nna\xc3\xafve so\xffSo");
        assert_eq!(emitted, [record("so"), record("naïve"), record("So")]);
    }

    #[test]
    fn files_are_counted_and_sorted() {
        let files = list(["c.txt", "a.txt", "b.txt"]);
        assert_eq!(reduced(&Indexer, "so", &files), Ok("so 3 a.txt,b.txt,c.txt\n".to_owned()));
    }
}
