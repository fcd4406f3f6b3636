//! Files that a person wrote: how they are found and read, and what is wrong with one: which file, which line, what, and which word they
//! may have meant.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

/// Why a scenario or plan file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, where known.
    pub line: Option<usize>,
    /// What is wrong, and what was perhaps meant: a sentence without its full stop.
    pub what: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for FileProblem {}

impl FileProblem {
    /// `file` as a whole cannot be used.
    pub(crate) fn of_file(file: &Path, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, what: what.into() }
    }

    /// The bytes `span` of `text`, the contents of `file`, make no sense.
    pub(crate) fn at(file: &Path, text: &str, span: &Range<usize>, what: impl Into<String>) -> Self {
        let before = &text.as_bytes()[..span.start.min(text.len())];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        Self { file: file.to_owned(), line: Some(line), what: what.into() }
    }

    /// `text`, the contents of `file`, is not what was expected there.
    pub(crate) fn of_toml(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let what = with_suggestion(error.message().trim_end());
        match error.span() {
            Some(span) => Self::at(file, text, &span, what),
            None => Self::of_file(file, what),
        }
    }
}

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String, FileProblem> {
    fs::read_to_string(path).map_err(|error| FileProblem::of_file(path, format!("cannot be read: {error}")))
}

/// The name of a file without its extension.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The files called `*.toml` in a directory, in the order of their names.
pub(crate) fn toml_files(directory: &Path) -> Result<Vec<PathBuf>, FileProblem> {
    let cannot = |error| FileProblem::of_file(directory, format!("cannot be read: {error}"));
    let entries = fs::read_dir(directory).map_err(cannot)?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(cannot)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The word of `words` that is most like `word`, if any is like it at all.
pub(crate) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| strsim::jaro_winkler(&word.to_lowercase(), other);
    let best = words.into_iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(best) > 0.7).then_some(best)
}

/// The end of a message about `word`, with the nearest of `words` if any is like it.
pub(crate) fn did_you_mean<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, words).map_or(String::new(), |meant| format!("; did you mean `{meant}`?"))
}

/// The nearest right word comes with the message, because nobody reads a list of fifteen words.
fn with_suggestion(message: &str) -> String {
    let meant = unknown_word(message).map(|(unknown, known)| did_you_mean(unknown, known));
    format!("{message}{}", meant.unwrap_or_default())
}

/// The unknown word that a message is about, and the words that are known there. serde says "unknown field `x`, expected one of `a`,
/// `b`", and toml, of the fields of a fault, "unexpected keys in table: x, available keys: a, b".
fn unknown_word(message: &str) -> Option<(&str, Vec<&str>)> {
    if let Some(keys) = message.strip_prefix("unexpected keys in table: ") {
        let (unknown, known) = keys.split_once(", available keys: ")?;
        return Some((unknown.split(", ").next()?, known.split(", ").collect()));
    }
    let serdes = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let mut quoted = message.split('`').skip(1).step_by(2);
    quoted.next().filter(|_| serdes).map(|unknown| (unknown, quoted.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_an_unlike_one_is_not() {
        assert_eq!(nearest("wokers", ["workers", "slots"]), Some("workers"));
        assert_eq!(nearest("power_los", ["pause", "power_loss"]), Some("power_loss"));
        assert_eq!(nearest("xyzzy", ["workers", "slots"]), None);
    }

    #[test]
    fn a_problem_reads_as_file_line_and_sentence() {
        let problem = FileProblem::at(Path::new("a.toml"), "one\ntwo\nthree", &(5..6), "`two` is no number");
        assert_eq!(problem.to_string(), "a.toml:2: `two` is no number");
        assert_eq!(FileProblem::of_file(Path::new("a.toml"), "not there").to_string(), "a.toml: not there");
    }

    #[test]
    fn an_unknown_field_gets_a_suggestion_whoever_refuses_it() {
        let message = "unknown field `slot`, expected one of `slots`, `start_after`";
        assert_eq!(with_suggestion(message), format!("{message}; did you mean `slots`?"));
        assert_eq!(with_suggestion("missing field `slots`"), "missing field `slots`");
        let message = "unexpected keys in table: durations, available keys: node, duration";
        assert_eq!(with_suggestion(message), format!("{message}; did you mean `duration`?"));
    }
}
