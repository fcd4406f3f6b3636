//! What is to be done: inputs, cut into splits or joined, and the numbers by which the job is run.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app::{AppIdentity, InputKind};
use crate::ids::{JobId, Reduces};

/// How long a worker waits for an answer before it asks again. Longer than the coordinator keeps any request, a second at most.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// How many bytes the names of the files of one map have at most, with what stands around each in an assignment: so much that even
/// names of nothing but bytes that have to be escaped stay far below [`MAX_MESSAGE_BYTES`](crate::protocol::MAX_MESSAGE_BYTES).
const MAX_NAMES_BYTES: usize = 256 << 10;
const NAME_OVERHEAD: usize = 64;

/// An input file as the person named it. Naming one twice makes two of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// The name, for the workers to open relative to their own directory.
    pub path: String,
    /// Its length in bytes where known; a file of unknown length is neither split nor joined with others.
    pub len: Option<u64>,
}

/// A stretch of a file that a map task reads. Of small files one task may read several, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Split {
    /// The file's name.
    pub path: String,
    /// Where the stretch starts. The map begins with the first line that *starts* at or after it.
    pub offset: u64,
    /// Its length, or none for all the rest of the file. The map ends with the last line that *starts* within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub len: Option<u64>,
    /// The length of the whole file when the job was planned, if anybody looked. One that is shorter by now cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_len: Option<u64>,
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
    /// How many bytes of whole files, neighbours in the person's order, one map may read; none gives every file a map of its own. A map costs
    /// its commit however little it reads, and every reduce opens the output of every map.
    pub join_size: Option<NonZeroU64>,
    /// The app all workers must have; none takes the first worker's word for it.
    pub app: Option<AppIdentity>,
    /// What the app is constructed with, such as grep's pattern.
    pub app_argument: String,
    /// Whether an app's combiner is used.
    pub combine: bool,
    /// How long an attempt may go without a sign of progress before another is started beside it.
    pub task_timeout: Duration,
    /// Whether, near the end of a phase, a task that takes much longer than others have is given to another worker as well.
    pub backup_tasks: bool,
    /// How many attempts of one task may fail before the job does.
    pub max_failures: u32,
}

impl Job {
    /// A job over `inputs` with the course's numbers: ten reduces, a map for each file, ten seconds' patience, four failures.
    #[must_use]
    pub fn new(id: JobId, inputs: Vec<InputFile>) -> Self {
        Self {
            id,
            inputs,
            reduces: Reduces::new(10),
            split_size: None,
            join_size: None,
            app: None,
            app_argument: String::new(),
            combine: true,
            task_timeout: Duration::from_secs(10),
            backup_tasks: true,
            max_failures: 4,
        }
    }

    /// How often a worker shows that it lives: often enough that, of a task timeout of ten seconds or more, one heartbeat without an answer
    /// does not look like death.
    #[must_use]
    pub fn heartbeat_interval(&self) -> Duration {
        (self.task_timeout / 5).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }

    /// How long after its end the coordinator stays, if somebody has neither said goodbye nor fallen silent: a worker that is busy learns of
    /// the end from its next heartbeat, or, should that be lost, from the one after it, which it sends when it has waited long enough for
    /// an answer to the first.
    #[must_use]
    pub fn exit_grace(&self) -> Duration {
        const BESIDES: Duration = Duration::from_secs(1);
        BESIDES + PATIENCE + self.heartbeat_interval() * 2
    }

    /// What each map task reads: a piece of a large file, or a whole file, or several small ones. All of it in the order of the inputs, so
    /// that records come to a reduce in one order however files are cut and joined.
    #[must_use]
    pub fn map_inputs(&self, kind: InputKind) -> Vec<Vec<Split>> {
        let mut maps: Vec<Vec<Split>> = Vec::new();
        // What else the last map may read, if anything.
        let mut room = None;
        for input in &self.inputs {
            if let (InputKind::Line | InputKind::Lines, Some(len), Some(size)) = (kind, input.len, self.split_size)
                && len > size.get()
            {
                maps.extend(cut(&input.path, len, size).map(|piece| vec![piece]));
                room = None;
                continue;
            }
            let whole = Split { path: input.path.clone(), offset: 0, len: None, file_len: input.len };
            let left = room.and_then(|room: Room| room.less(input));
            room = match (left, maps.last_mut()) {
                (Some(left), Some(last)) => {
                    last.push(whole);
                    Some(left)
                }
                _ => {
                    maps.push(vec![whole]);
                    self.join_size.and_then(|size| Room { bytes: size.get(), names: MAX_NAMES_BYTES }.less(input))
                }
            };
        }
        maps
    }
}

/// How much fits into one map.
#[derive(Debug, Clone, Copy)]
struct Room {
    bytes: u64,
    names: usize,
}

