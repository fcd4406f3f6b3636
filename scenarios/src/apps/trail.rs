//! Where each word stands: `word in/0@17,in/2@3`. Its output holds every intermediate record, in the order in which reduce was
//! told of them, so that one record lost, doubled, moved or mixed in from elsewhere shows.

use mr_core::app::{App, AppError, Emit, InputKind, MapInput, Output, Values};

/// Where each word stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trail;

impl App for Trail {
    fn name(&self) -> &str {
        "trail"
    }

    fn input(&self) -> InputKind {
        InputKind::Line
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        let mut offset = input.offset;
        for word in input.data.split(|&byte| byte == b' ') {
            if !word.is_empty() {
                emit.emit(word, format!("{}@{offset}", input.file).as_bytes());
            }
            offset += word.len() as u64 + 1;
        }
        Ok(())
    }

    fn reduce(&self, _word: &[u8], places: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        let places: Vec<&[u8]> = places.iter().collect();
        output.value(&places.join(&b','));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Records(Vec<(Vec<u8>, Vec<u8>)>);

    impl Emit for Records {
        fn emit(&mut self, key: &[u8], value: &[u8]) {
            self.0.push((key.to_vec(), value.to_vec()));
        }
    }

    #[test]
    fn a_word_is_emitted_with_the_place_of_its_first_byte() {
        let mut records = Records(Vec::new());
        Trail.map(MapInput { file: "in/3", offset: 100, data: b"so  na so" }, &mut records).unwrap();
        let expected = [("so", "in/3@100"), ("na", "in/3@104"), ("so", "in/3@107")];
        assert_eq!(records.0, expected.map(|(word, place)| (word.as_bytes().to_vec(), place.as_bytes().to_vec())));
    }
}
