//! The oracle: what the sequential run makes of a workload, in a world of its own in which nothing goes wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use mr_core::app::{App, AppError, Emit, Guarded, InputKind, MapInput, Output, ValueList, Values};
use mr_core::counters::Counters;
use mr_core::ids::{Partition, Reduces};
use mr_core::sequential;
use sim::{Plan, Seed, Settings, run};

use crate::apps::TroubledSource;
use crate::schedule::{Trouble, Workload};

/// What must come of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The bytes of each output; or, of a job that cannot be done, the app's own words.
    pub outputs: Result<Vec<Vec<u8>>, String>,
    /// How many records and bytes there are to count.
    pub counters: Counters,
    /// The names of counters that depend on how the work was cut, which the oracle cannot know.
    pub depends_on_the_cut: Vec<&'static str>,
}

impl Expected {
    /// Asks the oracle about `workload`.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        // What goes wrong a few times only is not the last word.
        let lasting = workload.trouble.clone().filter(|trouble: &Trouble| trouble.times.is_none());
        let counting = Arc::new(Counting::new(TroubledSource::new(workload.app, lasting).app()));
        let app = Guarded::new(counting.clone());
        let (sender, receiver) = mpsc::channel();
        let _ = run(&Settings::new(Seed(0)), &Plan::default(), &mut (), false, |cluster| {
            for (name, bytes) in workload.input_names().zip(&workload.inputs) {
                cluster.files().write(&name, &bytes.0);
            }
            let inputs: Vec<String> = workload.input_names().collect();
            let reduces = Reduces::new(workload.reduces);
            cluster.node("oracle", Duration::ZERO, move |world| {
                let (app, inputs, sender) = (app.clone(), inputs.clone(), sender.clone());
                async move {
                    let outputs = sequential::run(&world, &app, &inputs, Some(reduces)).await;
                    sender.send(outputs).expect("somebody waits");
                }
            });
        });
        let outputs = receiver.recv().expect("the oracle has spoken").map_err(|error| error.to_string());
        let mut depends_on_the_cut = Vec::new();
        if workload.combine && counting.has_combiner() {
            depends_on_the_cut.push("reduce_input_records");
        }
        if counting.input() == InputKind::Lines {
            depends_on_the_cut.push("map_input_records");
        }
        Self { outputs, counters: counting.counters(), depends_on_the_cut }
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
