//! However a file is cut into splits and blocks, each of its lines is read once, whole, in its place.

mod support;

use futures::executor::block_on;
use mr_core::app::InputKind;
use mr_core::input::SplitReader;
use mr_core::job::Split;
use proptest::prelude::*;
use support::MemoryWorld;
use support::data_path::whole;
use world::World;

type Owned = (u64, Vec<u8>);

fn pieces(world: &MemoryWorld, split: &Split, kind: InputKind, read_block: usize) -> Vec<Owned> {
    block_on(async {
        let mut reader = SplitReader::open(world.files(), split, kind, read_block).await.unwrap();
        let mut pieces = Vec::new();
        while reader.read().await.unwrap().is_some() {
            pieces.extend(reader.pieces().map(|piece| (piece.offset, piece.data.to_vec())));
        }
        assert!(reader.read().await.unwrap().is_none(), "a split that was read stays read");
        pieces
    })
}

fn world_with(bytes: &[u8]) -> MemoryWorld {
    let world = MemoryWorld::new();
    world.files().put("f", bytes);
    world
}

/// The lines of `bytes` with their offsets, found the plainest way.
fn lines(bytes: &[u8]) -> Vec<Owned> {
    let mut offset = 0;
    let place = |line: &[u8]| {
        let at = offset;
        offset += line.len() as u64;
        let text = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        (at, text.to_vec())
    };
    bytes.split_inclusive(|&byte| byte == b'\n').map(place).collect()
}

/// The split of a file of thirteen bytes that starts at `offset`.
fn of_thirteen(offset: u64, len: Option<u64>) -> Split {
    Split { path: "f".into(), offset, len, file_len: Some(13) }
}

/// What is said of it when it has so many of these left.
fn too_short(left: usize) -> String {
    format!(
        "cannot read f: it has no more than {left} of the 13 bytes that it had when the job was planned: it has changed while"
    )
}

/// The splits of a file of `len` bytes that is cut at those of `cuts` that lie in it.
fn splits(len: usize, mut cuts: Vec<u64>) -> Vec<Split> {
    cuts.retain(|&cut| cut < len as u64);
    cuts.push(0);
    cuts.sort_unstable();
    let ends = cuts.iter().skip(1).map(|&end| Some(end)).chain([None]);
    let split = |(&offset, end): (&u64, Option<u64>)| Split {
        path: "f".into(),
        offset,
        len: end.map(|end| end - offset),
        file_len: None,
    };
    cuts.iter().zip(ends).map(split).collect()
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(&b"\n\n\r\0ab\xff"[..]);
    let long_line = prop::collection::vec(prop::sample::select(&b"xy"[..]), 30..200);
    let part = prop_oneof![3 => prop::collection::vec(byte, 0..20), 1 => long_line];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn every_line_is_read_by_exactly_one_split(
        bytes in text(),
        cuts in prop::collection::vec(0..300_u64, 0..8),
        read_block in 1..50_usize,
        max_read in prop::option::of(1..20_usize),
    ) {
        let world = world_with(&bytes);
        if let Some(max_read) = max_read {
            world.files().limit_reads(max_read);
        }
        let splits = splits(bytes.len(), cuts);
        let mut read = Vec::new();
        for split in &splits {
            let lines = pieces(&world, split, InputKind::Line, read_block);
            let end = split.len.map_or(u64::MAX, |len| split.offset + len);
            prop_assert!(lines.iter().all(|(at, _)| (split.offset..end).contains(at)), "{split:?}: {lines:?}");
            read.extend(lines);
        }
        prop_assert_eq!(read, lines(&bytes));
    }

    #[test]
    fn stretches_of_lines_are_complete_and_cover_the_file(
        bytes in text(),
        cuts in prop::collection::vec(0..300_u64, 0..8),
        read_block in 1..50_usize,
    ) {
        let world = world_with(&bytes);
        let mut read = Vec::new();
        for split in &splits(bytes.len(), cuts) {
            for (offset, stretch) in pieces(&world, split, InputKind::Lines, read_block) {
                prop_assert_eq!(offset, read.len() as u64);
                prop_assert!(!stretch.is_empty());
                read.extend(stretch);
                prop_assert!(read.ends_with(b"\n") || read.len() == bytes.len());
            }
        }
        prop_assert_eq!(read, bytes);
    }

    #[test]
    fn a_whole_file_comes_in_one_piece(bytes in text(), read_block in 1..50_usize) {
        let read = pieces(&world_with(&bytes), &whole("f"), InputKind::WholeFile, read_block);
        prop_assert_eq!(read, [(0, bytes)]);
    }
}

