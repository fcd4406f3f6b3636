//! What is to be done: inputs, cut into splits, and the numbers by which the job is run.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app::{AppIdentity, InputKind};
use crate::ids::{JobId, MapIndex, Reduces};

/// An input file as the person named it. Naming one twice makes two of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// The name, for the workers to open relative to their own directory.
    pub path: String,
    /// Its length in bytes where known; a file of unknown length is never split.
    pub len: Option<u64>,
}

/// The stretch of a file that one map task reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Split {
    /// The file's name.
    pub path: String,
    /// Where the stretch starts. The map begins with the first line that *starts* at or after it.
    pub offset: u64,
    /// Its length, or none for all the rest of the file. The map ends with the last line that *starts* within it.
    pub len: Option<u64>,
}

/// Everything a coordinator is told before it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// This run's name.
    pub id: JobId,
    /// The inputs, in the person's order.
    pub inputs: Vec<InputFile>,
    /// How many partitions.
    pub reduces: Reduces,
    /// How large a split may be; none leaves every file in one piece.
    pub split_size: Option<NonZeroU64>,
    /// The app all workers must have; none takes the first worker's word for it.
    pub app: Option<AppIdentity>,
    /// What the app is constructed with, such as grep's pattern.
    pub app_argument: String,
    /// Whether an app's combiner is used.
    pub combine: bool,
    /// How long an attempt may go without a sign of progress before another is started beside it.
    pub task_timeout: Duration,
    /// Whether, near the end of a phase, a task that takes much longer than others have is given to a second worker as well.
    pub backup_tasks: bool,
    /// How many attempts of one task may fail before the job does.
    pub max_failures: u32,
    /// How long the coordinator waits for goodbyes after the end of the job.
    pub exit_grace: Duration,
}

impl Job {
    /// A job over `inputs` with the course's numbers: ten reduces, no splitting, ten seconds' patience, four failures.
    #[must_use]
    pub fn new(id: JobId, inputs: Vec<InputFile>) -> Self {
        Self {
            id,
            inputs,
            reduces: Reduces::new(10),
            split_size: None,
            app: None,
            app_argument: String::new(),
            combine: true,
            task_timeout: Duration::from_secs(10),
            backup_tasks: true,
            max_failures: 4,
            exit_grace: Duration::from_secs(1),
        }
    }

    /// How often a worker shows that it lives: often enough that three lost heartbeats in a row do not look like death.
    #[must_use]
    pub fn heartbeat_interval(&self) -> Duration {
        (self.task_timeout / 5).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }

    /// Cuts the inputs into splits, one map task each.
    #[must_use]
    pub fn splits(&self, kind: InputKind) -> Vec<Split> {
        let mut splits = Vec::new();
        for input in &self.inputs {
            match (kind, input.len, self.split_size) {
                (InputKind::Line | InputKind::Lines, Some(len), Some(size)) if len > size.get() => {
                    splits.extend(cut(&input.path, len, size));
                }
                _ => splits.push(Split { path: input.path.clone(), offset: 0, len: None }),
            }
        }
        splits
    }

    /// The map tasks that `splits` splits make.
    pub fn maps(splits: &[Split]) -> impl Iterator<Item = (MapIndex, &Split)> {
        (0..).map(MapIndex).zip(splits)
    }
}

/// Cuts a file into pieces of equal size, none larger than `size` and none a mere crumb. The last runs to the file's end,
/// wherever that is by then.
fn cut(path: &str, len: u64, size: NonZeroU64) -> impl Iterator<Item = Split> {
    let pieces = len.div_ceil(size.get());
    let piece = len.div_ceil(pieces);
    (0..pieces).map(move |i| Split { path: path.to_owned(), offset: i * piece, len: (i + 1 < pieces).then_some(piece) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(lens: &[Option<u64>], split_size: Option<u64>) -> Job {
        let inputs = (0..).zip(lens).map(|(i, &len)| InputFile { path: format!("f{i}"), len }).collect();
        Job { split_size: split_size.and_then(NonZeroU64::new), ..Job::new(JobId(1), inputs) }
    }

    #[test]
    fn pieces_are_even_and_cover_the_file() {
        let splits = job(&[Some(25)], Some(10)).splits(InputKind::Lines);
        let pieces: Vec<_> = splits.iter().map(|split| (split.offset, split.len)).collect();
        assert_eq!(pieces, [(0, Some(9)), (9, Some(9)), (18, None)]);
    }

    #[test]
    fn whole_files_unknown_lengths_and_small_files_stay_in_one_piece() {
        assert_eq!(job(&[Some(25)], Some(10)).splits(InputKind::WholeFile).len(), 1);
        assert_eq!(job(&[None], Some(10)).splits(InputKind::Line).len(), 1);
        assert_eq!(job(&[Some(25)], None).splits(InputKind::Line).len(), 1);
        assert_eq!(job(&[Some(10), Some(0)], Some(10)).splits(InputKind::Line).len(), 2);
    }

    #[test]
    fn a_file_named_twice_is_two_map_tasks() {
        let mut job = job(&[Some(1), Some(1)], None);
        job.inputs[1].path = "f0".into();
        assert_eq!(job.splits(InputKind::WholeFile).len(), 2);
    }
}
