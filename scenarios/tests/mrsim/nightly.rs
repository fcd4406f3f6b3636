//! The script around a nightly campaign, `ci/fuzz`: what it refuses, it refuses before the night.

use super::*;

/// `ci/fuzz` with these variables, for a moment.
fn fuzz(mrsim: &str, out: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/fuzz");
    let mut command = Command::new(script);
    command.args(["--for", "10ms", "--first-seed", "0", "tiny", "--out"]).arg(out).env("MRSIM", mrsim);
    command.output().unwrap()
}

#[test]
fn a_nightly_campaign_begins_with_a_program_and_without_old_results() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("fuzz");
    let wrong = fuzz("no/such/mrsim", &out);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("MRSIM names no program: 'no/such/mrsim'"), "{}", stderr(&wrong));
    let first = fuzz(env!("CARGO_BIN_EXE_mrsim"), &out);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let again = fuzz(env!("CARGO_BIN_EXE_mrsim"), &out);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("has results of an earlier run"), "{}", stderr(&again));
}
