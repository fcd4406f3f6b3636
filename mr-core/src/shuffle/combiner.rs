//! Folding the values of a key with the app's combiner, wherever they pass by.

use crate::app::{AppError, Guarded, ValueList};
use crate::tasks::TaskError;

use super::MAX_FIELD_BYTES;

/// The app's combiner, and room for its result.
pub struct Combiner<'a> {
    app: &'a Guarded,
    combined: ValueList,
    /// The largest value that may come out, in bytes.
    largest: usize,
}

impl<'a> Combiner<'a> {
    /// The combiner of `app`.
    #[must_use]
    pub fn new(app: &'a Guarded) -> Self {
        Self { app, combined: ValueList::new(), largest: MAX_FIELD_BYTES }
    }

    /// Replaces the values of `key` by what the combiner makes of them. A single value is left as it is.
    ///
    /// # Errors
    ///
    /// When the app fails, or makes a value that no intermediate file can hold, or more values than can be counted.
    pub fn fold(&mut self, key: &[u8], values: &mut ValueList) -> Result<(), TaskError> {
        if values.values().len() <= 1 {
            return Ok(());
        }
        self.combined.clear();
        self.app
            .combine(key, values.values(), &mut self.combined)
            .map_err(|error| TaskError::App { file: key_label(key), error })?;
        if self.combined.are_too_many() {
            let error = AppError::new("its combiner makes more values than can be counted");
            return Err(TaskError::App { file: key_label(key), error });
        }
        if let Some(run) = self.combined.values().runs().find(|run| run.value.len() > self.largest) {
            return Err(TaskError::TooLarge { file: key_label(key), what: "value", len: run.value.len() });
        }
        std::mem::swap(values, &mut self.combined);
        Ok(())
    }
}

/// How an error names a key: printable, and cut when it is long.
pub(crate) fn key_label(key: &[u8]) -> String {
    const SHOWN_BYTES: usize = 80;
    match key.get(..SHOWN_BYTES) {
        Some(start) if key.len() > SHOWN_BYTES => format!("key {}… ({} bytes)", start.escape_ascii(), key.len()),
        _ => format!("key {}", key.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::{App, Emit, MapInput, Output, ValueRun, Values};

    /// Joins values, but will not touch an `x`; of a `y` it makes very many.
    struct Joining;

    impl App for Joining {
        fn name(&self) -> &str {
            "joining"
        }

        fn map(&self, _: MapInput<'_>, _: &mut dyn Emit) -> Result<(), AppError> {
            Ok(())
        }

        fn reduce(&self, _: &[u8], _: Values<'_>, _: &mut Output<'_>) -> Result<(), AppError> {
            Ok(())
        }

        fn combine(&self, _: &[u8], values: Values<'_>, combined: &mut ValueList) -> Result<(), AppError> {
            if values.iter().any(|value| value == b"x") {
                return Err(AppError::new("an x"));
            }
            if values.iter().any(|value| value == b"y") {
                [b"1", b"2"].iter().for_each(|value| combined.push_run(ValueRun { value: *value, count: 1 << 63 }));
                return Ok(());
            }
            combined.push(&values.iter().collect::<Vec<_>>().concat());
            Ok(())
        }
    }

    fn folded(values: &[&str], largest: usize) -> Result<Vec<Vec<u8>>, TaskError> {
        let app = Guarded::new(Arc::new(Joining));
        let mut combiner = Combiner { largest, ..Combiner::new(&app) };
        let mut list: ValueList = values.iter().collect();
        combiner.fold(b"k", &mut list)?;
        let values = list.values();
        Ok(values.iter().map(<[u8]>::to_vec).collect())
    }

    #[test]
    fn values_are_folded_and_a_single_one_is_left_alone() {
        assert_eq!(folded(&["a", "b", "b"], 3), Ok(vec![b"abb".to_vec()]));
        assert_eq!(folded(&["x"], 3), Ok(vec![b"x".to_vec()]));
        assert_eq!(folded(&[], 3), Ok(vec![]));
    }

    #[test]
    fn failures_name_the_key() {
        let error = AppError::new("an x");
        assert_eq!(folded(&["a", "x"], 3), Err(TaskError::App { file: "key k".into(), error }));
        let too_large = TaskError::TooLarge { file: "key k".into(), what: "value", len: 4 };
        assert_eq!(folded(&["ab", "cd"], 3), Err(too_large));
        let Err(TaskError::App { error, .. }) = folded(&["a", "y"], 3) else { panic!("the app is to blame") };
        assert!(error.0.contains("more values than can be counted"), "{}", error.0);
    }

    #[test]
    fn a_key_is_named_printably_and_not_at_length() {
        assert_eq!(key_label(b"a b\0\xff"), "key a b\\x00\\xff");
        assert_eq!(key_label(&[b'k'; 80]), format!("key {}", "k".repeat(80)));
        assert_eq!(key_label(&[b'k'; 1000]), format!("key {}… (1000 bytes)", "k".repeat(80)));
    }
}
