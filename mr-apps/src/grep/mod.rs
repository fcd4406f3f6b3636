//! Distributed grep (MapReduce paper, section 2.3).
//!
//! Most lines match nothing, so the pattern is let loose on whole stretches of lines, and a line in which it then finds something is
//! looked at by itself only if what it found goes on behind the line's end, with a `\r`. That is right because a pattern that matches within a
//! line also matches at that place of the stretch, and the other way round: `^` and `$` hold at every line's ends, and a line end is
//! no word character. The exceptions are patterns that name the start or end of all text (`\A`, `\z`), or for which `\r\n` is no
//! line end (`(?-R)`); those are tried on each line.
//!
//! Where every match has one of a few strings somewhere, these are looked for first (`needles`).
//!
//! There is no `\n` in a line, so it is taken out of all that a pattern can match. Else one such as `a[^x]*z` would look for the end of
//! each match in all of the stretch, for each line anew.

mod needles;

use bstr::ByteSlice;
use mr_core::app::{App, AppError, Emit, InputKind, MapInput, Output, Values};
use regex::bytes::Regex;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};

use crate::VERSION;

/// Finds the lines that match a regular expression, in the syntax of the crate `regex`, applied to each line by itself.
///
/// Each is written as `FILE:OFFSET LINE`, with the offset of the line in its file, in bytes, padded to twelve digits so that the
/// lines of a file stay in order. A line's end, `\n` or `\r\n`, is not part of it. A `\r` elsewhere is, though a pattern takes it for an
/// end, too: `^` and `$` hold beside it, and `.` is anything else.
#[derive(Debug, Clone)]
pub struct Grep {
    pattern: Regex,
    /// Finds strings of which each line that matches has one, if there are any that help.
    needles: Option<Regex>,
    line_by_line: bool,
}

impl Grep {
    /// Greps for `pattern`.
    ///
    /// # Errors
    ///
    /// When there is no pattern, or it is no regular expression.
    pub fn new(pattern: &str) -> Result<Self, AppError> {
        if pattern.is_empty() {
            return Err(AppError::new("`grep` needs a pattern to look for: pass it with `--arg PATTERN`"));
        }
        let wrong =
            |error: &dyn std::error::Error| AppError(format!("`{pattern}` is not a regular expression: {error}"));
        let mut parser = regex_syntax::ParserBuilder::new().multi_line(true).crlf(true).utf8(false).build();
        let parsed = parser.parse(pattern).map_err(|error| wrong(&error))?;
        let looks = parsed.properties().look_set();
        let line_by_line = [Look::Start, Look::End, Look::EndLF].into_iter().any(|look| looks.contains(look));
        let within_a_line = without_line_ends(parsed);
        let pattern = Regex::new(&within_a_line.to_string()).map_err(|error| wrong(&error))?;
        Ok(Self { pattern, needles: needles::needles(&within_a_line), line_by_line })
    }

    /// The next line that may match, at or after the line that starts at `at`.
    fn candidate(&self, data: &[u8], at: usize) -> Option<Candidate> {
        if at >= data.len() {
            return None;
        }
        let (looked_for, is_match) = match &self.needles {
            Some(needles) => (needles, false),
            None if self.line_by_line => return Some(Candidate { start: at, match_end: None }),
            None => (&self.pattern, true),
        };
        let found = looked_for.find_at(data, at)?;
        let start = data[at..found.start()].rfind_byte(b'\n').map_or(at, |end| at + end + 1);
        (start < data.len()).then_some(Candidate { start, match_end: is_match.then_some(found.end()) })
    }
}

/// What matches the same as `pattern`, but for all that has a `\n` in it.
fn without_line_ends(pattern: Hir) -> Hir {
    match pattern.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(Class::Unicode(mut class)) => {
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(mut class)) => {
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Repetition(mut repetition) => {
            *repetition.sub = without_line_ends(*repetition.sub);
            Hir::repetition(repetition)
        }
        HirKind::Capture(mut capture) => {
            *capture.sub = without_line_ends(*capture.sub);
            Hir::capture(capture)
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(without_line_ends).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(without_line_ends).collect()),
    }
}

/// A line that may match.
struct Candidate {
    start: usize,
    /// Where the match that was found in it ends. None if it is not known to match.
    match_end: Option<usize>,
}

/// `FILE:OFFSET`, made anew only behind the colon: where most lines match, `format!` would take a tenth of the time.
struct Place {
    text: Vec<u8>,
    digits_start: usize,
    digits: itoa::Buffer,
}

