//! Workers for a coordinator in memory, with an app that counts words.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use mr_core::app::{App, AppError, AppIdentity, AppSource, Emit, MapInput, Output, Values};
use mr_core::tasks::Limits;
use mr_core::worker::WorkerConfig;
use world::Address;

/// Counts words; each output line ends with the app's own tag.
#[derive(Clone)]
pub struct Tagged {
    pub tag: &'static str,
}

impl App for Tagged {
    fn name(&self) -> &str {
        "tagged"
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        if input.data.starts_with(b"refuse") {
            return Err(AppError::new("refused"));
        }
        input.data.split(u8::is_ascii_whitespace).for_each(|word| emit.emit(word, b"1"));
        Ok(())
    }

    fn reduce(&self, _key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.value(format!("{}{}", values.len(), self.tag).as_bytes());
        Ok(())
    }
}

impl AppSource for Tagged {
    fn identity(&self) -> AppIdentity {
        AppIdentity::of(self)
    }

    fn create(&self, _argument: &str) -> Result<Arc<dyn App>, AppError> {
        Ok(Arc::new(self.clone()))
    }
}

pub fn address() -> Address {
    Address::new("coordinator")
}

pub fn config(slots: usize) -> WorkerConfig {
    WorkerConfig {
        coordinator: address(),
        slots: NonZeroUsize::new(slots).unwrap(),
        dir: ".".into(),
        out: ".".into(),
        limits: Limits::default(),
        retry_for: Duration::from_secs(10),
        name: "in memory".into(),
    }
}
