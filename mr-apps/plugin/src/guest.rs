//! The plugin's side of the ABI: each function catches what an app may do, and reports it in words.
//!
//! Only [`export!`](crate::export) has business here.

#![expect(unsafe_code, reason = "C functions take pointers")]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mr_core::app::{App, AppError, Emit, Output, ValueList, ValueRun};
use mr_core::ids::Reduces;

use crate::abi::{
    Bytes, DONE, EmitSink, FAILED, Instance, MapInput, OutputSink, Run, RunSink, RunSource, Status, Table, TextSink,
    Traits, input_kind_number,
};

/// How an exported app is made. [`export!`](crate::export) implements it.
pub trait Construct {
    /// An argument that works.
    const EXAMPLE: &'static str;

    /// Makes the app.
    ///
    /// # Errors
    ///
    /// When the argument makes no sense to the app.
    fn construct(argument: &str) -> Result<Box<dyn App>, AppError>;
}

/// `app`, which has no use for an argument.
///
/// # Errors
///
/// When there is one.
pub fn without_argument<A: App>(argument: &str, app: A) -> Result<A, AppError> {
    if argument.is_empty() {
        Ok(app)
    } else {
        let name = app.name();
        Err(AppError(format!("`{name}` takes no argument, so `{argument}` means nothing to it: leave it out")))
    }
}

/// The functions over the app that `C` makes.
#[must_use]
pub const fn table<C: Construct>() -> Table {
    Table {
        size: size_of::<Table>(),
        example: example::<C>,
        create: create::<C>,
        destroy,
        describe,
        map,
        reduce,
        combine,
        partition: Some(partition),
    }
}

/// What an [`Instance`] of this side is.
type Exported = Box<dyn App>;

unsafe extern "C" fn example<C: Construct>(argument: TextSink) {
    tell(argument, C::EXAMPLE);
}

unsafe extern "C" fn create<C: Construct>(argument: Bytes, failure: TextSink) -> *mut Instance {
    let mut instance = None;
    answer("create", failure, || {
        // SAFETY: the host's bytes are valid for the length of this call.
        let argument = text(unsafe { argument.slice() });
        instance = Some(Box::new(C::construct(argument)?));
        Ok(())
    });
    instance.map_or(std::ptr::null_mut(), |made: Box<Exported>| Box::into_raw(made).cast())
}

unsafe extern "C" fn destroy(instance: *mut Instance) {
    // SAFETY: `create` made this pointer of such a box, and the host destroys an instance once, after all other calls.
    let made = unsafe { Box::from_raw(instance.cast::<Exported>()) };
    // There is nobody left to tell of a panic while dropping; the panic hook has written it to standard error.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(made)));
}

unsafe extern "C" fn describe(
    instance: *const Instance,
    name: TextSink,
    version: TextSink,
    traits: *mut Traits,
    failure: TextSink,
) -> Status {
    answer("name, version, input or has_combiner", failure, || {
        // SAFETY: the host calls with a living instance.
        let app = unsafe { app(instance) };
        tell(name, app.name());
        tell(version, app.version());
        let told = Traits { input_kind: input_kind_number(app.input()), has_combiner: app.has_combiner().into() };
        // SAFETY: the host has a place for the traits there.
        unsafe { traits.write(told) };
        Ok(())
    })
}

unsafe extern "C" fn map(instance: *const Instance, input: MapInput, emit: EmitSink, failure: TextSink) -> Status {
    answer("map", failure, || {
        // SAFETY: the host calls with a living instance, and its bytes are valid for the length of this call.
        let (app, file, data) = unsafe { (app(instance), input.file.slice(), input.data.slice()) };
        app.map(mr_core::app::MapInput { file: text(file), offset: input.offset, data }, &mut Emitter(emit))
    })
}

unsafe extern "C" fn reduce(
    instance: *const Instance,
    key: Bytes,
    values: RunSource,
    output: OutputSink,
    failure: TextSink,
) -> Status {
    answer("reduce", failure, || {
        // SAFETY: the host calls with a living instance, and its bytes and source are valid for the length of this call.
        let (app, key, values) = unsafe { (app(instance), key.slice(), value_list(values)) };
        let mut written = Vec::new();
        let mut place = Output::new(key, &mut written);
        app.reduce(key, values.values(), &mut place)?;
        let records = place.records();
        // SAFETY: the sink and its context came with this call.
        unsafe { (output.put)(output.context, Bytes::of(&written), records) };
        Ok(())
    })
}

