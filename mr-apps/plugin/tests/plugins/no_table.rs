//! A library of the right version, with nothing behind it.

#![allow(unsafe_code)]

#[unsafe(export_name = "mr_plugin_abi_version")]
static VERSION: u32 = mr_plugin::abi::VERSION;
