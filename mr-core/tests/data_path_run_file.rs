//! A run file reads back as written; one that is not what was written is refused, whatever happened to it.

mod support;

use std::sync::Arc;

use camino::Utf8Path;
use futures::executor::block_on;
use mr_core::app::{ValueList, ValueRun};
use mr_core::ids::{Attempt, AttemptId, JobId, MapIndex, Partition, Reduces, TaskId};
use mr_core::shuffle::{FORMAT_VERSION, FormatError, Producer, RunError, RunFile, RunWriter};
use mr_core::tasks::Limits;
use proptest::prelude::*;
use support::MemoryWorld;
use support::data_path::field;
use world::{FileSystem, World};

type Runs = Vec<(Vec<u8>, u64)>;
type Segments = Vec<Vec<(Vec<u8>, Runs)>>;

const TRAILER: usize = 48;

fn producer() -> Producer {
    Producer { job: JobId(7), attempt: AttemptId { task: TaskId::Map(MapIndex(3)), attempt: Attempt(2) } }
}

fn write(segments: &Segments, limits: &Limits) -> Vec<u8> {
    let world = MemoryWorld::new();
    let path = Utf8Path::new("run");
    block_on(async {
        let file = world.files().create(path).await.unwrap();
        let mut writer = RunWriter::new(file, producer(), Reduces::new(segments.len() as u32), limits);
        for (partition, groups) in (0..).map(Partition).zip(segments) {
            writer.start_partition(partition);
            for (key, runs) in groups {
                writer.start_group(key);
                runs.iter().for_each(|(value, count)| writer.push_run(ValueRun { value, count: *count }));
                writer.end_group();
                if writer.is_due() {
                    writer.flush().await.unwrap();
                }
            }
        }
        let (_, len) = writer.finish().await.unwrap();
        let bytes = world.files().get("run").unwrap();
        assert_eq!(bytes.len() as u64, len);
        bytes
    })
}

/// Reads every partition; the groups of one key are put together.
fn read(bytes: &[u8], partitions: u32, limits: &Limits) -> Result<Segments, RunError> {
    let world = MemoryWorld::new();
    world.files().put("run", bytes);
    let path = Utf8Path::new("run");
    block_on(async {
        let file = world.files().open(path).await.unwrap();
        let partitions = Reduces::new(partitions);
        let run = Arc::new(RunFile::open(file, path, producer(), partitions, limits.run_block).await?);
        let mut segments = Vec::new();
        for partition in partitions.partitions() {
            let mut segment = run.segment(partition).await?;
            let mut groups: Vec<(Vec<u8>, ValueList)> = Vec::new();
            while segment.next_block().await?.is_some() {
                loop {
                    let group = segment.group();
                    if groups.last().is_none_or(|(key, _)| key != group.key) {
                        groups.push((group.key.to_vec(), ValueList::new()));
                    }
                    group.runs().for_each(|run| groups.last_mut().unwrap().1.push_run(run));
                    if !segment.next_group()? {
                        break;
                    }
                }
            }
            let owned = |run: ValueRun<'_>| (run.value.to_vec(), run.count);
            segments
                .push(groups.into_iter().map(|(key, list)| (key, list.values().runs().map(owned).collect())).collect());
        }
        Ok(segments)
    })
}

fn format_error(result: Result<Segments, RunError>) -> FormatError {
    match result {
        Err(RunError::Format { path, error }) if path == "run" => error,
        other => panic!("a format error, not {other:?}"),
    }
}

/// Up to five segments of distinct sorted keys, with counts small and huge.
fn segments() -> impl Strategy<Value = Segments> {
    let count = prop_oneof![4 => 1..4_u64, 1 => 1..(1_u64 << 40)];
    let runs = prop::collection::vec((field(), count), 1..6).prop_map(|runs| {
        let mut list = ValueList::new();
        runs.iter().for_each(|(value, count)| list.push_run(ValueRun { value, count: *count }));
        list.values().runs().map(|run| (run.value.to_vec(), run.count)).collect::<Runs>()
    });
    let groups = prop::collection::btree_map(field(), runs, 0..8).prop_map(|groups| groups.into_iter().collect());
    prop::collection::vec(groups, 1..5)
}

fn limits() -> impl Strategy<Value = Limits> {
    (1..200_usize, 1..200_usize).prop_map(|(run_block, write_block)| Limits {
        run_block,
        write_block,
        ..Limits::default()
    })
}

fn sample() -> (Segments, Limits) {
    let group = |key: &str, runs: &[(&str, u64)]| {
        let runs = runs.iter().map(|(value, count)| (value.as_bytes().to_vec(), *count)).collect();
        (key.as_bytes().to_vec(), runs)
    };
    let first = vec![group("", &[("", 1)]), group("apple", &[("1", 300), ("2", 1), ("three", 7)])];
    let last = vec![group("pear", &[("x", 1)]), group("plum", &[("y", 1), ("z", 2)])];
    (vec![first, Vec::new(), last], Limits { run_block: 12, ..Limits::default() })
}

proptest! {
    #[test]
    fn a_run_file_reads_back_as_written(segments in segments(), written in limits(), reading in limits()) {
        let bytes = write(&segments, &written);
        prop_assert_eq!(read(&bytes, segments.len() as u32, &reading), Ok(segments));
    }

    #[test]
    fn any_changed_byte_is_noticed(
        segments in segments(), limits in limits(), place: prop::sample::Index, change in 1..=u8::MAX,
    ) {
        let mut bytes = write(&segments, &limits);
        let at = place.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(read(&bytes, segments.len() as u32, &limits).is_err(), "byte {at}");
    }

    #[test]
    fn random_bytes_are_refused_and_never_believed(mut bytes: Vec<u8>, with_magic: bool) {
        if with_magic {
            bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
            bytes.extend_from_slice(b"mr-run\x1a\n");
        }
        prop_assert!(read(&bytes, 3, &Limits::default()).is_err());
    }
}

