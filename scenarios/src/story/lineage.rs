//! Lineage: of a wrong record in an output, which attempt on which worker wrote it, which map outputs that attempt read, and what each
//! of these held for the record's key; beside it, what the sequential run gets from each input.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;

use camino::Utf8Path;
use futures::executor::block_on;
use mr_core::ids::{AttemptId, MapAttempt, MapIndex, Partition, Reduces, TaskId};
use mr_core::job::Split;
use mr_core::protocol::{Assigned, Reply, decode};
use mr_core::shuffle::{Producer, RunError, RunFile, Segment};
use sim::{Event, FileEvent, History, Operation};
use world::FileError;

use super::moment::short;
use super::tell::attempt_of;
use crate::apps::without_signatures;
use crate::evidence::{Evidence, KeptRun, map_of};
use crate::oracle::{Expected, ValueRuns, contributions};
use crate::schedule::{AppChoice, Schedule};

/// What one map attempt contributed to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// The attempt.
    pub map: MapAttempt,
    /// The worker's node.
    pub node: String,
    /// Which part of the input it mapped.
    pub input: String,
    /// Whether the attempt that wrote the output has read it.
    pub read: bool,
    /// What its output holds for the key; or why it cannot be read.
    pub values: Result<ValueRuns, String>,
}

/// Where a record came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The record's key.
    pub key: Vec<u8>,
    /// In which output.
    pub partition: u32,
    /// Who wrote that: the attempt and its node.
    pub writer: Option<(AttemptId, String)>,
    /// What each map attempt has for the key.
    pub contributions: Vec<Contribution>,
    /// What the sequential run has for it from each input.
    pub sequential: Vec<(String, ValueRuns)>,
}

impl Lineage {
    /// The lineage of the first wrong record of the first wrong output; none, when no visible output is wrong.
    #[must_use]
    pub fn of(schedule: &Schedule, history: &History, evidence: &Evidence) -> Option<Self> {
        let (partition, line) = first_wrong_line(schedule, evidence)?;
        let reduces = Reduces::new(schedule.workload.reduces);
        let groups: Vec<_> =
            evidence.map_outputs.iter().map(|run| (run, groups(run, reduces, Partition(partition)))).collect();
        let sequential = contributions(&schedule.workload, partition);
        let keys = groups.iter().filter_map(|(_, groups)| groups.as_ref().ok()).flat_map(BTreeMap::keys);
        let keys = keys.chain(sequential.iter().flat_map(|(_, groups)| groups.keys()));
        let starts_line = |key: &&Vec<u8>| {
            line.strip_prefix(key.as_slice()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b" "))
        };
        let key = keys.filter(starts_line).max_by_key(|key| key.len())?.clone();
        let writer = writer(history, partition);
        let read = writer.as_ref().map(|(attempt, node)| read_by(history, *attempt, node)).unwrap_or_default();
        let inputs = inputs(history);
        let contributions = groups.into_iter().map(|(run, groups)| Contribution {
            map: run.map,
            node: run.node.clone(),
            input: inputs.get(&run.map.map).cloned().unwrap_or_default(),
            read: read.contains(&run.map),
            values: groups.map(|mut groups| groups.remove(&key).unwrap_or_default()).map_err(|error| error.to_string()),
        });
        Some(Self {
            contributions: contributions.collect(),
            sequential: sequential
                .into_iter()
                .map(|(file, mut groups)| (file, groups.remove(&key).unwrap_or_default()))
                .collect(),
            writer,
            partition,
            key,
        })
    }
}

/// The first line that differs in the first output that does.
fn first_wrong_line(schedule: &Schedule, evidence: &Evidence) -> Option<(u32, Vec<u8>)> {
    let expected = Expected::of(&schedule.workload).outputs;
    let signed = schedule.workload.app == AppChoice::Signed;
    evidence.outputs.iter().find_map(|(&partition, found)| {
        let expected = expected.get(partition as usize)?.as_ref()?;
        let plain = if signed { without_signatures(found).unwrap_or_default() } else { found.clone() };
        first_difference(expected, &plain).map(|line| (partition, line))
    })
}

