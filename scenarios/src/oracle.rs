//! The oracle: what must come of a workload, worked out plainly from the bytes of its inputs.
//!
//! It shares nothing with `mr-core` but the app, not even how input is cut into lines: a bug that it shared it could not see. That
//! `mr-core`'s own sequential run, which is what `mrsequential` does, agrees with it is a test of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mr_core::app::{App, AppError, Emit, Guarded, InputKind, MapInput, Output, ValueList, Values};
use mr_core::counters::Counters;
use mr_core::ids::{Partition, Reduces};

use crate::apps::TroubledSource;
use crate::schedule::{AppChoice, Bytes, Trouble, Workload};

/// Values of one key, and how often each comes in a row.
pub type ValueRuns = Vec<(Vec<u8>, u64)>;

/// What must come of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The bytes of each output; none, of one that cannot be made. When map stumbles none can.
    pub outputs: Vec<Option<Vec<u8>>>,
    /// How many records and bytes there are to count.
    pub counters: Counters,
    /// The names of counters that depend on how the work was cut, which the oracle cannot know.
    pub depends_on_the_cut: Vec<&'static str>,
}

impl Expected {
    /// Asks the oracle about `workload`.
    ///
    /// # Panics
    ///
    /// When the workload has no partitions.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        // What goes wrong a few times only is not the last word.
        let lasting = workload.trouble.clone().filter(|trouble: &Trouble| trouble.times.is_none());
        let counting = Arc::new(Counting::new(TroubledSource::new(workload.app, lasting).app()));
        let outputs = outputs(workload, &Guarded::new(counting.clone()));
        let mut depends_on_the_cut = Vec::new();
        if workload.combine && counting.has_combiner() {
            depends_on_the_cut.push("reduce_input_records");
        }
        if workload.app == AppChoice::Signed {
            depends_on_the_cut.push("reduce_output_bytes");
        }
        if counting.input() == InputKind::Lines {
            depends_on_the_cut.push("map_input_records");
        }
        Self { outputs, counters: counting.counters(), depends_on_the_cut }
    }

    /// Whether the job cannot be done.
    #[must_use]
    pub fn must_fail(&self) -> bool {
        self.outputs.iter().any(Option::is_none)
    }
}

/// What the app emits for the keys of `partition`, from each input file: each key's values, and how often each comes in a row. Nothing
/// of a file that the app will not have.
pub(crate) fn contributions(workload: &Workload, partition: u32) -> Vec<(String, BTreeMap<Vec<u8>, ValueRuns>)> {
    let app = &Guarded::new(TroubledSource::new(workload.app, None).app());
    let reduces = Reduces::new(workload.reduces);
    let of_file = |(file, bytes): (String, &Bytes)| {
        let mut groups =
            Groups { app, reduces, partitions: vec![BTreeMap::new(); workload.reduces as usize], refused: None };
        for (offset, data) in pieces(app.identity().input, &bytes.0) {
            if app.map(MapInput { file: &file, offset, data }, &mut groups).is_err() {
                break;
            }
        }
        let runs = |values: &ValueList| values.values().runs().map(|run| (run.value.to_vec(), run.count)).collect();
        let own = &groups.partitions[partition as usize];
        (file, own.iter().map(|(key, values)| (key.clone(), runs(values))).collect())
    };
    workload.input_names().zip(&workload.inputs).map(of_file).collect()
}

/// The bytes of each output, as far as it can be made.
fn outputs(workload: &Workload, app: &Guarded) -> Vec<Option<Vec<u8>>> {
    match map_all(workload, app) {
        Ok(partitions) => partitions.iter().map(|groups| reduce_all(app, groups).ok()).collect(),
        Err(_) => vec![None; workload.reduces as usize],
    }
}

/// The values of each key, by partition.
fn map_all(workload: &Workload, app: &Guarded) -> Result<Vec<BTreeMap<Vec<u8>, ValueList>>, AppError> {
    let reduces = Reduces::new(workload.reduces);
    let mut groups =
        Groups { app, reduces, partitions: vec![BTreeMap::new(); workload.reduces as usize], refused: None };
    for (file, bytes) in workload.input_names().zip(&workload.inputs) {
        for (offset, data) in pieces(app.identity().input, &bytes.0) {
            app.map(MapInput { file: &file, offset, data }, &mut groups)?;
            groups.refused.take().map_or(Ok(()), Err)?;
        }
    }
    Ok(groups.partitions)
}

fn reduce_all(app: &Guarded, groups: &BTreeMap<Vec<u8>, ValueList>) -> Result<Vec<u8>, AppError> {
    let mut bytes = Vec::new();
    for (key, values) in groups {
        app.reduce(key, values.values(), &mut Output::new(key, &mut bytes))?;
    }
    Ok(bytes)
}

/// What map is called with for a file of these bytes, and where in the file each piece starts.
fn pieces(kind: InputKind, bytes: &[u8]) -> Vec<(u64, &[u8])> {
    match kind {
        InputKind::WholeFile => vec![(0, bytes)],
        InputKind::Lines if bytes.is_empty() => Vec::new(),
        InputKind::Lines => vec![(0, bytes)],
        InputKind::Line => {
            let mut offset = 0;
            let mut lines = Vec::new();
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                let text = line.strip_suffix(b"\n");
                let text = text.map_or(line, |text| text.strip_suffix(b"\r").unwrap_or(text));
                lines.push((offset, text));
                offset += line.len() as u64;
            }
            lines
        }
    }
}

/// What map emits into: the values of each key, in order, for every partition.
struct Groups<'a> {
    app: &'a Guarded,
    reduces: Reduces,
    partitions: Vec<BTreeMap<Vec<u8>, ValueList>>,
    /// Why a key could not be put into a partition; the first one counts.
    refused: Option<AppError>,
}

