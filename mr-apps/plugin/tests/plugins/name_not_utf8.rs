//! A plugin whose app has a name that is no text.

#![allow(unsafe_code)]

use mr_plugin::abi::{Bytes, DONE, Instance, Status, Table, TextSink, Traits, VERSION};
use mr_plugin::guest;

mod mirror;

struct Exported;

impl guest::Construct for Exported {
    const EXAMPLE: &'static str = "an example";

    fn construct(argument: &str) -> Result<Box<dyn mr_plugin::App>, mr_plugin::AppError> {
        Ok(Box::new(mirror::Mirror::new(argument)?))
    }
}

unsafe extern "C" fn describe(
    _: *const Instance,
    name: TextSink,
    _: TextSink,
    traits: *mut Traits,
    _: TextSink,
) -> Status {
    // SAFETY: sink and place are the host's, valid during this call.
    unsafe {
        (name.put)(name.context, Bytes::of(b"\xff\xfe"));
        traits.write(Traits { input_kind: 1, has_combiner: 0 });
    }
    DONE
}

#[unsafe(export_name = "mr_plugin_abi_version")]
static ABI_VERSION: u32 = VERSION;

#[unsafe(export_name = "mr_plugin_table")]
static TABLE: Table = Table { describe, ..guest::table::<Exported>() };
