//! An app does the same behind the ABI as in front of it, with any bytes at all.

mod built;
#[path = "plugins/mirror.rs"]
mod mirror;

use std::sync::{Arc, LazyLock};

use mirror::Mirror;
use mr_plugin::{App, AppIdentity, Emit, InputKind, MapInput, Output, Partition, Plugin, Reduces, ValueList, ValueRun};
use proptest::collection::vec;
use proptest::prelude::*;

static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| Plugin::load(&built::library("echo")).expect("a good plugin"));

/// The app by way of the plugin, and directly.
fn both(argument: &str) -> [Arc<dyn App>; 2] {
    [PLUGIN.create(argument).expect("any argument"), Arc::new(Mirror::new(argument).expect("any argument"))]
}

#[derive(Default)]
struct Emitted(Vec<(Vec<u8>, Vec<u8>)>);

impl Emit for Emitted {
    fn emit(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), value.to_vec()));
    }
}

fn map(app: &dyn App, file: &str, offset: u64, data: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut emitted = Emitted::default();
    app.map(MapInput { file, offset, data }, &mut emitted).expect("a mirror maps anything");
    emitted.0
}

fn reduce(app: &dyn App, key: &[u8], values: &ValueList) -> (Vec<u8>, u64) {
    let mut buffer = b"before".to_vec();
    let mut output = Output::new(key, &mut buffer);
    output.raw(b"!", 2);
    app.reduce(key, values.values(), &mut output).expect("a mirror reduces anything");
    let records = output.records();
    (buffer, records)
}

fn combine(app: &dyn App, key: &[u8], values: &ValueList) -> Vec<(Vec<u8>, u64)> {
    let mut combined = ValueList::new();
    app.combine(key, values.values(), &mut combined).expect("a mirror combines anything");
    combined.values().runs().map(|run| (run.value.to_vec(), run.count)).collect()
}

#[test]
fn a_plugin_tells_its_identity_before_it_has_an_argument() {
    let identity = AppIdentity { name: "mirror".into(), version: "7, polished".into(), input: InputKind::Line };
    assert_eq!(PLUGIN.name(), "mirror");
    assert_eq!(*PLUGIN.identity(), identity);
    assert_eq!(AppIdentity::of(&*PLUGIN.create("x").expect("an argument")), identity);
    assert!(PLUGIN.create("x").expect("an argument").has_combiner());
}

#[test]
fn what_a_plugin_without_a_version_is_told_by_is_the_build() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = |name: &str, more: &[u8]| {
        let path = directory.path().join(name);
        let mut bytes = std::fs::read(built::library("faulty")).expect("a plugin");
        bytes.extend_from_slice(more);
        std::fs::write(&path, bytes).expect("a file");
        Plugin::load(&path).expect("a good plugin").identity().clone()
    };
    let [one, same, other] = [place("one.so", b""), place("same.so", b""), place("other.so", b"\0")];
    assert!(one.to_string().starts_with("faulty of build "), "{one}");
    assert_eq!(one, same, "whatever the file is called");
    assert_ne!(one, other);
}

#[test]
fn an_instance_outlives_the_plugin_it_came_from() {
    let app = Plugin::load(&built::library("echo")).expect("a good plugin").create("late").expect("an argument");
    assert_eq!(map(&*app, "f", 0, b"data")[1], (b"data".to_vec(), b"late".to_vec()));
}

#[test]
fn several_threads_use_one_instance_at_once() {
    let [plugin, _] = both("shared");
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let app = &*plugin;
            scope.spawn(move || {
                for call in 0..500 {
                    let file = format!("file {thread}");
                    assert_eq!(map(app, &file, call, b"")[0], (file.into_bytes(), call.to_le_bytes().to_vec()));
                }
            });
        }
    });
}

#[test]
fn a_panic_of_the_hosts_own_emit_goes_on_after_the_plugin_returned() {
    struct Full(u32);

    impl Emit for Full {
        fn emit(&mut self, _: &[u8], _: &[u8]) {
            self.0 += 1;
            panic!("no room");
        }
    }

    let [plugin, _] = both("x");
    let mut full = Full(0);
    let input = MapInput { file: "f", offset: 0, data: b"d" };
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| plugin.map(input, &mut full)))
        .expect_err("the panic goes on");
    assert_eq!(panic.downcast_ref(), Some(&"no room"));
    assert_eq!(full.0, 1, "nothing more is emitted after a panic");
}

proptest! {
    #[test]
    fn map_is_the_same(argument in "\\PC{1,20}", file in "\\PC*", offset: u64, data: Vec<u8>) {
        let [plugin, direct] = both(&argument);
        prop_assert_eq!(map(&*plugin, &file, offset, &data), map(&*direct, &file, offset, &data));
    }

    #[test]
    fn reduce_and_combine_are_the_same(
        key: Vec<u8>,
        runs in vec((vec(prop_oneof![Just(0_u8), Just(0xff), any::<u8>()], 0..5), 1_u64..1 << 40), 0..20),
    ) {
        let mut values = ValueList::new();
        for (value, count) in &runs {
            values.push_run(ValueRun { value, count: *count });
        }
        let [plugin, direct] = both("x");
        prop_assert_eq!(reduce(&*plugin, &key, &values), reduce(&*direct, &key, &values));
        prop_assert_eq!(combine(&*plugin, &key, &values), combine(&*direct, &key, &values));
    }

    #[test]
    fn partition_is_the_same(key: Vec<u8>, reduces in 1_u32..) {
        let [plugin, direct] = both("x");
        let reduces = Reduces::new(reduces);
        prop_assert_eq!(plugin.partition(&key, reduces), direct.partition(&key, reduces));
        prop_assert_eq!(plugin.partition(b"\x03", reduces), Partition(3 % reduces.get()));
    }
}
