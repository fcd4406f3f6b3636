//! What the course's programs take for a word: as many Unicode letters in a row as there are.
//!
//! Letters are those of general category L, as in Go's `unicode.IsLetter`. A byte that is no valid UTF-8 is no letter either,
//! and so stands between words.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// The words of `text`, in order.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = run_end(text, at, false);
        at = run_end(text, start, true);
        (start < at).then(|| &text[start..at])
    })
}

/// Where the letters that start at `start` end; or, unless `letters`, where whatever else starts there does.
#[inline]
fn run_end(text: &[u8], start: usize, letters: bool) -> usize {
    let mut at = start;
    while let Some(&byte) = text.get(at) {
        let (letter, width) = if byte.is_ascii() { (byte.is_ascii_alphabetic(), 1) } else { decoded(&text[at..]) };
        if letter != letters {
            break;
        }
        at += width;
    }
    at
}

/// Whether `text` starts with a letter, and how many bytes the letter or the other thing takes. Out of line, so that the loop
/// over ASCII stays small.
#[inline(never)]
fn decoded(text: &[u8]) -> (bool, usize) {
    let (character, width) = bstr::decode_utf8(text);
    let letter = character.is_some_and(|it| it.general_category_group() == GeneralCategoryGroup::Letter);
    (letter, width)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words_of(text: &[u8]) -> Vec<String> {
        words(text).map(|word| String::from_utf8(word.to_vec()).expect("letters")).collect()
    }

    #[test]
    fn whatever_is_no_letter_stands_between_words() {
        assert_eq!(words_of(b"It's 2 o'clock_now\r\n--so"), ["It", "s", "o", "clock", "now", "so"]);
        assert_eq!(words_of(b""), [""; 0]);
        assert_eq!(words_of(b" 1\0\n"), [""; 0]);
    }

    #[test]
    fn letters_of_any_script_make_words() {
        let text = "Größe «naïve» Ελλάδα слово 日本語 a\u{02b0}x ǅ \u{1d4d0}";
        let words = ["Größe", "naïve", "Ελλάδα", "слово", "日本語", "a\u{02b0}x", "ǅ", "\u{1d4d0}"];
        assert_eq!(words_of(text.as_bytes()), words);
    }

    #[test]
    fn digits_marks_and_number_letters_are_no_letters() {
        // A combining acute (Mn), an Arabic digit (Nd), a Roman numeral (Nl), a replacement character (So).
        assert_eq!(words_of("e\u{301}a\u{663}b\u{2167}c\u{fffd}d".as_bytes()), ["e", "a", "b", "c", "d"]);
    }

    #[test]
    fn invalid_utf8_stands_between_words() {
        assert_eq!(words_of(b"a\xffb\xc3 c\xe6\x97d\xf0\x9d\x93"), ["a", "b", "c", "d"]);
        // An overlong `A`, a surrogate, and half of a letter at the end.
        assert_eq!(words_of(b"x\xc1\x81y\xed\xa0\x80z\xc3"), ["x", "y", "z"]);
    }

    proptest! {
        #[test]
        fn words_are_what_a_split_of_the_characters_yields(text in "(\\PC|[ a-zA-Zéß1\n]){0,60}") {
            let letter = |it: char| it.general_category_group() == GeneralCategoryGroup::Letter;
            let split: Vec<_> = text.split(|it| !letter(it)).filter(|word| !word.is_empty()).collect();
            prop_assert_eq!(words_of(text.as_bytes()), split);
        }
    }
}
