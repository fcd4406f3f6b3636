//! What crosses between host and plugin: C types only, and two exported symbols.
//!
//! A plugin exports the static `mr_plugin_abi_version`, a `u32` that never changes place or type, and the static
//! `mr_plugin_table`, a [`Table`]. The rules both sides keep:
//!
//! * Whatever a function is handed (bytes, sources, sinks) is valid for the length of that call and on its thread only. Whoever
//!   wants to keep bytes copies them; so each side frees only what it allocated itself.
//! * Results leave through sinks, and values come from sources: functions of the caller's, with a context to hand back to them.
//! * Nothing unwinds out of a function, a sink or a source.
//! * The functions of one instance are called from several threads at once; `destroy` is the last call of all.
//! * Arguments, file names, app names and failures are UTF-8. Keys, values and input data are any bytes at all.

#![expect(unsafe_code, reason = "a slice is made of what the other side points to")]

use std::ffi::c_void;
use std::{ptr, slice};

use mr_core::app::InputKind;

/// The version of all that is declared here. It grows with every change, and host and plugin must have the same one.
pub const VERSION: u32 = 2;

/// The symbol of the plugin's [`VERSION`].
pub const VERSION_SYMBOL: &str = "mr_plugin_abi_version";

/// The symbol of the plugin's [`Table`].
pub const TABLE_SYMBOL: &str = "mr_plugin_table";

/// What a function answers when it did what it was asked.
pub const DONE: Status = 0;

/// What a function answers when it did not; the sink for failures then got the reason.
pub const FAILED: Status = 1;

/// [`DONE`] or [`FAILED`].
pub type Status = u32;

/// Bytes of the caller's. Of no bytes, `start` may be null.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    /// The first byte.
    pub start: *const u8,
    /// How many.
    pub length: usize,
}

impl Bytes {
    /// Points to `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { start: bytes.as_ptr(), length: bytes.len() }
    }

    /// The bytes pointed to.
    ///
    /// # Safety
    ///
    /// They are there, initialised and unchanged for all of `'a`.
    ///
    /// # Panics
    ///
    /// When this can point to nothing: a null pointer with a length, or a length beyond any memory.
    #[must_use]
    pub unsafe fn slice<'a>(self) -> &'a [u8] {
        if self.length == 0 {
            return &[];
        }
        let possible = !self.start.is_null() && isize::try_from(self.length).is_ok();
        assert!(possible, "{} bytes at {:?} were passed across the plugin ABI", self.length, self.start);
        // SAFETY: not null and not too long, as was just checked; the rest is the caller's promise.
        unsafe { slice::from_raw_parts(self.start, self.length) }
    }
}

/// A value, and how many times in a row it stands there.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// The value.
    pub value: Bytes,
    /// How often.
    pub count: u64,
}

/// Yields the values of one key, in order, run by run: so nobody needs a list of them all for the way.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RunSource {
    /// To be handed to `next`.
    pub context: *mut c_void,
    /// Writes the next run to `run` and answers 1, or 0 when there is none. The bytes of each are valid for as long as the source.
    pub next: unsafe extern "C" fn(context: *mut c_void, run: *mut Run) -> u32,
}

/// Takes text: a name, or the reason of a failure. Several pieces are put together.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct TextSink {
    /// To be handed to `put`.
    pub context: *mut c_void,
    /// Takes one piece.
    pub put: unsafe extern "C" fn(context: *mut c_void, text: Bytes),
}

/// Takes intermediate records.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct EmitSink {
    /// To be handed to `put`.
    pub context: *mut c_void,
    /// Takes one record.
    pub put: unsafe extern "C" fn(context: *mut c_void, key: Bytes, value: Bytes),
}

/// Takes output: bytes that are written as they are, and how many records they count as.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct OutputSink {
    /// To be handed to `put`.
    pub context: *mut c_void,
    /// Takes some records.
    pub put: unsafe extern "C" fn(context: *mut c_void, bytes: Bytes, records: u64),
}

/// Takes combined values.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RunSink {
    /// To be handed to `put`.
    pub context: *mut c_void,
    /// Takes one run of equal values.
    pub put: unsafe extern "C" fn(context: *mut c_void, run: Run),
}

