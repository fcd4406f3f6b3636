//! A plugin of another maker: no partition of its own, bytes that are nowhere, and failures without a reason.

#![allow(unsafe_code)]

use std::ptr;

use mr_plugin::abi::{
    Bytes, DONE, EmitSink, Instance, MapInput, OutputSink, Run, RunSink, RunSource, Status, Table, TextSink, VERSION,
};
use mr_plugin::guest;

mod mirror;

struct Exported;

impl guest::Construct for Exported {
    const EXAMPLE: &'static str = "an example";

    fn construct(argument: &str) -> Result<Box<dyn mr_plugin::App>, mr_plugin::AppError> {
        Ok(Box::new(mirror::Mirror::new(argument)?))
    }
}

/// Emits a record of no bytes at no place, which is well, and one of five bytes there, which is not.
unsafe extern "C" fn map(_: *const Instance, _: MapInput, emit: EmitSink, _: TextSink) -> Status {
    for length in [0, 5] {
        let nowhere = Bytes { start: ptr::null(), length };
        // SAFETY: the sink is the host's, valid during this call. The bytes are not, which the host is to notice.
        unsafe { (emit.put)(emit.context, nowhere, nowhere) };
    }
    DONE
}

unsafe extern "C" fn reduce(_: *const Instance, _: Bytes, _: RunSource, _: OutputSink, _: TextSink) -> Status {
    7
}

/// Combines all values to none, and a run of none.
unsafe extern "C" fn combine(_: *const Instance, key: Bytes, _: RunSource, combined: RunSink, _: TextSink) -> Status {
    // SAFETY: the sink is the host's, and so is the key, both valid during this call.
    unsafe { (combined.put)(combined.context, Run { value: key, count: 0 }) };
    DONE
}

#[unsafe(export_name = "mr_plugin_abi_version")]
static ABI_VERSION: u32 = VERSION;

#[unsafe(export_name = "mr_plugin_table")]
static TABLE: Table = Table { map, reduce, combine, partition: None, ..guest::table::<Exported>() };
