//! On what a scenario works: from ranges to one job with all the bytes of its input.

use std::num::NonZeroU64;

use serde::Deserialize;
use sim::Chance;
use toml::Spanned;

use super::between::{Between, Count, Odds};
use super::problem::{Problem, first_problem, unwritten, written_or};
use crate::schedule::check::{self, ensure};
use crate::schedule::{AppChoice, Bytes, LimitsShape, Phase, Trouble, Workload};

/// A word is a syllable of two letters, so many times: from how often to how often in a short word, and in a long one.
const SYLLABLE: u64 = 2;
const SHORT: (u64, u64) = (1, 2);
const LONG: (u64, u64) = (100, 300);

/// The most different words that make sense: there are fewer syllables.
const VOCABULARY: u32 = 10_000;

/// The `[workload]` of a scenario file.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WorkloadRanges {
    /// One of these apps.
    apps: Spanned<Vec<AppChoice>>,
    /// How many input files.
    files: Spanned<Between<u64>>,
    /// How many words a file has.
    words: Spanned<Between<u64>>,
    /// How many different words there are.
    vocabulary: Spanned<Between<Count>>,
    /// The share of words that are some hundred letters long.
    long_words: Odds,
    /// The share of files with nothing in them.
    empty: Odds,
    /// The share of files of arbitrary bytes.
    binary: Odds,
    /// How many partitions.
    reduces: Spanned<Between<Count>>,
    /// Whether the app's combiner is used.
    combine: Odds,
    /// Whether files are split, and into pieces of which size.
    split: Split,
    /// Whether small files share a map, and how many bytes of them.
    join: Join,
    /// Whether memory is so tight that a few records fill it.
    tight: Odds,
    /// What is the matter with the app.
    trouble: Option<TroubleRanges>,
}