/// The record that is wrong, extra or missing where `found` first differs from `expected`.
fn first_difference(expected: &[u8], found: &[u8]) -> Option<Vec<u8>> {
    let lines = |text: &'_ [u8]| text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (expected, found) = (lines(expected), lines(found));
    let same = expected.iter().zip(&found).take_while(|(wanted, there)| wanted == there).count();
    let (expected, found) = (&expected[same..], &found[same..]);
    match (expected.first().filter(|line| !line.is_empty()), found.first().filter(|line| !line.is_empty())) {
        (None, None) => None,
        // What is right, but comes later: something is there in front of it that should not be.
        (Some(wanted), Some(there)) if found.contains(wanted) && !expected.contains(there) => Some(there.clone()),
        (Some(wanted), _) => Some(wanted.clone()),
        (None, Some(there)) => Some(there.clone()),
    }
}

/// The attempt whose file became the output of `partition`, and its node.
fn writer(history: &History, partition: u32) -> Option<(AttemptId, String)> {
    let chosen = format!("output-{partition}");
    file_steps(history).rev().find_map(|step| {
        let made = matches!(step.operation, Operation::HardLink) && step.result.is_ok();
        let to = step.to.as_deref().filter(|to| made && to.rsplit('/').next() == Some(&chosen));
        to.and_then(|_| Some((attempt_of(&step.path)?, step.node.name().to_owned())))
    })
}

/// Which map outputs `node` opened while `attempt` was at its own file: it makes that first, opens them, and then writes. Where another
/// attempt runs beside it on the node, that one's may be among them.
fn read_by(history: &History, attempt: AttemptId, node: &str) -> Vec<MapAttempt> {
    let mut opened = Vec::new();
    let mut read = Vec::new();
    for step in file_steps(history).filter(|step| step.node.name() == node && step.result.is_ok()) {
        match (step.operation, attempt_of(&step.path) == Some(attempt)) {
            (Operation::Open, _) => opened.extend(map_of(&step.path)),
            (Operation::Create, true) => opened.clear(),
            (_, true) => read.append(&mut opened),
            _ => {}
        }
    }
    read
}

fn file_steps(history: &History) -> impl DoubleEndedIterator<Item = &FileEvent> {
    history.iter().filter_map(|(_, event)| match event {
        Event::File(step) => Some(step),
        _ => None,
    })
}

/// Which part of which input each map has, as the coordinator told whoever got it.
fn inputs(history: &History) -> BTreeMap<MapIndex, String> {
    let told = |split: &Split| {
        let to = split.len.map_or_else(|| "its end".to_owned(), |len| (split.offset + len).to_string());
        format!("{} from byte {} to {to}", split.path, split.offset)
    };
    let split = |event: &Event| {
        let Event::MessageSent(message) = event else { return None };
        let Ok(Reply::Run(assignment)) = decode(message.body.bytes()?) else { return None };
        match (assignment.attempt.task, assignment.work) {
            (TaskId::Map(map), Assigned::Map { splits }) => {
                Some((map, splits.iter().map(told).collect::<Vec<_>>().join(", ")))
            }
            _ => None,
        }
    };
    history.iter().filter_map(|(_, event)| split(event)).collect()
}

/// Everything that a map output holds for one partition, read by the very reader of a reduce.
fn groups(run: &KeptRun, reduces: Reduces, partition: Partition) -> Result<BTreeMap<Vec<u8>, ValueRuns>, RunError> {
    const BLOCK: usize = 1 << 16;
    let producer = Producer { job: run.job, attempt: run.map.into() };
    block_on(async {
        let path = Utf8Path::new("a map output that was kept");
        let file = Arc::new(RunFile::open(Still(Arc::clone(&run.bytes)), path, producer, reduces, BLOCK).await?);
        let mut segment: Segment<_> = file.segment(partition).await?;
        let mut groups: BTreeMap<Vec<u8>, ValueRuns> = BTreeMap::new();
        while segment.next_block().await?.is_some() {
            loop {
                let group = segment.group();
                let values = groups.entry(group.key.to_vec()).or_default();
                values.extend(group.runs().map(|run| (run.value.to_vec(), run.count)));
                if !segment.next_group()? {
                    break;
                }
            }
        }
        Ok(groups)
    })
}

