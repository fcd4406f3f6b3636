//! A plugin whose table is shorter than a table of its version is.

#![allow(unsafe_code)]

#[unsafe(export_name = "mr_plugin_abi_version")]
static VERSION: u32 = mr_plugin::abi::VERSION;

#[unsafe(export_name = "mr_plugin_table")]
static TABLE: [usize; 1] = [size_of::<usize>()];