impl Room {
    /// What is left when `input` has been put in; none when it does not fit, or nobody knows.
    fn less(self, input: &InputFile) -> Option<Self> {
        Some(Self {
            bytes: self.bytes.checked_sub(input.len?)?,
            names: self.names.checked_sub(input.path.len() + NAME_OVERHEAD)?,
        })
    }
}

/// Cuts a file into pieces of equal size, none larger than `size` and none a mere crumb. The last runs to the file's end,
/// wherever that is by then.
fn cut(path: &str, len: u64, size: NonZeroU64) -> impl Iterator<Item = Split> {
    let pieces = len.div_ceil(size.get());
    let piece = len.div_ceil(pieces);
    (0..pieces).map(move |i| Split {
        path: path.to_owned(),
        offset: i * piece,
        len: (i + 1 < pieces).then_some(piece),
        file_len: Some(len),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Assigned, MAX_MESSAGE_BYTES, encode};

    fn job(lens: &[Option<u64>], split_size: Option<u64>) -> Job {
        let inputs = (0..).zip(lens).map(|(i, &len)| InputFile { path: format!("f{i}"), len }).collect();
        Job { split_size: split_size.and_then(NonZeroU64::new), ..Job::new(JobId(1), inputs) }
    }

    #[test]
    fn pieces_are_even_and_cover_the_file() {
        let maps = job(&[Some(25)], Some(10)).map_inputs(InputKind::Lines);
        let pieces: Vec<_> = maps.iter().flatten().map(|split| (split.offset, split.len)).collect();
        assert_eq!(maps.len(), 3);
        assert!(maps.iter().flatten().all(|split| split.file_len == Some(25)));
        assert_eq!(pieces, [(0, Some(9)), (9, Some(9)), (18, None)]);
    }

    #[test]
    fn whole_files_unknown_lengths_and_small_files_stay_in_one_piece() {
        assert_eq!(job(&[Some(25)], Some(10)).map_inputs(InputKind::WholeFile).len(), 1);
        assert_eq!(job(&[None], Some(10)).map_inputs(InputKind::Line).len(), 1);
        assert_eq!(job(&[Some(25)], None).map_inputs(InputKind::Line).len(), 1);
        assert_eq!(job(&[Some(10), Some(0)], Some(10)).map_inputs(InputKind::Line).len(), 2);
    }

    #[test]
    fn a_file_named_twice_is_two_map_tasks() {
        let mut job = job(&[Some(1), Some(1)], None);
        job.inputs[1].path = "f0".into();
        assert_eq!(job.map_inputs(InputKind::WholeFile).len(), 2);
    }

    /// The files of each map, by their numbers.
    fn joined(lens: &[Option<u64>], split_size: Option<u64>, join_size: u64) -> Vec<String> {
        let job = Job { join_size: NonZeroU64::new(join_size), ..job(lens, split_size) };
        let files = |map: &Vec<Split>| map.iter().map(|split| split.path[1..].to_owned()).collect::<Vec<_>>().join(" ");
        job.map_inputs(InputKind::Lines).iter().map(files).collect()
    }

    #[test]
    fn small_neighbours_share_a_map_as_far_as_they_fit() {
        let lens = [3, 4, 3, 1, 10, 2, 11, 5].map(Some);
        assert_eq!(joined(&lens, None, 10), ["0 1 2", "3", "4", "5", "6", "7"]);
        assert_eq!(joined(&lens, None, 1), ["0", "1", "2", "3", "4", "5", "6", "7"]);
        assert_eq!(joined(&[Some(0), Some(0), Some(0)], None, 1), ["0 1 2"]);
    }

    #[test]
    fn an_assignment_of_a_thousand_long_names_can_be_sent() {
        let input = |number: u64| InputFile { path: format!("{number:\u{1}>4000}"), len: Some(1) };
        let job = Job { join_size: NonZeroU64::new(1 << 30), ..Job::new(JobId(1), (0..1000).map(input).collect()) };
        let maps = job.map_inputs(InputKind::WholeFile);
        assert_eq!(maps.iter().flatten().count(), 1000);
        assert!(maps.len() < 20, "{} maps", maps.len());
        for splits in maps {
            let message = encode(&Assigned::Map { splits });
            assert!(message.len() < MAX_MESSAGE_BYTES / 2, "{} bytes", message.len());
        }
    }

    #[test]
    fn pieces_of_a_file_and_files_of_unknown_length_share_with_nobody() {
        assert_eq!(joined(&[Some(1), Some(20), Some(1), Some(1)], Some(10), 5), ["0", "1", "1", "2 3"]);
        assert_eq!(joined(&[Some(1), None, Some(1), None, None], None, 5), ["0", "1", "2", "3", "4"]);
    }
}
