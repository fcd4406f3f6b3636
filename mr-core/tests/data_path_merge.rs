//! An external merge yields what a plain stable sort yields, with the order of equal keys' values intact.

mod support;

use camino::Utf8PathBuf;
use futures::executor::block_on;
use mr_core::ids::{MapIndex, Partition, TaskId};
use mr_core::shuffle::{MapBuffer, Merger, OpenRuns, Origin, Source, create_run, write_group};
use mr_core::tasks::{Limits, TaskContext};
use proptest::prelude::*;
use support::MemoryWorld;
use support::data_path::{Record, Records, Setting, limits, records};
use world::World;

type Context = TaskContext<MemoryWorld>;

fn context(limits: Limits, joins: bool) -> Context {
    Setting { limits, ..Setting::new(Records { joins }) }.context(TaskId::Map(MapIndex(0)))
}

/// Writes every list of records as a sorted run of its own.
async fn write_runs(ctx: &Context, lists: &[Vec<Record>]) -> Vec<Source> {
    let mut sources = Vec::new();
    for (index, records) in lists.iter().enumerate() {
        let mut buffer = MapBuffer::new(ctx.job);
        for (key, value) in records {
            buffer.add(key, value, || ctx.app.partition(key, ctx.reduces)).unwrap();
        }
        let path = Utf8PathBuf::from(format!("run-{index}"));
        let mut writer = create_run(ctx, &path).await.unwrap();
        for group in buffer.sorted() {
            writer.start_partition(group.partition());
            write_group(ctx, &mut writer, group.key(), group.runs()).await.unwrap();
        }
        writer.finish().await.unwrap();
        sources.push(Source { path, origin: Origin::Scratch });
    }
    sources
}

async fn merged(ctx: &Context, sources: &[Source], partition: Partition) -> Vec<Record> {
    let runs = OpenRuns::open(ctx, sources).await.unwrap();
    let mut merge = runs.merge(partition).await.unwrap();
    let mut records = Vec::new();
    while let Some(group) = merge.group() {
        for run in group.runs() {
            records.extend((0..run.count).map(|_| (group.key.to_vec(), run.value.to_vec())));
        }
        merge.advance().await.unwrap();
    }
    records
}

fn sorted(ctx: &Context, lists: &[Vec<Record>], partition: Partition) -> Vec<Record> {
    let belongs = |(key, _): &&Record| ctx.app.partition(key, ctx.reduces) == Ok(partition);
    let mut records: Vec<Record> = lists.iter().flatten().filter(belongs).cloned().collect();
    records.sort_by(|(a, _), (b, _)| a.cmp(b));
    records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn merging_in_passes_is_a_stable_sort(
        lists in prop::collection::vec(records(20), 0..12), limits in limits(), max_read in 1..200_usize,
    ) {
        let ctx = context(limits, false);
        ctx.world.files().limit_reads(max_read);
        block_on(async {
            let sources = write_runs(&ctx, &lists).await;
            let sources = Merger::new(&ctx, 0..3).narrow(sources).await.unwrap();
            prop_assert!(sources.len() <= limits.merge_fan_in.max(2));
            prop_assert_eq!(ctx.world.files().paths().len(), sources.len(), "what was merged is removed");
            for partition in ctx.reduces.partitions() {
                prop_assert_eq!(merged(&ctx, &sources, partition).await, sorted(&ctx, &lists, partition));
            }
            Ok(())
        })?;
    }

    #[test]
    fn merging_into_one_run_joins_values_in_order_where_the_app_can(
        lists in prop::collection::vec(records(20), 1..8), limits in limits(),
    ) {
        let ctx = context(limits, true);
        block_on(async {
            let sources = write_runs(&ctx, &lists).await;
            let one = Source { path: "one".into(), origin: Origin::Scratch };
            let mut writer = create_run(&ctx, &one.path).await.unwrap();
            Merger::new(&ctx, 0..3).merge(&sources, &mut writer).await.unwrap();
            writer.finish().await.unwrap();
            for partition in ctx.reduces.partitions() {
                let joined = join(merged(&ctx, std::slice::from_ref(&one), partition).await);
                prop_assert_eq!(joined, join(sorted(&ctx, &lists, partition)));
            }
            Ok(())
        })?;
    }
}

/// Every key with all of its values one behind the other.
fn join(records: Vec<Record>) -> Vec<Record> {
    let mut joined: Vec<Record> = Vec::new();
    for (key, value) in records {
        match joined.last_mut() {
            Some((last, values)) if *last == key => values.extend(value),
            _ => joined.push((key, value)),
        }
    }
    joined
}

#[test]
fn no_more_files_are_open_than_the_fan_in_and_the_one_being_written() {
    let ctx = context(Limits { merge_fan_in: 3, ..Limits::default() }, false);
    let lists = vec![vec![(b"k".to_vec(), b"v".to_vec())]; 20];
    block_on(async {
        let sources = write_runs(&ctx, &lists).await;
        let sources = Merger::new(&ctx, 0..3).narrow(sources).await.unwrap();
        assert_eq!(sources.len(), 3);
    });
    assert_eq!(ctx.world.files().most_open(), 4);
}

#[test]
fn only_as_many_runs_are_merged_as_it_takes() {
    let ctx = context(Limits { merge_fan_in: 10, ..Limits::default() }, false);
    block_on(async {
        let sources = write_runs(&ctx, &vec![vec![(b"k".to_vec(), b"v".to_vec())]; 11]).await;
        let narrowed = Merger::new(&ctx, 0..3).narrow(sources.clone()).await.unwrap();
        assert_eq!(narrowed[1..], sources[2..], "two runs became one, the others are as they were");
    });
}
