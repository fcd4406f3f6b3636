//! The made-up corpus: its exact size, its bytes, its frequencies, and what it does with files that are there already.

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use mr::corpus::{CorpusError, FILE_BYTES, generate};
use tempfile::TempDir;

fn directory() -> (TempDir, Utf8PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    (dir, path)
}

fn contents(paths: &[Utf8PathBuf]) -> Vec<Vec<u8>> {
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn corpus(bytes: u64, seed: u64) -> Vec<Vec<u8>> {
    let (_dir, path) = directory();
    contents(&generate(&path, bytes, seed, |_| {}).unwrap())
}

fn names(dir: &Utf8Path) -> Vec<String> {
    let mut names: Vec<_> = dir.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_size_is_exact_and_every_file_ends_its_last_line() {
    let (_dir, path) = directory();
    let bytes = 2 * FILE_BYTES + 12_345;
    let mut progress = Vec::new();
    let paths = generate(&path.join("new/deep"), bytes, 1, |done| progress.push(done)).unwrap();
    let contents = contents(&paths);
    assert_eq!(contents.iter().map(|text| text.len() as u64).collect::<Vec<_>>(), [FILE_BYTES, FILE_BYTES, 12_345]);
    assert!(contents.iter().all(|text| text.ends_with(b"\n")));
    assert_eq!(names(&path.join("new/deep")), ["gen-00000.txt", "gen-00001.txt", "gen-00002.txt"]);
    assert_eq!((progress.len(), progress.last()), (3, Some(&bytes)));
    assert!(progress.is_sorted());
}

#[test]
fn no_bytes_make_one_empty_file() {
    assert_eq!(corpus(0, 1), [b""]);
}

#[test]
fn the_bytes_are_the_same_on_every_machine_and_at_every_time() {
    let texts = corpus(FILE_BYTES + 1_000_000, 7);
    let checksums: Vec<u32> = texts.iter().map(|text| crc32fast::hash(text)).collect();
    assert_eq!(checksums, [2_968_123_662, 4_265_468_691]);
    assert_eq!(
        String::from_utf8_lossy(&texts[1][..60]),
        "dikit dun hun ta kefel vones vage mikur hemu ta tu du\nkonas "
    );
}

#[test]
fn another_seed_makes_another_text() {
    assert_ne!(corpus(10_000, 1), corpus(10_000, 2));
}

#[test]
fn a_words_frequency_falls_as_its_rank_grows_by_zipfs_law() {
    let text = String::from_utf8(corpus(4_000_000, 3).concat()).unwrap();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for word in text.split_ascii_whitespace() {
        *counts.entry(word).or_default() += 1;
    }
    assert!((35_000..=50_001).contains(&counts.len()), "{} different words", counts.len());
    let mut ranked: Vec<u64> = counts.into_values().collect();
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    for rank in [2, 5, 10, 30, 100, 300, 1000] {
        let expected = ranked[0] as f64 / f64::from(rank).powf(1.07);
        let ratio = ranked[rank as usize - 1] as f64 / expected;
        assert!((0.85..1.15).contains(&ratio), "rank {rank} occurs {ratio} times as often as it should");
    }
}

#[test]
fn files_that_exist_are_not_overwritten() {
    let (_dir, path) = directory();
    let taken = path.join("gen-00001.txt");
    fs::write(&taken, "mine").unwrap();
    let error = generate(&path, FILE_BYTES + 1, 1, |_| {}).unwrap_err();
    assert!(matches!(&error, CorpusError::Exists { path } if *path == taken), "{error}");
    assert_eq!(error.to_string(), format!("{taken} exists already: remove it or choose another directory"));
    assert_eq!((names(&path), fs::read(&taken).unwrap()), (vec!["gen-00001.txt".to_owned()], b"mine".into()));
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let (_dir, path) = directory();
    let file = path.join("file");
    fs::write(&file, "").unwrap();
    let error = generate(&file.join("dir"), 1, 1, |_| {}).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot create directory {file}/dir: ")), "{error}");
}
