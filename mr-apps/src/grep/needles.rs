//! Strings of which every match has one: what can be looked for first, because finding strings is many times faster than letting a pattern
//! loose on everything.
//!
//! The crate `regex` does that by itself where a match *begins* with one of a few strings, and where it can tell the beginning of a match from a
//! string in its middle. What is left are patterns such as `[a-z]+tion`, where what comes before the string can match the string itself. Grep
//! needs no beginning: any line with such a string in it is worth a closer look, and no other is.

use regex::bytes::Regex;
use regex_syntax::hir::literal::{Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind};

/// The shortest string that is looked for: shorter ones are in most lines.
const SHORTEST: usize = 3;
/// Of how many strings one is looked for at most: more are found no faster than the pattern itself.
const MOST: usize = 32;
/// How many parts of a pattern are looked at. Each takes as long as the pattern is long.
const PARTS: usize = 64;

/// What finds one of some strings that every match of `pattern` has; none where there are no such strings, or a match begins with one of some,
/// however short: `regex` looks for these by itself.
pub(super) fn needles(pattern: &Hir) -> Option<Regex> {
    let HirKind::Concat(parts) = outermost(pattern).kind() else { return None };
    if shortest(&beginnings(parts)) > 0 {
        return None;
    }
    let later = (1..parts.len().min(PARTS)).map(|start| beginnings(&parts[start..]));
    // Of those that are as long, the first.
    let best = later.rev().max_by_key(shortest).filter(|strings| shortest(strings) >= SHORTEST)?;
    let strings = best.literals().filter(|strings| strings.len() <= MOST)?;
    let strings = strings.iter().map(|string| Hir::literal(string.as_bytes())).collect();
    Regex::new(&Hir::alternation(strings).to_string()).ok()
}

/// `pattern` without the groups around all of it.
fn outermost(pattern: &Hir) -> &Hir {
    match pattern.kind() {
        HirKind::Capture(capture) => outermost(&capture.sub),
        _ => pattern,
    }
}

/// The strings of which each match of `parts`, one after the other, begins with one.
fn beginnings(parts: &[Hir]) -> Seq {
    let mut strings = Extractor::new().extract(&Hir::concat(parts.to_vec()));
    strings.optimize_for_prefix_by_preference();
    strings
}

/// The length of the shortest of `strings`; zero when nothing is known of them.
fn shortest(strings: &Seq) -> usize {
    strings.min_literal_len().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The strings that are looked for, as a pattern.
    fn strings_of(pattern: &str) -> Option<String> {
        let parsed = regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern).expect("a pattern");
        needles(&parsed).map(|needles| needles.as_str().to_owned())
    }

    #[test]
    fn strings_in_the_middle_of_a_match_are_looked_for() {
        for (pattern, strings) in [
            ("[a-z]+tion", "(?:tion)"),
            ("((\\w+)tion)", "(?:tion)"),
            (".*tion.*ally", "(?:tion)"),
            (r"[A-Z]\w*(house|home)s", "(?:(?:houses)|(?:homes))"),
            ("[a-z]+(?i:in)g", "(?:(?:INg)|(?:Ing)|(?:iNg)|(?:ing))"),
            (r"^\d+(?-u:\xff)abc", r"(?:(?-u:\xFF)abc)"),
        ] {
            assert_eq!(strings_of(pattern).as_deref(), Some(strings), "{pattern}");
        }
    }

    #[test]
    fn nothing_is_looked_for_that_is_in_most_lines_or_that_matches_begin_with() {
        for pattern in [
            "the",
            "then[a-z]+tion",
            "[a-z]+",
            "[a-z]+ed",
            "a|b",
            r"\bq[a-z]*the",
            "[0-9]+(the|and)",
            "[a-z]+[a-j][a-j]the",
            "[a-z]+(tion)?",
            "tion",
            "",
            "(?m)^",
            "[0-9]{4}",
        ] {
            assert_eq!(strings_of(pattern), None, "{pattern}");
        }
    }
}
