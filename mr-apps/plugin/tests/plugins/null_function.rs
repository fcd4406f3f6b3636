//! A plugin whose table has its size and no functions.

#![allow(unsafe_code)]

use mr_plugin::abi::{Table, VERSION};

#[unsafe(export_name = "mr_plugin_abi_version")]
static ABI_VERSION: u32 = VERSION;

#[unsafe(export_name = "mr_plugin_table")]
static TABLE: [usize; 9] = [size_of::<Table>(), 0, 0, 0, 0, 0, 0, 0, 0];
