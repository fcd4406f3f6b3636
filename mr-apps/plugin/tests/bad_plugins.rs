//! Whatever is wrong with a plugin, the person who named it reads one sentence about it, and the process lives on.

mod built;

use std::fs;
use std::path::Path;

use mr_core::app::{Guarded, hash_partition};
use mr_plugin::{AppError, Emit, MapInput, Output, Plugin, Reduces, ValueList};
use tempfile::TempDir;

/// What is said of the file at `path`, with `PATH` in place of its name.
fn refusal(path: &Path) -> String {
    let error = Plugin::load(path).map(|plugin| plugin.name().to_owned()).expect_err("a file that is no good plugin");
    error.to_string().replace(&path.display().to_string(), "PATH")
}

/// What is said of the library `name`.
fn refusal_of(name: &str) -> String {
    refusal(&built::library(name))
}

/// What is said of a file with `contents`.
fn refusal_of_contents(contents: &[u8]) -> String {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("file.so");
    fs::write(&path, contents).expect("a temporary file");
    refusal(&path)
}

#[test]
fn a_missing_file_is_missed() {
    let words = "there is no plugin `PATH`: check the name, or build the plugin first";
    assert_eq!(refusal(Path::new("no/such/plugin.so")), words);
}

#[test]
fn a_bare_name_is_a_file_here_and_not_a_library_of_the_system() {
    // libc.so.6 is where every Linux system looks for libraries, and not here.
    let words = "there is no plugin `PATH`: check the name, or build the plugin first";
    assert_eq!(refusal(Path::new("libc.so.6")), words);
    let here = tempfile::Builder::new().suffix(".so").tempfile_in(".").expect("a temporary file");
    fs::copy(built::library("echo"), here.path()).expect("a copy");
    let bare = Path::new(here.path().file_name().expect("a name"));
    assert_eq!(Plugin::load(bare).expect("a good plugin").name(), "mirror");
}

#[test]
fn a_directory_is_no_plugin() {
    assert_eq!(refusal(Path::new("src")), "`PATH` is a directory: name the plugin's `.so` file itself");
}

#[test]
fn a_device_is_no_plugin() {
    assert_eq!(refusal(Path::new("/dev/null")), "`PATH` is not a regular file: name the plugin's `.so` file itself");
}

#[test]
fn text_and_an_empty_file_are_no_libraries() {
    for contents in [&b""[..], b"x", b"fn main() {}\n", b"\x7fELF", &[0; 4096]] {
        let words = refusal_of_contents(contents);
        assert!(words.starts_with("`PATH` is not a shared library of this machine ("), "{words}");
        assert!(words.ends_with("): build the plugin here, as a `cdylib`"), "{words}");
    }
}

#[test]
fn a_library_cut_short_anywhere_is_refused() {
    let whole = fs::read(built::library("echo")).expect("the library");
    for eighths in 0..8 {
        let words = refusal_of_contents(&whole[..whole.len() * eighths / 8]);
        assert!(words.starts_with("`PATH` is not a shared library of this machine ("), "{words}");
    }
    let words = refusal_of_contents(&whole[..whole.len() - 1]);
    assert!(words.starts_with("`PATH` is not a shared library of this machine ("), "{words}");
}

#[test]
fn a_library_whose_segments_lie_beyond_its_end_is_refused() {
    let mut library = fs::read(built::library("echo")).expect("the library");
    let field = |at: usize, library: &[u8]| usize::from(u16::from_ne_bytes([library[at], library[at + 1]]));
    // The 64-bit ELF header has e_phoff at 32, e_phentsize at 54, e_phnum at 56; a program header p_type at 0, p_filesz at 32.
    let (start, size, count) = (field(32, &library), field(54, &library), field(56, &library));
    let loaded = (0..count).map(|index| start + index * size).rfind(|&at| field(at, &library) == 1);
    library[loaded.expect("a segment to load") + 32 + 4] = 1;
    let words =
        "`PATH` is not a shared library of this machine (its end is missing): build the plugin here, as a `cdylib`";
    assert_eq!(refusal_of_contents(&library), words);
}

#[test]
fn a_library_of_another_machine_is_refused() {
    // e_machine of the ELF header: EM_S390.
    let mut library = fs::read(built::library("echo")).expect("the library");
    library[18..20].copy_from_slice(&22_u16.to_ne_bytes());
    let words =
        "`PATH` is not a shared library of this machine (it is for S390x): build the plugin here, as a `cdylib`";
    assert_eq!(refusal_of_contents(&library), words);
}

#[test]
fn a_program_is_no_library_to_load() {
    // e_type of the ELF header: ET_EXEC.
    let mut program = fs::read(built::library("echo")).expect("the library");
    program[16..18].copy_from_slice(&2_u16.to_ne_bytes());
    let words = "`PATH` is not a shared library of this machine (it is of kind Executable): build the plugin here, as a `cdylib`";
    assert_eq!(refusal_of_contents(&program), words);
}

#[test]
fn a_library_without_the_version_is_no_plugin() {
    let words = "`PATH` is a library but not a plugin, for it lacks the symbol `mr_plugin_abi_version`: \
                 export an app with `mr_plugin::export!`";
    assert_eq!(refusal_of("no_plugin"), words);
}

#[test]
fn a_library_without_the_table_is_no_plugin() {
    let words = "`PATH` is a library but not a plugin, for it lacks the symbol `mr_plugin_table`: \
                 export an app with `mr_plugin::export!`";
    assert_eq!(refusal_of("no_table"), words);
}

