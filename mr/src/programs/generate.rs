//! `mr gen`: writes a text corpus for those who have none.

use camino::Utf8PathBuf;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{Failure, byte_count, directory, print};
use crate::corpus;

/// The largest corpus that is made, 1 PiB: what is more is a slip.
const MAX_BYTES: u64 = 1 << 50;

/// What `--help` says of exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  the corpus is written
  2  wrong usage; nothing was written
  3  files are in the way or cannot be written";

/// Write a reproducible text corpus: made-up words, frequent and rare as in a natural language (Zipf's law)
#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// Where to write gen-00000.txt, gen-00001.txt, …; made if it does not exist
    #[arg(value_parser = directory)]
    pub dir: Utf8PathBuf,

    /// How many bytes in all
    #[arg(long, value_name = "SIZE", default_value = "100MB", value_parser = corpus_size)]
    pub bytes: u64,

    /// The same size and seed give the same bytes on every machine
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// Writes the corpus and names what it wrote.
///
/// # Errors
///
/// When files are in the way or cannot be written.
pub fn run(arguments: &GenerateArguments) -> Result<(), Failure> {
    let bar = ProgressBar::new(arguments.bytes);
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let written = corpus::generate(&arguments.dir, arguments.bytes, arguments.seed, |bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    let files = written.map_err(|error| Failure::Environment(error.to_string()))?;
    print(format_args!("{} bytes in {} files in {}", arguments.bytes, files.len(), arguments.dir));
    Ok(())
}

fn corpus_size(text: &str) -> Result<u64, String> {
    let bytes = byte_count(text)?;
    if bytes <= MAX_BYTES { Ok(bytes) } else { Err("a corpus has at most 1PiB: write a smaller size".to_owned()) }
}
