//! The app that is rehearsed: word count, small and with a combiner, its words split at spaces.

use std::sync::Arc;

use mr_core::app::{App, AppError, AppIdentity, AppSource, Emit, InputKind, MapInput, Output, ValueList, Values};

/// Counts words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WordCount;

fn sum(values: Values<'_>) -> Result<u64, AppError> {
    values.runs().try_fold(0, |sum, run| {
        let text = std::str::from_utf8(run.value).ok().and_then(|text| text.parse::<u64>().ok());
        let count = text.ok_or_else(|| AppError(format!("`{}` is no count", run.value.escape_ascii())))?;
        Ok(sum + count * run.count)
    })
}

impl App for WordCount {
    fn name(&self) -> &str {
        "word_count"
    }

    fn input(&self) -> InputKind {
        InputKind::Line
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        input.data.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).for_each(|word| emit.emit(word, b"1"));
        Ok(())
    }

    fn reduce(&self, _word: &[u8], counts: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.value(sum(counts)?.to_string().as_bytes());
        Ok(())
    }

    fn has_combiner(&self) -> bool {
        true
    }

    fn combine(&self, _word: &[u8], counts: Values<'_>, combined: &mut ValueList) -> Result<(), AppError> {
        combined.push(sum(counts)?.to_string().as_bytes());
        Ok(())
    }
}

impl AppSource for WordCount {
    fn identity(&self) -> AppIdentity {
        AppIdentity::of(self)
    }

    fn create(&self, _argument: &str) -> Result<Arc<dyn App>, AppError> {
        Ok(Arc::new(*self))
    }
}
