//! An app that hands on all it gets, by every function there is: the same from a plugin as without.

use mr_plugin::{App, AppError, Emit, InputKind, MapInput, Output, Partition, Reduces, ValueList, ValueRun, Values};

/// The app; its argument is emitted too.
pub(crate) struct Mirror {
    argument: String,
}

impl Mirror {
    /// Accepts any argument but none.
    pub(crate) fn new(argument: &str) -> Result<Self, AppError> {
        if argument.is_empty() {
            return Err(AppError::new("a mirror needs something to show"));
        }
        Ok(Self { argument: argument.to_owned() })
    }
}

impl App for Mirror {
    fn name(&self) -> &str {
        "mirror"
    }

    fn version(&self) -> &str {
        "7, polished"
    }

    fn input(&self) -> InputKind {
        InputKind::Line
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        emit.emit(input.file.as_bytes(), &input.offset.to_le_bytes());
        emit.emit(input.data, self.argument.as_bytes());
        emit.emit(b"", input.data);
        Ok(())
    }

    fn reduce(&self, key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        for run in values.runs() {
            output.value(run.value);
            output.raw(run.value, run.count % 4);
        }
        output.raw(key, 1);
        Ok(())
    }

    fn has_combiner(&self) -> bool {
        true
    }

    fn combine(&self, key: &[u8], values: Values<'_>, combined: &mut ValueList) -> Result<(), AppError> {
        combined.push(key);
        for ValueRun { value, count } in values.runs() {
            combined.push_run(ValueRun { value, count: count.saturating_mul(2) });
        }
        Ok(())
    }

    fn partition(&self, key: &[u8], reduces: Reduces) -> Partition {
        Partition(key.iter().map(|&byte| u32::from(byte)).sum::<u32>() % reduces.get())
    }
}