/// What one call of `map` gets.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MapInput {
    /// The name of the input file.
    pub file: Bytes,
    /// Where in the file `data` starts.
    pub offset: u64,
    /// The input.
    pub data: Bytes,
}

/// How an instance is to be used.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Traits {
    /// How the input is to be cut: 1 for whole files, 2 for lines, 3 for stretches of lines.
    pub input_kind: u32,
    /// Whether there is anything in `combine`: 0 or 1.
    pub has_combiner: u32,
}

/// The number that stands for `kind` in [`Traits`].
#[must_use]
pub fn input_kind_number(kind: InputKind) -> u32 {
    match kind {
        InputKind::WholeFile => 1,
        InputKind::Line => 2,
        InputKind::Lines => 3,
    }
}

/// The kind that `number` stands for in [`Traits`], if any.
#[must_use]
pub fn input_kind(number: u32) -> Option<InputKind> {
    [InputKind::WholeFile, InputKind::Line, InputKind::Lines]
        .into_iter()
        .find(|&kind| input_kind_number(kind) == number)
}

/// An app in the plugin. The host sees nothing of it but its address.
#[repr(C)]
#[derive(Debug)]
pub struct Instance {
    opaque: [u8; 0],
}

/// The plugin's functions, for what `mr_core::app::App` says of each. None may be null but the last.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The size of this table in bytes.
    pub size: usize,
    /// An argument that `create` accepts, so that the app can be asked who it is before anybody knows the real one.
    pub example: unsafe extern "C" fn(argument: TextSink),
    /// Makes an instance; or null, for a failure.
    pub create: unsafe extern "C" fn(argument: Bytes, failure: TextSink) -> *mut Instance,
    /// Ends an instance.
    pub destroy: unsafe extern "C" fn(instance: *mut Instance),
    /// Tells name, version and traits of an instance.
    pub describe: unsafe extern "C" fn(
        instance: *const Instance,
        name: TextSink,
        version: TextSink,
        traits: *mut Traits,
        failure: TextSink,
    ) -> Status,
    /// Maps a piece of input.
    pub map:
        unsafe extern "C" fn(instance: *const Instance, input: MapInput, emit: EmitSink, failure: TextSink) -> Status,
    /// Reduces the values of a key.
    pub reduce: unsafe extern "C" fn(
        instance: *const Instance,
        key: Bytes,
        values: RunSource,
        output: OutputSink,
        failure: TextSink,
    ) -> Status,
    /// Combines values of a key. Called only of an instance that has a combiner.
    pub combine: unsafe extern "C" fn(
        instance: *const Instance,
        key: Bytes,
        values: RunSource,
        combined: RunSink,
        failure: TextSink,
    ) -> Status,
    /// Tells the partition of a key; null for the default one.
    pub partition: Option<
        unsafe extern "C" fn(
            instance: *const Instance,
            key: Bytes,
            reduces: u32,
            partition: *mut u32,
            failure: TextSink,
        ) -> Status,
    >,
}

impl Table {
    /// The names of the functions that may not be null, in order.
    pub const REQUIRED: [&str; 7] = ["example", "create", "destroy", "describe", "map", "reduce", "combine"];

    /// Where the table that `start` points to is not one to be used.
    ///
    /// # Safety
    ///
    /// A word is there to be read, and when it is the size of a `Table` then that much is.
    ///
    /// # Errors
    ///
    /// A phrase that says what is wrong.
    pub unsafe fn check(start: *const Table) -> Result<(), String> {
        if !start.is_aligned() {
            return Err("is not aligned".to_owned());
        }
        let words = start.cast::<usize>();
        // SAFETY: the first word is there, by the caller's promise, and aligned.
        let size = unsafe { ptr::read(words) };
        if size != size_of::<Table>() {
            return Err(format!("is {size} bytes long instead of {}", size_of::<Table>()));
        }
        for (index, name) in Self::REQUIRED.iter().enumerate() {
            // SAFETY: the table has its size and every field is as large as a word, so this is still within it.
            let function = unsafe { ptr::read(words.add(1 + index)) };
            if function == 0 {
                return Err(format!("has no function `{name}`"));
            }
        }
        Ok(())
    }
}

const _: () = assert!(
    size_of::<Table>() == (Table::REQUIRED.len() + 2) * size_of::<usize>(),
    "`Table::check` goes through the table word by word"
);
