//! A plugin of a later version of the ABI, whose table must not be believed.

#![allow(unsafe_code)]

#[unsafe(export_name = "mr_plugin_abi_version")]
static VERSION: u32 = mr_plugin::abi::VERSION + 1;

#[unsafe(export_name = "mr_plugin_table")]
static TABLE: [u64; 2] = [0xdead_beef; 2];
