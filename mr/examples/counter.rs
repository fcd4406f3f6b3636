//! A peer for the benchmarks: words counted by hand, in one process, with nothing that MapReduce has to have. Each thread takes the next
//! file, counts its words into a hash map of its own, and in the end the maps are added up. No intermediate files, no checksums, no syncs,
//! nothing that survives a crash: what remains is what counting words costs.
//!
//! `counter THREADS FILE…` prints each word and its count, sorted, as `mr run wc` has them in its outputs. A file is read at once rather
//! than mapped, because this project has no unsafe code outside its plugins; that is a few percent of the time.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};

use hashbrown::HashMap;

type Counts = HashMap<Vec<u8>, u64, foldhash::fast::FixedState>;

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let threads = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let files: Vec<String> = arguments.collect();
    let next = AtomicUsize::new(0);
    let counted: Vec<io::Result<Counts>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| count_files(&files, &next))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    let mut counts = Counts::default();
    for other in counted {
        for (word, count) in other? {
            *counts.entry(word).or_default() += count;
        }
    }
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_unstable();
    let mut out = BufWriter::new(io::stdout().lock());
    for (word, count) in sorted {
        out.write_all(&word)?;
        writeln!(out, " {count}")?;
    }
    out.flush()
}

fn count_files(files: &[String], next: &AtomicUsize) -> io::Result<Counts> {
    let (mut counts, mut text) = (Counts::default(), Vec::new());
    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        text.clear();
        File::open(file)?.read_to_end(&mut text)?;
        count_words(&text, &mut counts);
    }
    Ok(counts)
}

fn count_words(text: &[u8], counts: &mut Counts) {
    let mut start = 0;
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        let (letter, width) = if byte.is_ascii() { (byte.is_ascii_alphabetic(), 1) } else { decoded(&text[at..]) };
        if !letter {
            count(&text[start..at], counts);
            start = at + width;
        }
        at += width;
    }
    count(&text[start..], counts);
}

fn count(word: &[u8], counts: &mut Counts) {
    if !word.is_empty() {
        *counts.entry_ref(word).or_default() += 1;
    }
}

/// Whether `text` starts with a letter, and how many bytes the letter or the other thing takes.
fn decoded(text: &[u8]) -> (bool, usize) {
    let (character, width) = bstr::decode_utf8(text);
    (character.is_some_and(char::is_alphabetic), width)
}