#[test]
fn another_version_is_to_be_rebuilt() {
    let words = "the plugin `PATH` is of plugin ABI version 3 and this program of version 2: \
                 rebuild the plugin with the `mr-plugin` that came with this program";
    assert_eq!(refusal_of("another_version"), words);
}

#[test]
fn a_table_that_makes_no_sense_is_refused() {
    let broken = |reason: &str| {
        format!("the plugin `PATH` is broken ({reason}): export its app with `mr_plugin::export!`, and rebuild it")
    };
    let size = size_of::<mr_plugin::abi::Table>();
    let word = size_of::<usize>();
    for (name, reason) in [
        ("short_table", format!("its table `mr_plugin_table` is {word} bytes long instead of {size}")),
        ("null_function", "its table `mr_plugin_table` has no function `example`".to_owned()),
        ("name_not_utf8", "with its example `an example` of an argument: the app's name is not UTF-8".to_owned()),
        ("unknown_input_kind", "with its example `an example` of an argument: there is no input kind 9".to_owned()),
    ] {
        assert_eq!(refusal_of(name), broken(&reason), "{name}");
    }
}

fn faulty(fault: &str) -> Result<Guarded, AppError> {
    let plugin = Plugin::load(&built::library("faulty")).expect("a plugin that can be loaded");
    plugin.create(fault).map(Guarded::new)
}

struct Nowhere;

impl Emit for Nowhere {
    fn emit(&mut self, _: &[u8], _: &[u8]) {}
}

fn map(fault: &str) -> Result<(), AppError> {
    faulty(fault)?.map(MapInput { file: "f", offset: 0, data: b"" }, &mut Nowhere)
}

fn reduce(fault: &str) -> Result<(), AppError> {
    let mut buffer = Vec::new();
    let reduced = faulty(fault)?.reduce(b"k", ValueList::new().values(), &mut Output::new(b"k", &mut buffer));
    assert_eq!(buffer.is_empty(), reduced.is_err(), "a failed reduce hands over nothing");
    reduced
}

fn combine(fault: &str) -> Result<(), AppError> {
    faulty(fault)?.combine(b"k", ValueList::new().values(), &mut ValueList::new())
}

fn partition(fault: &str) -> Result<(), AppError> {
    faulty(fault)?.partition(b"k", Reduces::new(4)).map(|_| ())
}

#[test]
fn a_panic_anywhere_is_an_error_in_its_words() {
    for (call, function) in [
        (map as fn(&str) -> Result<(), AppError>, "create"),
        (map, "map"),
        (reduce, "reduce"),
        (combine, "combine"),
        (partition, "partition"),
    ] {
        let words = format!("{function} panicked: {function} went wrong");
        assert_eq!(call(&format!("panic in {function}")), Err(AppError(words)));
        assert_eq!(call("none"), Ok(()));
    }
    let words = "name, version, input or has_combiner panicked: name went wrong";
    assert_eq!(map("panic in name"), Err(AppError::new(words)));
}

#[test]
fn a_panic_in_drop_harms_nobody() {
    assert_eq!(map("panic in drop"), Ok(()));
}

#[test]
fn an_app_is_dropped_with_its_instance() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("dropped");
    let app = faulty(&format!("write on drop {}", file.display())).expect("an app");
    assert!(!file.exists());
    drop(app);
    assert!(file.exists());
}

fn handmade() -> Guarded {
    let plugin = Plugin::load(&built::library("handmade")).expect("a plugin that can be loaded");
    Guarded::new(plugin.create("x").expect("an app"))
}

#[test]
fn bytes_that_are_nowhere_are_not_read() {
    let input = MapInput { file: "f", offset: 0, data: b"" };
    let words = "map panicked: 5 bytes at 0x0 were passed across the plugin ABI";
    assert_eq!(handmade().map(input, &mut Nowhere), Err(AppError::new(words)));
}

#[test]
fn a_failure_without_a_reason_is_still_one() {
    let reduced = handmade().reduce(b"k", ValueList::new().values(), &mut Output::new(b"k", &mut Vec::new()));
    assert_eq!(reduced, Err(AppError::new("the plugin failed and gave no reason")));
}

#[test]
fn a_plugin_without_a_partition_has_the_default_one() {
    for key in ["", "a", "foobar"] {
        let reduces = Reduces::new(1000);
        assert_eq!(handmade().partition(key.as_bytes(), reduces), Ok(hash_partition(key.as_bytes(), reduces)));
    }
}

#[test]
fn combined_values_may_be_none() {
    let mut combined = ValueList::new();
    handmade().combine(b"k", ["v"].into_iter().collect::<ValueList>().values(), &mut combined).expect("a combine");
    assert!(combined.values().is_empty());
}

#[test]
fn an_error_is_passed_on() {
    for (call, function) in
        [(map as fn(&str) -> Result<(), AppError>, "create"), (map, "map"), (reduce, "reduce"), (combine, "combine")]
    {
        let words = format!("{function} will not have it");
        assert_eq!(call(&format!("error in {function}")), Err(AppError(words)));
    }
}

#[test]
fn a_partition_out_of_range_is_not_believed() {
    let words = "partition returned 4 although there are only 4 reduces";
    assert_eq!(partition("error in partition"), Err(AppError::new(words)));
}