#[test]
fn every_single_flipped_bit_is_noticed() {
    let (segments, limits) = sample();
    let good = write(&segments, &limits);
    assert_eq!(read(&good, 3, &limits), Ok(segments));
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            assert!(read(&bytes, 3, &limits).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let (segments, limits) = sample();
    let good = write(&segments, &limits);
    for len in 0..good.len() {
        assert!(read(&good[..len], 3, &limits).is_err(), "cut at {len}");
    }
    let error = format_error(read(&good[..20], 3, &limits));
    assert_eq!(error, FormatError::Truncated { what: "trailer", offset: 0, size: 20 });
}

#[test]
fn bytes_behind_the_end_or_before_the_start_are_noticed() {
    let (segments, limits) = sample();
    let good = write(&segments, &limits);
    for len in 1..100 {
        assert!(read(&[&good[..], &vec![0; len]].concat(), 3, &limits).is_err());
        assert!(read(&[&vec![0; len], &good[..]].concat(), 3, &limits).is_err());
    }
    assert!(read(&[&good[..], &good].concat(), 3, &limits).is_err());
}

#[test]
fn a_block_in_anothers_place_is_noticed() {
    // Two blocks of one length, each with all its checksums right, change places.
    let segments = vec![vec![(b"a".to_vec(), vec![(b"1".to_vec(), 1)]), (b"b".to_vec(), vec![(b"2".to_vec(), 1)])]];
    let limits = Limits { run_block: 1, ..Limits::default() };
    let mut bytes = write(&segments, &limits);
    let block = (bytes.len() - TRAILER - 28) / 2;
    let (first, second) = bytes[..2 * block].split_at_mut(block);
    first.swap_with_slice(second);
    let expected = FormatError::Checksum { what: "block header", offset: 0 };
    assert_eq!(format_error(read(&bytes, 1, &limits)), expected);
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let (segments, limits) = sample();
    let good = write(&segments, &limits);
    let trailer = (good.len() - TRAILER) as u64;
    let changed = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        format_error(read(&bytes, 3, &limits))
    };
    assert_eq!(changed(0), FormatError::Checksum { what: "block header", offset: 0 });
    assert_eq!(changed(12), FormatError::Checksum { what: "block", offset: 12 });
    let index = good.len() - TRAILER - 3 * 28;
    assert_eq!(changed(index + 30), FormatError::Checksum { what: "index entry", offset: index as u64 + 28 });
    assert_eq!(changed(good.len() - TRAILER), FormatError::Checksum { what: "trailer", offset: trailer });
    assert_eq!(changed(good.len() - 1), FormatError::Magic { offset: trailer + 40 });
    let version = FormatError::Version { found: FORMAT_VERSION ^ 0x40, offset: trailer + 36 };
    assert_eq!(changed(good.len() - 12), version);
    let words = format!("written by format version 66, this program reads 2 (byte {})", trailer + 36);
    assert_eq!(version.to_string(), words);
}

#[test]
fn a_file_for_another_number_of_reduces_is_refused() {
    let (segments, limits) = sample();
    let bytes = write(&segments, &limits);
    let offset = (bytes.len() - TRAILER) as u64 + 20;
    let error = format_error(read(&bytes, 4, &limits));
    assert_eq!(error, FormatError::Partitions { found: 3, expected: 4, offset });
}

#[test]
fn a_key_with_many_values_fills_many_blocks_of_usual_size() {
    let runs: Runs = (0..1000_u32).map(|value| (value.to_be_bytes().to_vec(), 1)).collect();
    let segments = vec![vec![(b"key".to_vec(), runs)]];
    let limits = Limits { run_block: 100, ..Limits::default() };
    let bytes = write(&segments, &limits);
    let mut blocks = 0;
    let mut at = 0;
    while at < bytes.len() - TRAILER - 28 {
        let len = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        assert!(len <= 120, "a block of {len} bytes");
        at += 12 + len;
        blocks += 1;
    }
    assert!(blocks >= 50, "{blocks} blocks");
    assert_eq!(read(&bytes, 1, &limits), Ok(segments));
}

#[test]
fn what_a_key_shares_with_the_one_before_is_written_once_a_block() {
    let key = |line: u8| [b"a long name of a file:10".as_slice(), &[line]].concat();
    let segments = vec![(0..100).map(|line| (key(line), vec![(vec![line], 1)])).collect()];
    // A group takes its lengths, its own bytes of the key, three bytes for the value, and its end.
    let (first, other) = (1 + key(0).len() + 3 + 1, 2 + 1 + 3 + 1);
    for (run_block, blocks) in [(1 << 20, 1), (first + 9 * other, 10), (1, 100)] {
        let limits = Limits { run_block, ..Limits::default() };
        let bytes = write(&segments, &limits);
        assert_eq!(bytes.len(), blocks * (12 + first) + (100 - blocks) * other + 28 + TRAILER, "{blocks} blocks");
        assert_eq!(read(&bytes, 1, &limits).as_ref(), Ok(&segments));
    }
}

#[test]
fn a_block_never_ends_before_the_first_value_of_a_key() {
    for key in ["", "a key longer than a block"] {
        let runs: Runs = (0..3_u8).map(|value| (vec![value], 1)).collect();
        let segments = vec![vec![(key.into(), runs)]];
        let bytes = write(&segments, &Limits { run_block: 1, ..Limits::default() });
        let block = 12 + 1 + key.len() + 3 + 1;
        assert_eq!(bytes.len(), 3 * block + 28 + TRAILER, "three blocks of one value each");
    }
}