/// A file that was kept.
struct Still(Arc<[u8]>);

impl world::File for Still {
    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FileError> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    async fn append(&mut self, _: &[u8]) -> Result<(), FileError> {
        unreachable!("evidence is only read")
    }

    async fn sync(&mut self) -> Result<(), FileError> {
        unreachable!("evidence is only read")
    }
}

/// How many attempts, or inputs, are shown that have something for the key.
const SHOWN: usize = 8;

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in mr-out-{}", printable(&self.key), self.partition)?;
        if let Some((attempt, node)) = &self.writer {
            write!(f, ", written by {} on {node}", short(*attempt))?;
        }
        writeln!(f, ":")?;
        let (nothing, mut attempts): (Vec<&Contribution>, Vec<_>) =
            self.contributions.iter().partition(|one| one.values.as_ref().is_ok_and(Vec::is_empty));
        attempts.sort_by_key(|one| one.map);
        for one in attempts.iter().take(SHOWN) {
            let values =
                one.values.as_ref().map_or_else(|error| format!("unreadable: {error}"), |values| in_row(values));
            let read = if one.read { "" } else { "   (not read for it)" };
            writeln!(f, "  {} on {}, of {}: {values}{read}", short(one.map.into()), one.node, one.input)?;
        }
        if attempts.len() > SHOWN {
            writeln!(f, "  … and {} more", attempts.len() - SHOWN)?;
        }
        if !nothing.is_empty() {
            writeln!(f, "  {} other map attempts: nothing", nothing.len())?;
        }
        let mut sequential = String::new();
        for (file, values) in self.sequential.iter().filter(|(_, values)| !values.is_empty()).take(SHOWN) {
            let _ = write!(sequential, " {file}: {};", in_row(values));
        }
        write!(f, "  the sequential run:{}", sequential.trim_end_matches(';'))
    }
}

/// Values as a person would write them down: `1 ×3, 2`.
fn in_row(values: &[(Vec<u8>, u64)]) -> String {
    const MOST: usize = 6;
    if values.is_empty() {
        return "nothing".into();
    }
    let one = |(value, count): &(Vec<u8>, u64)| match count {
        1 => format!("`{}`", printable(value)),
        _ => format!("`{}` ×{count}", printable(value)),
    };
    let more = values.len().saturating_sub(MOST);
    let row = values.iter().take(MOST).map(one).collect::<Vec<_>>().join(", ");
    if more == 0 { row } else { format!("{row} and {more} more") }
}

fn printable(bytes: &[u8]) -> String {
    const LONGEST: usize = 40;
    let cut = &bytes[..bytes.len().min(LONGEST)];
    format!("{}{}", cut.escape_ascii(), if bytes.len() > LONGEST { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    fn wrong(expected: &str, found: &str) -> Option<String> {
        first_difference(expected.as_bytes(), found.as_bytes()).map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn the_wrong_record_is_the_one_that_changed_or_is_missing_or_extra() {
        let right = "a 1\nb 2\nc 3\n";
        assert_eq!(wrong(right, right), None);
        assert_eq!(wrong(right, "a 1\nb 9\nc 3\n").as_deref(), Some("b 2"), "its key is the same");
        assert_eq!(wrong(right, "a 1\nc 3\n").as_deref(), Some("b 2"), "missing in the middle");
        assert_eq!(wrong(right, "a 1\nb 2\n").as_deref(), Some("c 3"), "missing at the end");
        assert_eq!(wrong(right, "a 1\nax 7\nb 2\nc 3\n").as_deref(), Some("ax 7"), "extra in the middle");
        assert_eq!(wrong(right, "a 1\nb 2\nc 3\nd 4\n").as_deref(), Some("d 4"), "extra at the end");
        assert_eq!(wrong(right, "b 2\na 1\nc 3\n").as_deref(), Some("a 1"), "in another order");
        assert_eq!(wrong(right, "").as_deref(), Some("a 1"), "an empty output");
    }
}
