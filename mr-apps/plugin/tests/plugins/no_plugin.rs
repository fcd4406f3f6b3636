//! A library like any other.

#![allow(unsafe_code)]

/// Something to export.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> u32 {
    42
}