impl Emit for Groups<'_> {
    fn emit(&mut self, key: &[u8], value: &[u8]) {
        match self.app.partition(key, self.reduces) {
            Ok(partition) => {
                let groups = &mut self.partitions[partition.0 as usize];
                match groups.get_mut(key) {
                    Some(values) => values.push(value),
                    None => groups.entry(key.to_vec()).or_default().push(value),
                }
            }
            Err(error) => self.refused = self.refused.take().or(Some(error)),
        }
    }
}

/// An app that counts what goes through it.
struct Counting {
    app: Arc<dyn App>,
    map_input_bytes: AtomicU64,
    map_input_records: AtomicU64,
    map_output_records: AtomicU64,
    reduce_input_groups: AtomicU64,
    reduce_input_records: AtomicU64,
    reduce_output_records: AtomicU64,
    reduce_output_bytes: AtomicU64,
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl Counting {
    fn new(app: Arc<dyn App>) -> Self {
        Self {
            app,
            map_input_bytes: AtomicU64::default(),
            map_input_records: AtomicU64::default(),
            map_output_records: AtomicU64::default(),
            reduce_input_groups: AtomicU64::default(),
            reduce_input_records: AtomicU64::default(),
            reduce_output_records: AtomicU64::default(),
            reduce_output_bytes: AtomicU64::default(),
        }
    }

    fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            map_input_bytes: read(&self.map_input_bytes),
            map_input_records: read(&self.map_input_records),
            map_output_records: read(&self.map_output_records),
            reduce_input_groups: read(&self.reduce_input_groups),
            reduce_input_records: read(&self.reduce_input_records),
            reduce_output_records: read(&self.reduce_output_records),
            reduce_output_bytes: read(&self.reduce_output_bytes),
            ..Counters::default()
        }
    }
}

impl App for Counting {
    fn name(&self) -> &str {
        self.app.name()
    }

    fn input(&self) -> InputKind {
        self.app.input()
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        add(&self.map_input_records, 1);
        add(&self.map_input_bytes, input.data.len() as u64);
        self.app.map(input, &mut CountingEmit { emit, count: &self.map_output_records })
    }

    fn reduce(&self, key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        let mut bytes = Vec::new();
        let mut own = Output::new(key, &mut bytes);
        self.app.reduce(key, values, &mut own)?;
        let records = own.records();
        add(&self.reduce_input_groups, 1);
        add(&self.reduce_input_records, values.len());
        add(&self.reduce_output_records, records);
        add(&self.reduce_output_bytes, bytes.len() as u64);
        output.append(&bytes, records);
        Ok(())
    }

    fn has_combiner(&self) -> bool {
        self.app.has_combiner()
    }

    fn combine(&self, key: &[u8], values: Values<'_>, combined: &mut ValueList) -> Result<(), AppError> {
        self.app.combine(key, values, combined)
    }

    fn partition(&self, key: &[u8], reduces: Reduces) -> Partition {
        self.app.partition(key, reduces)
    }
}

struct CountingEmit<'a> {
    emit: &'a mut dyn Emit,
    count: &'a AtomicU64,
}

impl Emit for CountingEmit<'_> {
    fn emit(&mut self, key: &[u8], value: &[u8]) {
        add(self.count, 1);
        self.emit.emit(key, value);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use sim::{Plan, Recording, Seed, Settings, run};

    use super::*;
    use crate::Scenario;

    #[test]
    fn lines_are_cut_at_newlines_and_nothing_else() {
        let cut = |kind, bytes: &'static [u8]| pieces(kind, bytes);
        let lines: Vec<(u64, &[u8])> = vec![(0, b"a b"), (5, b""), (6, b"c\rd"), (10, b"e\r")];
        assert_eq!(cut(InputKind::Line, b"a b\r\n\nc\rd\ne\r"), lines);
        assert_eq!(cut(InputKind::Line, b"").len(), 0);
        assert_eq!(cut(InputKind::Lines, b"a\nb"), [(0, &b"a\nb"[..])]);
        assert_eq!(cut(InputKind::Lines, b"").len(), 0);
        assert_eq!(cut(InputKind::WholeFile, b""), [(0, &b""[..])]);
    }

    #[test]
    fn the_sequential_run_agrees_with_the_oracle() {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
        for name in ["binary_input", "empty_files", "everything", "failing_map", "failing_reduce"] {
            let scenario = Scenario::read(&cases.join(format!("{name}.toml"))).unwrap();
            for seed in 0..60 {
                let workload = scenario.draw(seed).workload;
                let expected: Option<Vec<_>> = Expected::of(&workload).outputs.into_iter().collect();
                let found = sequential(&workload);
                assert_eq!(found, expected, "{name} {seed}");
            }
        }
    }

    /// What `mr-core`'s sequential run makes of `workload`.
    fn sequential(workload: &Workload) -> Option<Vec<Vec<u8>>> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let app = Guarded::new(TroubledSource::new(workload.app, workload.trouble.clone()).app());
        let _ = run(&Settings::new(Seed(0)), &Plan::default(), &mut (), Recording::Nothing, |cluster| {
            for (name, bytes) in workload.input_names().zip(&workload.inputs) {
                cluster.files().write(&name, &bytes.0);
            }
            let inputs: Vec<String> = workload.input_names().collect();
            let reduces = Reduces::new(workload.reduces);
            cluster.node("sequential", Duration::ZERO, move |world| {
                let (app, inputs, sender) = (app.clone(), inputs.clone(), sender.clone());
                async move {
                    let outputs = mr_core::sequential::run(&world, &app, &inputs, Some(reduces)).await;
                    sender.send(outputs.ok()).unwrap();
                }
            });
        });
        receiver.recv().unwrap()
    }
}