impl Default for WorkloadRanges {
    fn default() -> Self {
        Self {
            apps: unwritten(vec![
                AppChoice::Wc,
                AppChoice::Indexer,
                AppChoice::Sort,
                AppChoice::Trail,
                AppChoice::Signed,
            ]),
            files: unwritten(Between { low: 1, high: 6 }),
            words: unwritten(Between { low: 1, high: 120 }),
            vocabulary: unwritten(Between { low: Count(1), high: Count(40) }),
            long_words: Odds(0.0),
            empty: Odds(0.1),
            binary: Odds(0.0),
            reduces: unwritten(Between { low: Count(1), high: Count(5) }),
            combine: Odds(0.5),
            split: Split::default(),
            join: Join::default(),
            tight: Odds(0.3),
            trouble: None,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Split {
    share: Odds,
    bytes: Between<Count>,
}

impl Default for Split {
    fn default() -> Self {
        Self { share: Odds(0.3), bytes: Between { low: Count(20), high: Count(200) } }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Join {
    share: Odds,
    bytes: Between<Count>,
}

impl Default for Join {
    fn default() -> Self {
        Self { share: Odds(0.2), bytes: Between { low: Count(100), high: Count(1000) } }
    }
}

/// The app stumbles over one of the words of the input.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TroubleRanges {
    phase: Phase,
    #[serde(default = "half")]
    panics: Odds,
    /// How many times; always, when absent.
    times: Option<Between<Count>>,
}

fn half() -> Odds {
    Odds(0.5)
}

impl WorkloadRanges {
    /// What makes no sense, or what a plan could not have of what is drawn from it: where in the file, and what.
    pub(super) fn problem(&self) -> Option<Problem> {
        let (files, words) = (self.files.get_ref().high, self.words.get_ref().high);
        let bytes = files.saturating_mul(words).saturating_mul(self.longest_word());
        let input = check::input_bytes(bytes).map_err(|what| format!("{what}, as {files} of {words} words can have"));
        let vocabulary = self.vocabulary.get_ref().high.0;
        let has_apps = !self.apps.get_ref().is_empty();
        first_problem([
            (self.apps.span(), ensure(has_apps, || "`apps` names none; leave it out for all".into())),
            (self.files.span(), self.files.get_ref().check(check::files)),
            (written_or(&self.words, &self.files), input),
            (
                self.vocabulary.span(),
                ensure(vocabulary <= VOCABULARY, || {
                    format!("there are 1 to {VOCABULARY} different words, not {vocabulary}")
                }),
            ),
            (self.reduces.span(), self.reduces.get_ref().check(|reduces| check::reduces(reduces.0))),
        ])
    }

    /// How many bytes a word has at most, with what divides it from the next.
    fn longest_word(&self) -> u64 {
        let repeats = if self.long_words.0 > 0.0 { LONG.1 } else { SHORT.1 };
        repeats * SYLLABLE + 1
    }

    pub(super) fn draw(&self, stream: &mut Chance) -> Workload {
        let app = *stream.one_of(self.apps.get_ref());
        let words = self.draw_words(stream);
        let inputs: Vec<Bytes> =
            (0..self.files.get_ref().draw(stream)).map(|_| self.draw_input(&words, stream)).collect();
        let split = self.split.share.draw(stream);
        let split_size = self.split.bytes.draw(stream).0;
        let mut workload = Workload {
            app,
            combine: self.combine.draw(stream),
            reduces: self.reduces.get_ref().draw(stream).0,
            split_size: NonZeroU64::new(split_size.into()).filter(|_| split),
            join_size: None,
            limits: if self.tight.draw(stream) { tight_limits(stream) } else { LimitsShape::ROOMY },
            trouble: self.trouble.as_ref().map(|trouble| trouble.draw(&inputs, stream)),
            inputs,
        };
        // Last, so that a scenario which never joins is drawn as it was before there was such a thing.
        if self.join.share.draw(stream) {
            workload.join_size = NonZeroU64::new(self.join.bytes.draw(stream).0.into());
        }
        workload
    }

    /// Different words: letters only, because apps cut text at everything else.
    fn draw_words(&self, stream: &mut Chance) -> Vec<String> {
        let count = self.vocabulary.get_ref().draw(stream).0;
        let word = |number: u32| {
            let long = self.long_words.draw(stream);
            let (low, high) = if long { LONG } else { SHORT };
            let repeats = stream.between(low..=high);
            let syllable: String =
                [number / 26 % 26, number % 26].map(|letter| char::from(b'a' + letter as u8)).iter().collect();
            syllable.repeat(repeats as usize)
        };
        (0..count).map(word).collect()
    }

    fn draw_input(&self, words: &[String], stream: &mut Chance) -> Bytes {
        if self.empty.draw(stream) {
            return Bytes(Vec::new());
        }
        let count = self.words.get_ref().draw(stream);
        if self.binary.draw(stream) {
            return Bytes((0..count * 4).map(|_| stream.between(0..=255) as u8).collect());
        }
        let mut text = String::new();
        for _ in 0..count {
            text.push_str(stream.one_of::<String>(words));
            text.push(if stream.happens(0.15) { '\n' } else { ' ' });
        }
        // Half of all files end in the middle of a line.
        if stream.happens(0.5) {
            text.truncate(text.trim_end().len());
        }
        Bytes(text.into_bytes())
    }
}

impl TroubleRanges {
    fn draw(&self, inputs: &[Bytes], stream: &mut Chance) -> Trouble {
        let words: Vec<&str> = inputs
            .iter()
            .filter_map(|input| str::from_utf8(&input.0).ok())
            .flat_map(str::split_ascii_whitespace)
            .collect();
        let word = if words.is_empty() { "absent" } else { *stream.one_of(&words) };
        Trouble {
            phase: self.phase,
            word: word.to_owned(),
            panics: self.panics.draw(stream),
            times: self.times.map(|times| times.draw(stream).0),
        }
    }
}

/// So little memory that buffers spill, runs take several passes to merge, and every block boundary falls inside a record.
fn tight_limits(stream: &mut Chance) -> LimitsShape {
    let mut draw = |low: u64, high: u64| stream.between(low..=high) as u32;
    LimitsShape {
        map_buffer: draw(1, 1500),
        read_block: draw(1, 300),
        run_block: draw(1, 300),
        merge_fan_in: draw(2, 5),
        write_block: draw(1, 300),
    }
}
