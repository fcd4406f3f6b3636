//! Each app is the same app as a plugin: of the same identity, and with the same records.

#[path = "../plugin/tests/built/mod.rs"]
mod built;

use std::sync::Arc;

use mr_apps::{builtin, builtins};
use mr_core::app::{App, AppError, AppSource, Emit, MapInput, Output, ValueList, ValueRun};
use mr_core::ids::Reduces;
use mr_plugin::Plugin;

const TEXT: &[u8] = b"The quick na\xc3\xafve fox\r\n\xff\0the fox~the fox\n\nA last line, of foxes";

fn plugin(name: &str) -> Plugin {
    Plugin::load(&built::library(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// The app `name` as a plugin, and built in.
fn both(name: &str, argument: &str) -> [Arc<dyn App>; 2] {
    let built_in = builtin(name).expect("an app that is built in");
    [plugin(name).create(argument).expect("a plugin"), built_in.create(argument).expect("an app")]
}

/// Every record `app` makes of [`TEXT`], with the partition it goes to, and what reduce and combine then make of it.
fn everything(app: &dyn App) -> (Vec<Record>, Vec<u8>) {
    let mut records = Records(Vec::new());
    app.map(MapInput { file: "dir/a file", offset: 1 << 40, data: TEXT }, &mut records).expect("a map");
    let mut written = Vec::new();
    for (key, value) in &records.0 {
        let mut values = ValueList::new();
        values.push_run(ValueRun { value, count: 3 });
        app.reduce(key, values.values(), &mut Output::new(key, &mut written)).expect("a reduce");
        let mut combined = ValueList::new();
        app.combine(key, values.values(), &mut combined).expect("a combine");
        app.reduce(key, combined.values(), &mut Output::new(key, &mut written)).expect("a reduce");
        written.extend(app.partition(key, Reduces::new(1000)).0.to_le_bytes());
    }
    (records.0, written)
}

type Record = (Vec<u8>, Vec<u8>);

struct Records(Vec<Record>);

impl Emit for Records {
    fn emit(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), value.to_vec()));
    }
}

#[test]
fn plugins_have_the_identity_of_the_built_in() {
    for app in builtins() {
        assert_eq!(*plugin(app.name()).identity(), app.identity());
    }
}

#[test]
fn plugins_make_the_records_of_the_built_in() {
    for (name, argument, records) in
        [("wc", "", 13), ("indexer", "", 10), ("grep", "fox", 3), ("sort", "", 4), ("nocrash", "", 4)]
    {
        let [plugin, built_in] = both(name, argument);
        assert_eq!(plugin.has_combiner(), built_in.has_combiner(), "{name}");
        let (emitted, written) = everything(&*plugin);
        assert_eq!(emitted.len(), records, "{name}: {emitted:?}");
        assert_eq!((emitted, written), everything(&*built_in), "{name}");
    }
}

#[test]
fn plugins_refuse_arguments_as_the_built_in_do() {
    for (name, argument) in [("wc", "-l"), ("grep", ""), ("grep", "a(")] {
        let refusal = |app: Result<Arc<dyn App>, AppError>| app.err().expect("a refusal");
        let built_in = builtin(name).expect("an app that is built in").create(argument);
        assert_eq!(refusal(plugin(name).create(argument)), refusal(built_in), "{name} {argument}");
    }
}
