//! MapReduce programs as plugins: shared libraries that are loaded at run time.
//!
//! A plugin is a crate of type `cdylib` that depends on this crate alone, implements [`App`] and exports it:
//!
//! ```
//! use mr_plugin::{App, AppError, Emit, MapInput, Output, Values};
//!
//! struct LineCount;
//!
//! impl App for LineCount {
//!     fn name(&self) -> &str { "line_count" }
//!
//!     fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
//!         input.data.split_inclusive(|&byte| byte == b'\n').for_each(|_| emit.emit(input.file.as_bytes(), b"1"));
//!         Ok(())
//!     }
//!
//!     fn reduce(&self, _file: &[u8], lines: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
//!         output.value(lines.len().to_string().as_bytes());
//!         Ok(())
//!     }
//! }
//!
//! mr_plugin::export!(LineCount);
//! # fn main() {}
//! ```
//!
//! Host and plugin need not be built by the same compiler: between them stands the C ABI of [`abi`], whose version is read out
//! of the file before any of the plugin's code runs. No Rust type, allocation or panic crosses it. [`guest`] is the plugin's
//! side of it, [`Plugin`] the host's. This is the only crate of the workspace with `unsafe` in it.

pub mod abi;
mod export;
pub mod guest;
mod host;
mod inspect;

pub use host::{Plugin, PluginError};
pub use mr_core::app::{App, AppError, AppIdentity, Emit, InputKind, MapInput, Output, ValueList, ValueRun, Values};
pub use mr_core::ids::{Partition, Reduces};
