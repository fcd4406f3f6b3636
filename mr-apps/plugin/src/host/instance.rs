//! An app that lives in a plugin, as an [`App`] like any other.

use std::panic::resume_unwind;
use std::ptr::NonNull;

use mr_core::app::{App, AppError, Emit, InputKind, MapInput, Output, ValueList, Values, hash_partition};
use mr_core::ids::{Partition, Reduces};

use super::receive::Receiver;
use super::source::run_source;
use crate::abi::{self, Bytes, DONE, Status, Table, TextSink, Traits};

/// One instance of a plugin's app.
pub(super) struct Instance {
    table: &'static Table,
    /// From the table's `create`.
    handle: NonNull<abi::Instance>,
    name: String,
    version: String,
    input: InputKind,
    has_combiner: bool,
}

// SAFETY: the ABI has the functions of an instance callable from any thread, several at once.
unsafe impl Send for Instance {}

// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Instance {
    /// Makes an instance with `argument`, and has it say who it is.
    pub(super) fn create(table: &'static Table, argument: &str) -> Result<Self, AppError> {
        let mut handle = None;
        asked(|failure| {
            // SAFETY: argument and sink are valid for the length of the call.
            handle = NonNull::new(unsafe { (table.create)(Bytes::of(argument.as_bytes()), failure) });
            if handle.is_some() { DONE } else { abi::FAILED }
        })?;
        let handle = handle.expect("a handle, as creating it has not failed");
        let (name, version) = (String::new(), String::new());
        let mut instance = Self { table, handle, name, version, input: InputKind::WholeFile, has_combiner: false };
        instance.describe()?;
        Ok(instance)
    }

    fn describe(&mut self) -> Result<(), AppError> {
        let (mut name, mut version, mut traits) = (Vec::new(), Vec::new(), Traits::default());
        let (mut to_name, mut to_version) = (Receiver::new(&mut name), Receiver::new(&mut version));
        let described = asked(|failure| {
            let (name, version) = (to_name.text_sink(), to_version.text_sink());
            // SAFETY: the instance lives; sinks and the place for the traits are valid for the length of the call.
            unsafe { (self.table.describe)(self.handle.as_ptr(), name, version, &raw mut traits, failure) }
        });
        to_name.finish();
        to_version.finish();
        described?;
        self.name = String::from_utf8(name).map_err(|_| AppError::new("the app's name is not UTF-8"))?;
        self.version = String::from_utf8(version).map_err(|_| AppError::new("the app's version is not UTF-8"))?;
        self.input = abi::input_kind(traits.input_kind)
            .ok_or_else(|| AppError(format!("there is no input kind {}", traits.input_kind)))?;
        self.has_combiner = traits.has_combiner != 0;
        Ok(())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: the instance lives, and nobody else has it any more.
        unsafe { (self.table.destroy)(self.handle.as_ptr()) };
    }
}

impl App for Instance {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn input(&self) -> InputKind {
        self.input
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        let MapInput { file, offset, data } = input;
        let input = abi::MapInput { file: Bytes::of(file.as_bytes()), offset, data: Bytes::of(data) };
        let mut receiver = Receiver::new(emit);
        let mapped = asked(|failure| {
            // SAFETY: the instance lives; input and sinks are valid for the length of the call.
            unsafe { (self.table.map)(self.handle.as_ptr(), input, receiver.emit_sink(), failure) }
        });
        receiver.finish();
        mapped
    }

    fn reduce(&self, key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        let mut runs = values.runs();
        let mut receiver = Receiver::new(output);
        let reduced = asked(|failure| {
            let (key, values, output) = (Bytes::of(key), run_source(&mut runs), receiver.output_sink());
            // SAFETY: the instance lives; key, source and sinks are valid for the length of the call.
            unsafe { (self.table.reduce)(self.handle.as_ptr(), key, values, output, failure) }
        });
        receiver.finish();
        reduced
    }

    fn has_combiner(&self) -> bool {
        self.has_combiner
    }

    fn combine(&self, key: &[u8], values: Values<'_>, combined: &mut ValueList) -> Result<(), AppError> {
        let mut runs = values.runs();
        let mut receiver = Receiver::new(combined);
        let done = asked(|failure| {
            let (key, values, combined) = (Bytes::of(key), run_source(&mut runs), receiver.run_sink());
            // SAFETY: the instance lives; key, source and sinks are valid for the length of the call.
            unsafe { (self.table.combine)(self.handle.as_ptr(), key, values, combined, failure) }
        });
        receiver.finish();
        done
    }

    /// # Panics
    ///
    /// When the plugin's did, with the same words; its panic hook has already written them to standard error.
    fn partition(&self, key: &[u8], reduces: Reduces) -> Partition {
        let Some(partition) = self.table.partition else {
            return hash_partition(key, reduces);
        };
        let mut chosen = 0;
        let told = asked(|failure| {
            // SAFETY: the instance lives; key, sink and the place for the number are valid for the length of the call.
            unsafe { partition(self.handle.as_ptr(), Bytes::of(key), reduces.get(), &raw mut chosen, failure) }
        });
        match told {
            Ok(()) => Partition(chosen),
            Err(AppError(words)) => resume_unwind(Box::new(words)),
        }
    }
}

/// The plugin's answer to `call`, which gets the sink for the reason of a failure.
fn asked(call: impl FnOnce(TextSink) -> Status) -> Result<(), AppError> {
    let mut reason = Vec::new();
    let mut receiver = Receiver::new(&mut reason);
    let status = call(receiver.text_sink());
    receiver.finish();
    match status {
        DONE => Ok(()),
        _ if reason.is_empty() => Err(AppError::new("the plugin failed and gave no reason")),
        _ => Err(AppError(String::from_utf8_lossy(&reason).into_owned())),
    }
}