impl Place {
    fn in_file(file: &str) -> Self {
        let text = format!("{file}:").into_bytes();
        Self { digits_start: text.len(), text, digits: itoa::Buffer::new() }
    }

    fn at(&mut self, offset: u64) -> &[u8] {
        const ZEROS: &[u8; 12] = b"000000000000";
        let digits = self.digits.format(offset).as_bytes();
        self.text.truncate(self.digits_start);
        self.text.extend_from_slice(&ZEROS[digits.len().min(ZEROS.len())..]);
        self.text.extend_from_slice(digits);
        &self.text
    }
}

impl App for Grep {
    fn name(&self) -> &str {
        "grep"
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn input(&self) -> InputKind {
        InputKind::Lines
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        let data = input.data;
        let mut place = Place::in_file(input.file);
        let mut at = 0;
        while let Some(Candidate { start, match_end }) = self.candidate(data, at) {
            let end = data[start..].find_byte(b'\n').map_or(data.len(), |length| start + length);
            let line = &data[start..end];
            let line = if end < data.len() { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
            if match_end.is_some_and(|end| end <= start + line.len()) || self.pattern.is_match(line) {
                emit.emit(place.at(input.offset + start as u64), line);
            }
            at = end + 1;
        }
        Ok(())
    }

    fn reduce(&self, _place: &[u8], lines: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        // More than one when the same file was named several times.
        for line in lines.iter() {
            output.value(line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use regex::bytes::RegexBuilder;

    use super::*;
    use crate::testing::{list, mapped, reduced};

    fn grep(pattern: &str) -> Grep {
        Grep::new(pattern).expect("a pattern")
    }

    /// The lines found, as offsets and lossy text.
    fn found(pattern: &str, data: impl AsRef<[u8]>) -> Vec<(u64, String)> {
        let offset = |key: &[u8]| key.to_str().expect("text")["f:".len()..].parse().expect("an offset");
        let emitted = mapped(&grep(pattern), "f", data);
        emitted.into_iter().map(|(key, line)| (offset(&key), line.to_str_lossy().into_owned())).collect()
    }

    fn lines<const N: usize>(lines: [(u64, &str); N]) -> Vec<(u64, String)> {
        lines.into_iter().map(|(offset, line)| (offset, line.to_owned())).collect()
    }

    #[test]
    fn a_line_is_found_once_with_its_place_and_without_its_end() {
        let data = b"no\nan apple, an egg\r\n\nan end";
        assert_eq!(found("an", data), lines([(3, "an apple, an egg"), (22, "an end")]));
        let input = MapInput { file: "books/a", offset: 70, data: b"x\ny\n" };
        let mut last = LastKey(String::new());
        grep("y").map(input, &mut last).expect("a map");
        assert_eq!(last.0, "books/a:000000000072");
    }

    #[test]
    fn offsets_have_twelve_digits_or_more() {
        let mut place = Place::in_file("a:b");
        for offset in [0, 9, 123_456_789_012, 999_999_999_999, 1_000_000_000_000, u64::MAX, 10] {
            assert_eq!(place.at(offset).to_str_lossy(), format!("a:b:{offset:012}"));
        }
    }

    struct LastKey(String);

    impl Emit for LastKey {
        fn emit(&mut self, key: &[u8], _: &[u8]) {
            self.0 = key.to_str().expect("text").to_owned();
        }
    }

    #[test]
    fn a_pattern_sees_one_line_at_a_time() {
        assert_eq!(found(r"a\s+b", "a\nb\na b\n"), lines([(4, "a b")]));
        assert_eq!(found(r"a[^x]*c", "a\nc\na c\n"), lines([(4, "a c")]));
        assert_eq!(found(r"\n|\r", "a\r\nb\n"), lines([]));
        for anchored in [r"^b$", r"\Ab\z", r"\Ab$", r"(?-m)^b$", r"(?-R)^b$"] {
            assert_eq!(found(anchored, "ab\nb\r\nba\nb"), lines([(3, "b"), (9, "b")]), "{anchored}");
        }
    }

    #[test]
    fn a_pattern_that_matches_nothing_at_all_matches_each_line_but_none_after_the_last() {
        for pattern in ["x*", "$", r"\z"] {
            assert_eq!(found(pattern, "a\n\r\nb\n"), lines([(0, "a"), (2, ""), (4, "b")]), "{pattern}");
            assert_eq!(found(pattern, ""), lines([]), "{pattern}");
        }
    }

    #[test]
    fn a_carriage_return_belongs_to_a_line_unless_it_is_part_of_its_end() {
        assert_eq!(found("a", "a\rb\r\na\r"), lines([(0, "a\rb"), (5, "a\r")]));
        assert_eq!(found("^b", "a\rb\n"), lines([(0, "a\rb")]));
        assert_eq!(found("a.b", "a\rb\n"), lines([]));
    }

    #[test]
    fn no_pattern_looks_beyond_a_line_for_the_end_of_a_match() {
        for pattern in [r"a[^x]*z", r"a\s*z", r"a(?s:.)*z", r"(?-u:a[^x]*z)", r"(a|\n)*z", r"a\W*?z"] {
            let found = grep(pattern).pattern.find(b"a\naz\n").map(|found| found.range());
            assert_eq!(found, Some(2..4), "{pattern}");
        }
        assert_eq!(grep(r"a\nb|c\n*d").pattern.find(b"a\nb\nc\nd\ncd").map(|found| found.range()), Some(8..10));
    }

    #[test]
    fn empty_lines_are_found_where_they_are() {
        assert_eq!(found("^$", "a\n\nb\r\n\r\nc\n"), lines([(2, ""), (6, "")]));
        assert_eq!(found("^$", "a\n"), lines([]));
    }

    #[test]
    fn invalid_utf8_is_searched_and_kept() {
        let emitted = mapped(&grep("é$"), "f", b"\xff\xc3\xa9\nx\n");
        assert_eq!(emitted, [(b"f:000000000000".to_vec(), b"\xff\xc3\xa9".to_vec())]);
        assert_eq!(found(r"(?-u)\xff", b"a\n\xff\n").len(), 1);
    }

    #[test]
    fn a_line_found_twice_is_written_twice() {
        assert_eq!(reduced(&grep("x"), "f:0", &list(["ax", "ax"])), Ok("f:0 ax\nf:0 ax\n".to_owned()));
    }

    #[test]
    fn a_pattern_that_is_none_is_refused() {
        let error = |pattern| Grep::new(pattern).expect_err("no pattern").0;
        assert_eq!(error(""), "`grep` needs a pattern to look for: pass it with `--arg PATTERN`");
        assert!(error("a(").starts_with("`a(` is not a regular expression: "));
    }

    proptest! {
        #[test]
        fn the_lines_found_are_those_that_match_by_themselves(
            pattern in r"\(\?:\)(\^|\\A|\\b|\\B)?(a|b|\.|\\s|\[\^a\]|\\W|\\r|\(ab\|a\)|\(a\|a\\nb\)){0,3}([*+?]\??)?(\$|\\z|\\b)?",
            data in "[ab \r\n]{0,40}",
        ) {
            prop_assert_eq!(found(&pattern, &data), found_line_by_line(&pattern, &data));
        }

        #[test]
        fn looking_for_strings_first_misses_no_line(
            before in select(vec![r"", r"\A", r"\b", r"\W*", r"[^\n]"]),
            many in select(vec!["[a-z]+", ".*?", "(a|[b-z])*", "[^a]+"]),
            strings in select(vec!["aab", "(aba|bba)", "(?i:Bab)", r"aba\r", "bba{1,2}"]),
            behind in select(vec!["", "b", ".", "$", r"\z", r"\b", r"\r"]),
            data in "[abAB \r\n]{0,60}",
        ) {
            let pattern = [before, many, strings, behind].concat();
            prop_assert!(grep(&pattern).needles.is_some(), "{}", pattern);
            prop_assert_eq!(found(&pattern, &data), found_line_by_line(&pattern, &data));
        }
    }

    /// The lines that match by themselves, found the plainest way.
    fn found_line_by_line(pattern: &str, data: &str) -> Vec<(u64, String)> {
        let alone = RegexBuilder::new(pattern).crlf(true).multi_line(true).build().expect("a pattern");
        let mut found = Vec::new();
        let mut offset = 0;
        for line in data.as_bytes().lines_with_terminator() {
            let text = line.strip_suffix(b"\r\n").or(line.strip_suffix(b"\n")).unwrap_or(line);
            if alone.is_match(text) {
                found.push((offset, text.to_str_lossy().into_owned()));
            }
            offset += line.len() as u64;
        }
        found
    }
}