unsafe extern "C" fn combine(
    instance: *const Instance,
    key: Bytes,
    values: RunSource,
    combined: RunSink,
    failure: TextSink,
) -> Status {
    answer("combine", failure, || {
        // SAFETY: the host calls with a living instance, and its bytes and source are valid for the length of this call.
        let (app, key, values) = unsafe { (app(instance), key.slice(), value_list(values)) };
        let mut list = ValueList::new();
        app.combine(key, values.values(), &mut list)?;
        for ValueRun { value, count } in list.values().runs() {
            // SAFETY: the sink and its context came with this call.
            unsafe { (combined.put)(combined.context, Run { value: Bytes::of(value), count }) };
        }
        Ok(())
    })
}

unsafe extern "C" fn partition(
    instance: *const Instance,
    key: Bytes,
    reduces: u32,
    partition: *mut u32,
    failure: TextSink,
) -> Status {
    // `App::partition` has no other way to fail than to panic: its words go as they are, for the host to panic with.
    let told = caught(|| {
        // SAFETY: the host calls with a living instance, and its bytes are valid for the length of this call.
        let (app, key) = unsafe { (app(instance), key.slice()) };
        let chosen = app.partition(key, Reduces::new(reduces));
        // SAFETY: the host has a place for the partition there.
        unsafe { partition.write(chosen.0) };
    });
    match told {
        Ok(()) => DONE,
        Err(words) => {
            tell(failure, &words);
            FAILED
        }
    }
}

/// Answers for `call`; its failure, or the words of its panic, goes into `failure`.
fn answer(function: &str, failure: TextSink, call: impl FnOnce() -> Result<(), AppError>) -> Status {
    match caught(call) {
        Ok(Ok(())) => return DONE,
        Ok(Err(error)) => tell(failure, &error.0),
        Err(words) => tell(failure, &format!("{function} panicked: {words}")),
    }
    FAILED
}

/// What `call` returns, or the words of its panic.
fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| panic_words(&*panic))
}

fn panic_words(panic: &(dyn Any + Send)) -> String {
    if let Some(words) = panic.downcast_ref::<&str>() {
        (*words).to_owned()
    } else if let Some(words) = panic.downcast_ref::<String>() {
        words.clone()
    } else {
        "(no message)".to_owned()
    }
}

/// Hands `text` to a sink of the call that is going on.
fn tell(sink: TextSink, text: &str) {
    // SAFETY: the sink and its context came with the call, and the text is valid until `put` returns.
    unsafe { (sink.put)(sink.context, Bytes::of(text.as_bytes())) };
}

/// The host's text. A host that breaks its promise of UTF-8 is told so, by way of the panic.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the host sends arguments and file names in UTF-8")
}

/// The app behind `instance`.
///
/// # Safety
///
/// `create` made the instance and `destroy` has not ended it for as long as `'a`.
unsafe fn app<'a>(instance: *const Instance) -> &'a dyn App {
    // SAFETY: `create` made this pointer of a box of that type; apps are shared only, as they are `Sync`.
    unsafe { &**instance.cast::<Exported>() }
}

/// A copy of the host's values.
///
/// # Safety
///
/// The source and the bytes that it points to are valid during the call.
unsafe fn value_list(source: RunSource) -> ValueList {
    let mut list = ValueList::new();
    let mut run = Run { value: Bytes::of(&[]), count: 0 };
    // SAFETY: the source and its context are the caller's promise, and there is room for a run.
    while unsafe { (source.next)(source.context, &raw mut run) } != 0 {
        // SAFETY: the caller's promise.
        list.push_run(ValueRun { value: unsafe { run.value.slice() }, count: run.count });
    }
    list
}

/// Emits to the host.
struct Emitter(EmitSink);

impl Emit for Emitter {
    fn emit(&mut self, key: &[u8], value: &[u8]) {
        // SAFETY: an emitter lives only as long as the call that the sink and its context came with.
        unsafe { (self.0.put)(self.0.context, Bytes::of(key), Bytes::of(value)) };
    }
}
