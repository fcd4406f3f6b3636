//! The host's sinks: a panic in one must not unwind into the plugin, so it is kept, and goes on once the plugin has returned.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mr_core::app::{Emit, Output, ValueList, ValueRun};

use crate::abi::{Bytes, EmitSink, OutputSink, Run, RunSink, TextSink};

/// What the context of a sink points to.
pub(super) struct Receiver<'a, T: ?Sized> {
    target: &'a mut T,
    panic: Option<Box<dyn Any + Send>>,
}

impl<'a, T: ?Sized> Receiver<'a, T> {
    /// Receives into `target`.
    pub(super) fn new(target: &'a mut T) -> Self {
        Self { target, panic: None }
    }

    /// Goes on with the panic of a sink, if there was one.
    pub(super) fn finish(self) {
        if let Some(panic) = self.panic {
            resume_unwind(panic);
        }
    }

    fn context(&mut self) -> *mut c_void {
        std::ptr::from_mut(self).cast()
    }

    /// Receives one thing by way of `put`; nothing more after a panic.
    fn receive(&mut self, put: impl FnOnce(&mut T)) {
        if self.panic.is_none() {
            self.panic = catch_unwind(AssertUnwindSafe(|| put(self.target))).err();
        }
    }
}

impl Receiver<'_, Vec<u8>> {
    /// The sink that leads here.
    pub(super) fn text_sink(&mut self) -> TextSink {
        TextSink { context: self.context(), put: put_text }
    }
}

impl<'a> Receiver<'_, dyn Emit + 'a> {
    /// The sink that leads here.
    pub(super) fn emit_sink(&mut self) -> EmitSink {
        EmitSink { context: self.context(), put: put_record }
    }
}

impl Receiver<'_, Output<'_>> {
    /// The sink that leads here.
    pub(super) fn output_sink(&mut self) -> OutputSink {
        OutputSink { context: self.context(), put: put_output }
    }
}

impl Receiver<'_, ValueList> {
    /// The sink that leads here.
    pub(super) fn run_sink(&mut self) -> RunSink {
        RunSink { context: self.context(), put: put_run }
    }
}

unsafe extern "C" fn put_text(context: *mut c_void, text: Bytes) {
    // SAFETY: `text_sink` made this context of such a receiver, which outlives the call that the sink was made for.
    let receiver = unsafe { &mut *context.cast::<Receiver<'_, Vec<u8>>>() };
    // SAFETY: the plugin's bytes are valid for the length of this call.
    receiver.receive(|target| target.extend_from_slice(unsafe { text.slice() }));
}

unsafe extern "C" fn put_record(context: *mut c_void, key: Bytes, value: Bytes) {
    // SAFETY: `emit_sink` made this context of such a receiver, which outlives the call that the sink was made for.
    let receiver = unsafe { &mut *context.cast::<Receiver<'_, dyn Emit + '_>>() };
    // SAFETY: the plugin's bytes are valid for the length of this call.
    receiver.receive(|target| unsafe { target.emit(key.slice(), value.slice()) });
}

unsafe extern "C" fn put_output(context: *mut c_void, bytes: Bytes, records: u64) {
    // SAFETY: `output_sink` made this context of such a receiver, which outlives the call that the sink was made for.
    let receiver = unsafe { &mut *context.cast::<Receiver<'_, Output<'_>>>() };
    // SAFETY: the plugin's bytes are valid for the length of this call.
    receiver.receive(|target| target.append(unsafe { bytes.slice() }, records));
}

unsafe extern "C" fn put_run(context: *mut c_void, run: Run) {
    // SAFETY: `run_sink` made this context of such a receiver, which outlives the call that the sink was made for.
    let receiver = unsafe { &mut *context.cast::<Receiver<'_, ValueList>>() };
    // SAFETY: the plugin's bytes are valid for the length of this call.
    receiver.receive(|target| target.push_run(ValueRun { value: unsafe { run.value.slice() }, count: run.count }));
}
