//! Builds the example libraries of a package, as `cargo build --examples` does, so that one test alone can be run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The file of the library `name`, an example of the package under test.
pub(crate) fn library(name: &str) -> PathBuf {
    static EXAMPLES: std::sync::LazyLock<PathBuf> = std::sync::LazyLock::new(build_examples);
    EXAMPLES.join(format!("lib{name}.so"))
}

/// Builds them all, in the profile and the target directory of this test; returns where they are.
fn build_examples() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a directory within the target directory");
    let executable = std::env::current_exe().expect("the test has a file");
    // A test's file is `target/PROFILE/deps/NAME`, and the profile `dev` has the directory `debug`.
    let directory = executable.ancestors().nth(2).expect("the directory of the profile").to_owned();
    let profile = directory.file_name().and_then(|name| name.to_str()).expect("a profile's name");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--examples", "--package", env!("CARGO_PKG_NAME")])
        .args(["--profile", if profile == "debug" { "dev" } else { profile }])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo can be run");
    assert!(built.success(), "the example plugins cannot be built");
    directory.join("examples")
}
