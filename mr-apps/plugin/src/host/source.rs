//! The host's sources: what the plugin asks for, piece by piece. Reading a list of values does not panic, and calls nobody else's code,
//! so that nothing can unwind into the plugin.

use std::ffi::c_void;

use mr_core::app::ValueRun;

use crate::abi::{Bytes, Run, RunSource};

/// The source that yields `runs`, for as long as they are there.
pub(super) fn run_source<'a, I: Iterator<Item = ValueRun<'a>>>(runs: &mut I) -> RunSource {
    RunSource { context: std::ptr::from_mut(runs).cast(), next: next_run::<I> }
}

unsafe extern "C" fn next_run<'a, I: Iterator<Item = ValueRun<'a>>>(context: *mut c_void, run: *mut Run) -> u32 {
    // SAFETY: `run_source` made this context of such an iterator, which outlives the call that the source was made for.
    let Some(ValueRun { value, count }) = (unsafe { &mut *context.cast::<I>() }).next() else { return 0 };
    // SAFETY: the plugin has room for a run there.
    unsafe { run.write(Run { value: Bytes::of(value), count }) };
    1
}
