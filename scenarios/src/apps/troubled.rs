//! An app that stumbles over one word: always, or the first few times that anybody in the cluster comes across it.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mr_core::app::{App, AppError, AppIdentity, AppSource, Emit, InputKind, MapInput, Output, ValueList, Values};
use mr_core::ids::{Partition, Reduces};

use super::healthy;
use super::signed::Signed;
use crate::schedule::{AppChoice, Phase, Trouble};

/// Makes the app of a rehearsal, for all workers of one cluster.
#[derive(Clone)]
pub(crate) struct TroubledSource {
    app: Troubled,
    choice: AppChoice,
    /// How often the app was made for a worker.
    made: Arc<AtomicU32>,
}

impl TroubledSource {
    /// The app that `choice` names, with `trouble` if there is any.
    pub(crate) fn new(choice: AppChoice, trouble: Option<Trouble>) -> Self {
        Self { app: Troubled { app: healthy(choice), trouble, stumbled: Arc::default() }, choice, made: Arc::default() }
    }

    /// The app itself.
    pub(crate) fn app(&self) -> Arc<dyn App> {
        Arc::new(self.app.clone())
    }
}

impl AppSource for TroubledSource {
    fn identity(&self) -> AppIdentity {
        AppIdentity::of(&self.app)
    }

    fn create(&self, _argument: &str) -> Result<Arc<dyn App>, AppError> {
        let mut app = self.app.clone();
        if self.choice == AppChoice::Signed {
            app.app = Arc::new(Signed::new(1 + self.made.fetch_add(1, Ordering::Relaxed)));
        }
        Ok(Arc::new(app))
    }
}

#[derive(Clone)]
struct Troubled {
    app: Arc<dyn App>,
    trouble: Option<Trouble>,
    /// How often it has stumbled, in the whole cluster.
    stumbled: Arc<AtomicU32>,
}

impl Troubled {
    fn stumble(&self, phase: Phase, over: impl Fn(&str) -> bool) -> Result<(), AppError> {
        let Some(trouble) = self.trouble.as_ref().filter(|trouble| trouble.phase == phase && over(&trouble.word))
        else {
            return Ok(());
        };
        if trouble.times.is_some_and(|times| self.stumbled.fetch_add(1, Ordering::Relaxed) >= times) {
            return Ok(());
        }
        let words = format!("stumbled over `{}`", trouble.word);
        if trouble.panics {
            // Not `panic!`: the report of thousands of intended panics would drown that of an unintended one.
            resume_unwind(Box::new(words));
        }
        Err(AppError(words))
    }
}

/// Whether `bytes` contains `word`.
fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len().max(1)).any(|window| window == word.as_bytes())
}

impl App for Troubled {
    fn name(&self) -> &str {
        self.app.name()
    }

    fn version(&self) -> &str {
        self.app.version()
    }

    fn input(&self) -> InputKind {
        self.app.input()
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        self.stumble(Phase::Map, |word| contains(input.data, word))?;
        self.app.map(input, emit)
    }

    fn reduce(&self, key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        self.stumble(Phase::Reduce, |word| key == word.as_bytes())?;
        self.app.reduce(key, values, output)
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
