//! A person's code may panic; that fails the attempt, with the panic's words, and not the worker.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{App, AppError, AppIdentity, Emit, MapInput, Output, ValueList, Values};
use crate::ids::{Partition, Reduces};

/// An app whose panics come back as errors, and whose partitions are checked. The only way tasks call an app.
#[derive(Clone)]
pub struct Guarded {
    app: Arc<dyn App>,
}

impl Guarded {
    /// Guards `app`.
    #[must_use]
    pub fn new(app: Arc<dyn App>) -> Self {
        Self { app }
    }

    /// The identity of the app.
    #[must_use]
    pub fn identity(&self) -> AppIdentity {
        AppIdentity::of(&*self.app)
    }

    /// Whether the app has a combiner.
    #[must_use]
    pub fn has_combiner(&self) -> bool {
        self.app.has_combiner()
    }

    /// [`App::map`]
    ///
    /// # Errors
    ///
    /// The app's own, or the words of its panic.
    pub fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        caught("map", || self.app.map(input, emit))
    }

    /// [`App::reduce`]
    ///
    /// # Errors
    ///
    /// The app's own, or the words of its panic.
    pub fn reduce(&self, key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        caught("reduce", || self.app.reduce(key, values, output))
    }

    /// [`App::combine`]
    ///
    /// # Errors
    ///
    /// The app's own, or the words of its panic.
    pub fn combine(&self, key: &[u8], values: Values<'_>, combined: &mut ValueList) -> Result<(), AppError> {
        caught("combine", || self.app.combine(key, values, combined))
    }

    /// [`App::partition`]
    ///
    /// # Errors
    ///
    /// When the app panics or names a partition that does not exist.
    pub fn partition(&self, key: &[u8], reduces: Reduces) -> Result<Partition, AppError> {
        let partition = caught("partition", || Ok(self.app.partition(key, reduces)))?;
        if partition.0 < reduces.get() {
            Ok(partition)
        } else {
            let reduces = reduces.get();
            Err(AppError(format!("partition returned {partition} although there are only {reduces} reduces")))
        }
    }
}

fn caught<T>(function: &str, call: impl FnOnce() -> Result<T, AppError>) -> Result<T, AppError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|panic| Err(AppError(format!("{function} panicked: {}", panic_words(&*panic)))))
}

fn panic_words(panic: &(dyn Any + Send)) -> &str {
    if let Some(words) = panic.downcast_ref::<&str>() {
        words
    } else if let Some(words) = panic.downcast_ref::<String>() {
        words
    } else {
        "(no message)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panicking;

    impl App for Panicking {
        fn name(&self) -> &str {
            "panicking"
        }

        fn map(&self, input: MapInput<'_>, _emit: &mut dyn Emit) -> Result<(), AppError> {
            panic!("no sense in {}", input.file)
        }

        fn reduce(&self, _: &[u8], _: Values<'_>, _: &mut Output<'_>) -> Result<(), AppError> {
            panic!("plain words")
        }

        fn partition(&self, _: &[u8], reduces: Reduces) -> Partition {
            Partition(reduces.get())
        }
    }

    struct Nowhere;

    impl Emit for Nowhere {
        fn emit(&mut self, _key: &[u8], _value: &[u8]) {}
    }

    #[test]
    fn a_panic_becomes_an_error_with_its_words() {
        let app = Guarded::new(Arc::new(Panicking));
        let input = MapInput { file: "a.txt", offset: 0, data: b"" };
        assert_eq!(app.map(input, &mut Nowhere), Err(AppError::new("map panicked: no sense in a.txt")));
        let (list, mut buffer) = (ValueList::new(), Vec::new());
        let reduced = app.reduce(b"k", list.values(), &mut Output::new(b"k", &mut buffer));
        assert_eq!(reduced, Err(AppError::new("reduce panicked: plain words")));
    }

    #[test]
    fn a_partition_out_of_range_is_not_believed() {
        let partition = Guarded::new(Arc::new(Panicking)).partition(b"k", Reduces::new(4));
        let words = "partition returned 4 although there are only 4 reduces";
        assert_eq!(partition, Err(AppError::new(words)));
    }
}
