//! A run file whose checksums are all right, but whose parts do not fit together, is refused without a panic or a large
//! allocation: a bug or a stranger wrote it, and no length in it is believed.

mod support;

use std::sync::Arc;

use camino::Utf8Path;
use futures::executor::block_on;
use mr_core::app::{App, AppError, Emit, MapInput, Output, Values};
use mr_core::ids::{Attempt, AttemptId, JobId, MapAttempt, MapIndex, Partition, Reduces, TaskId};
use mr_core::shuffle::{FORMAT_VERSION, FormatError, Producer, RunError, RunFile};
use mr_core::tasks::reduce::{self, MapOutput};
use support::MemoryWorld;
use support::data_path::Setting;
use world::{FileSystem, World};

/// The group of key `k` with the value `v`.
const GROUP: &[u8] = b"\x02k\x01\x01v\0";

fn checked(place: Option<u64>, bytes: &[u8]) -> Vec<u8> {
    let place = place.map_or(Vec::new(), |place| place.to_le_bytes().to_vec());
    let checksum = crc32fast::hash(&[&place, bytes].concat());
    [bytes, &checksum.to_le_bytes()].concat()
}

fn numbers(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A block at the start of a file that says it has `len` bytes of payload.
fn block_of(len: u32, payload: &[u8]) -> Vec<u8> {
    let header = [len.to_le_bytes(), crc32fast::hash(payload).to_le_bytes()].concat();
    [checked(Some(0), &header), payload.to_vec()].concat()
}

fn block(payload: &[u8]) -> Vec<u8> {
    block_of(payload.len() as u32, payload)
}

/// A file of one segment, with the index entry and, in the trailer, the numbers that `kind` and `partitions` say.
fn file(segment: &[u8], entry: [u64; 3], kind: u32, partitions: u32) -> Vec<u8> {
    let trailer = [7_u32, 0, kind, 3, 2, partitions].map(u32::to_le_bytes).concat();
    let trailer = checked(None, &[trailer, numbers(&[segment.len() as u64])].concat());
    let end = [FORMAT_VERSION.to_le_bytes().as_slice(), b"mr-run\x1a\n"].concat();
    [segment.to_vec(), checked(Some(0), &numbers(&entry)), trailer, end].concat()
}

fn with_entry(segment: &[u8], entry: [u64; 3]) -> Vec<u8> {
    file(segment, entry, 0, 1)
}

fn with_records(segment: &[u8], records: u64) -> Vec<u8> {
    with_entry(segment, [0, segment.len() as u64, records])
}

/// Reads the file through and says how many records it has.
fn read(bytes: &[u8]) -> Result<u64, RunError> {
    let world = MemoryWorld::new();
    world.files().put("run", bytes);
    let path = Utf8Path::new("run");
    let attempt = AttemptId { task: TaskId::Map(MapIndex(3)), attempt: Attempt(2) };
    block_on(async {
        let file = world.files().open(path).await?;
        let producer = Producer { job: JobId(7), attempt };
        let run = Arc::new(RunFile::open(file, path, producer, Reduces::new(1), 64).await?);
        let mut segment = run.segment(Partition(0)).await?;
        let mut records = 0;
        while segment.next_block().await?.is_some() {
            records += segment.group().records;
            while segment.next_group()? {
                records += segment.group().records;
            }
        }
        Ok(records)
    })
}

fn malformed(bytes: &[u8]) -> (&'static str, u64) {
    match read(bytes) {
        Err(RunError::Format { error: FormatError::Malformed { what, offset }, .. }) => (what, offset),
        other => panic!("malformed, not {other:?}"),
    }
}

#[test]
fn an_honest_file_made_the_same_way_is_read() {
    assert_eq!(read(&with_records(&block(GROUP), 1)), Ok(1));
    assert_eq!(read(&with_records(&block(&GROUP.repeat(5)), 5)), Ok(5));
    assert_eq!(read(&with_records(b"", 0)), Ok(0));
}

#[test]
fn blocks_longer_than_their_segment_or_empty_are_refused() {
    for len in [0, GROUP.len() as u32 + 1, u32::MAX] {
        assert_eq!(malformed(&with_records(&block_of(len, GROUP), 1)), ("block header", 0));
    }
    assert_eq!(malformed(&with_records(b"too short", 1)), ("block header", 0));
}

#[test]
fn groups_that_do_not_fit_their_block_are_refused() {
    let huge_key = [b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".as_slice(), GROUP].concat();
    let records_overflow = b"\x02k\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01v\x01\x01v\0";
    for payload in [&GROUP[..1], &GROUP[..2], &GROUP[..4], &GROUP[..5], &huge_key, records_overflow] {
        assert_eq!(malformed(&with_records(&block(payload), 1)), ("block", 0), "{}", payload.escape_ascii());
    }
}

#[test]
fn keys_that_share_more_than_the_key_before_has_are_refused() {
    let first = |shared: &[u8]| [b"\x03", shared, b"k\x01\x01v\0"].concat();
    let second = |shared: &[u8]| [GROUP, &first(shared)].concat();
    assert_eq!(read(&with_records(&block(&second(b"\x01")), 2)), Ok(2));
    for payload in [first(b"\x01"), second(b"\x02"), second(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")] {
        assert_eq!(malformed(&with_records(&block(&payload), 2)), ("block", 0), "{}", payload.escape_ascii());
    }
    // What a block says depends on no other.
    let (one, other) = (block(GROUP), first(b"\x01"));
    let header = [(other.len() as u32).to_le_bytes(), crc32fast::hash(&other).to_le_bytes()].concat();
    let both = [one.clone(), checked(Some(one.len() as u64), &header), other].concat();
    assert_eq!(malformed(&with_records(&both, 2)), ("block", one.len() as u64));
}

#[test]
fn keys_out_of_order_are_refused() {
    // `kkkkkkkkk` and another key, whole or with its first eight bytes from the one before.
    let group = |key: &[u8]| [&[2 * key.len() as u8], key, b"\x01\x01v\0"].concat();
    let sharing = |rest: u8| [&[3, 8, rest], &b"\x01\x01v\0"[..]].concat();
    let first = group(b"kkkkkkkkk");
    for (second, is_greater) in [
        (group(b"l"), true),
        (group(b"kkkkkkkkk"), true),
        (group(b"kkkkkkkk"), false),
        (group(b""), false),
        (sharing(b'l'), true),
        (sharing(b'k'), true),
        (sharing(b'a'), false),
    ] {
        let found = read(&with_records(&block(&[&first[..], &second].concat()), 2));
        assert_eq!(found.is_ok(), is_greater, "{} {found:?}", second.escape_ascii());
        let (one, header) =
            (block(&first), [(second.len() as u32).to_le_bytes(), crc32fast::hash(&second).to_le_bytes()]);
        let two = [one.clone(), checked(Some(one.len() as u64), &header.concat()), second.clone()].concat();
        if second[0] & 1 == 0 {
            let found = read(&with_records(&two, 2));
            assert_eq!(found.is_ok(), is_greater, "a block of its own: {} {found:?}", second.escape_ascii());
        }
    }
}

#[test]
fn records_missing_or_beyond_number_are_noticed() {
    let what = malformed(&with_records(&block(GROUP), 2)).0;
    assert_eq!(what, "number of records in the segment ending");
    let what = malformed(&with_records(&block(GROUP), 0)).0;
    assert_eq!(what, "number of records in the block");
}

/// Counts the values of a key.
struct Tally;

impl App for Tally {
    fn name(&self) -> &str {
        "tally"
    }

    fn map(&self, _input: MapInput<'_>, _emit: &mut dyn Emit) -> Result<(), AppError> {
        Ok(())
    }

    fn reduce(&self, _key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.value(values.len().to_string().as_bytes());
        Ok(())
    }
}

#[test]
fn records_of_two_keys_that_are_too_many_to_count_together_do_no_harm() {
    let setting = Setting { reduces: Reduces::new(1), ..Setting::new(Tally) };
    let inputs = [(b'k', "one"), (b'l', "two")].map(|(key, path)| {
        let group = [&[2, key][..], b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01v\0"].concat();
        setting.world.files().put(path, &with_records(&block(&group), 1 << 63));
        MapOutput { map: MapAttempt { map: MapIndex(3), attempt: Attempt(2) }, path: path.into() }
    });
    let ctx = setting.context(TaskId::Reduce(Partition(0)));
    let counters = block_on(reduce::execute(&ctx, Partition(0), &inputs, "out".into())).unwrap();
    assert_eq!(counters.reduce_input_records, u64::MAX);
    assert_eq!(setting.world_file("out"), b"k 9223372036854775808\nl 9223372036854775808\n");
}

#[test]
fn index_entries_that_point_out_of_the_segments_are_refused() {
    let block = block(GROUP);
    let len = block.len() as u64;
    for entry in [[0, len + 1, 1], [1, len, 1], [u64::MAX, 1, 1], [0, u64::MAX, 1]] {
        assert_eq!(malformed(&with_entry(&block, entry)), ("index entry", len));
    }
}

#[test]
fn trailers_that_do_not_fit_their_file_are_refused() {
    let block = block(GROUP);
    let entry = [0, block.len() as u64, 1];
    for (kind, partitions) in [(2, 1), (0, 0), (0, 2), (0, u32::MAX)] {
        assert_eq!(malformed(&file(&block, entry, kind, partitions)).0, "trailer");
    }
}