#[test]
fn an_empty_file_is_one_whole_file_and_no_line() {
    let world = world_with(b"");
    assert_eq!(pieces(&world, &whole("f"), InputKind::WholeFile, 8), [(0, Vec::new())]);
    assert!(pieces(&world, &whole("f"), InputKind::Line, 8).is_empty());
    assert!(pieces(&world, &whole("f"), InputKind::Lines, 8).is_empty());
}

#[test]
fn lines_lose_their_ends_and_nothing_else() {
    let world = world_with(b"a\r\nb\n\n\rc\r\r\nd\r");
    let texts: Vec<_> = pieces(&world, &whole("f"), InputKind::Line, 3).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, [&b"a"[..], b"b", b"", b"\rc\r", b"d\r"]);
}

#[test]
fn a_split_in_the_middle_of_a_line_has_none_of_it() {
    let world = world_with(b"0123456789\nab");
    let split = |offset, len| Split { path: "f".into(), offset, len: Some(len), file_len: None };
    assert!(pieces(&world, &split(3, 5), InputKind::Line, 4).is_empty());
    assert_eq!(pieces(&world, &split(3, 9), InputKind::Line, 4), [(11, b"ab".to_vec())]);
    assert_eq!(pieces(&world, &split(0, 3), InputKind::Line, 4), [(0, b"0123456789".to_vec())]);
}

#[test]
fn after_a_long_line_stretches_are_as_short_as_before_it() {
    let (long, short) = (vec![b'x'; 10_000], b"short\n".repeat(1000));
    let world = world_with(&[&long[..], b"\n", &short].concat());
    let stretches = pieces(&world, &whole("f"), InputKind::Lines, 64);
    let (first, rest) = stretches.split_first().unwrap();
    assert!((10_001..10_001 + 64).contains(&first.1.len()), "{}", first.1.len());
    let longest = rest.iter().map(|(_, data)| data.len()).max();
    assert!(longest <= Some(64 + b"short\n".len()), "{longest:?}");
}

#[test]
fn a_file_that_has_become_shorter_is_told_and_what_it_has_gained_is_no_trouble() {
    let planned = [of_thirteen(0, Some(6)), of_thirteen(6, Some(6)), of_thirteen(12, None)];
    for longer in [&b"abc\ndef\nghi\nj"[..], b"abc\ndef\nghi\njkl\nmno\n"] {
        let world = world_with(longer);
        let read: Vec<_> = planned.iter().flat_map(|split| pieces(&world, split, InputKind::Lines, 4)).collect();
        assert_eq!(read.into_iter().flat_map(|(_, data)| data).collect::<Vec<_>>(), longer);
    }
    for shorter in [12, 11, 4, 0] {
        let world = world_with(&b"abc\ndef\nghi\nj"[..shorter]);
        for split in planned.iter().chain([&of_thirteen(0, None)]) {
            let opened = block_on(SplitReader::open(world.files(), split, InputKind::Line, 4));
            let error = opened.err().unwrap_or_else(|| panic!("{split:?} of {shorter} bytes")).to_string();
            assert!(error.starts_with(&too_short(shorter)), "{error}");
        }
    }
    // How long it is, nobody has looked.
    let world = world_with(b"");
    assert!(pieces(&world, &whole("f"), InputKind::Lines, 4).is_empty());
    assert_eq!(pieces(&world, &whole("f"), InputKind::WholeFile, 4), [(0, Vec::new())]);
}

#[test]
fn what_is_lost_after_the_file_was_opened_is_told_too() {
    for (split, kind, left) in [
        (of_thirteen(0, None), InputKind::WholeFile, 10),
        (of_thirteen(0, None), InputKind::Line, 10),
        (of_thirteen(4, None), InputKind::Lines, 10),
        (of_thirteen(0, Some(12)), InputKind::Lines, 10),
        // In the middle of the piece's last line.
        (of_thirteen(0, Some(6)), InputKind::Line, 6),
    ] {
        let world = world_with(b"abc\ndef\nghi\nj");
        let error = block_on(async {
            let mut reader = SplitReader::open(world.files(), &split, kind, 4).await.unwrap();
            assert_eq!(reader.read().await, Ok(Some(4)));
            world.files().cut("f", left);
            loop {
                match reader.read().await {
                    Ok(Some(_)) => drop(reader.pieces()),
                    Ok(None) => panic!("{split:?} was read to its end"),
                    Err(error) => return error.to_string(),
                }
            }
        });
        assert!(error.starts_with(&too_short(left)), "{error}");
    }
}
