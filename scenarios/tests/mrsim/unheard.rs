//! Nobody reads what is printed, or no disk takes what is written: exit codes and whatever else is written stay what they were.

use std::fs::File;
use std::io;
use std::process::Stdio;

use super::*;

/// A pipe that nobody reads from.
fn nobody() -> Stdio {
    io::pipe().unwrap().1.into()
}

/// A disk without room.
fn full_disk() -> Stdio {
    File::create("/dev/full").unwrap().into()
}

#[test]
fn a_reader_that_goes_away_changes_neither_results_nor_exit_codes() {
    let folder = folder(&[("rotten", ROTTEN_INPUT)]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (heard, unheard) = (path("heard"), path("unheard"));
    let run = |json: &str| command_in(&folder, &["run", "--seeds", "0..5", "--json", json]);
    assert_eq!(run(&heard).output().unwrap().status.code(), Some(1));
    fs::remove_dir_all(folder.path().join("failures")).unwrap();
    assert_eq!(run(&unheard).stdout(nobody()).status().unwrap().code(), Some(1));
    assert_eq!(json(Path::new(&unheard)), json(Path::new(&heard)), "nothing is missing");
    let plan = path(&format!("failures/rotten-{}/plan.toml", json(Path::new(&heard))[0]["seed"]));
    for arguments in
        [&["replay", "--plan", &plan, "--timeline"][..], &["merge", &unheard], &["shrink", "--plan", &plan]]
    {
        let status = command_in(&folder, arguments).stdout(nobody()).stderr(nobody()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
    assert_eq!(command_in(&folder, &["list"]).stdout(nobody()).status().unwrap().code(), Some(0));
    assert_eq!(command_in(&folder, &["run", "lost"]).stderr(nobody()).status().unwrap().code(), Some(2));
}

#[test]
fn what_cannot_be_written_is_told_and_hides_no_failure() {
    let folder = folder(&[("rotten", ROTTEN_INPUT), ("fine", FINE)]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (results, no_folder) = (path("results"), path("results/failures"));
    let taken = path("taken");
    fs::create_dir(&taken).unwrap();
    for seed in 0..5 {
        fs::write(path(&format!("taken/rotten-{seed}")), "a file where a folder should be").unwrap();
    }
    for (name, code) in [("rotten", 1), ("fine", 2)] {
        let run = |arguments: &[&str]| command_in(&folder, &[&["run", name, "--seeds", "0..5"], arguments].concat());
        let outputs = [run(&[]).stdout(full_disk()).output().unwrap(), run(&["--json", "/dev/full"]).output().unwrap()];
        for output in outputs {
            assert_eq!(output.status.code(), Some(code), "{name}");
            assert!(stderr(&output).contains("cannot write the results: "), "{}", stderr(&output));
        }
    }
    let options = ["--seeds", "0..5", "--json", &results, "--failures", &taken];
    let output = mrsim_in(&folder, &[&["run", "rotten"], &options[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&taken) && stdout(&output).contains("FAILED rotten"), "{}", stdout(&output));
    let whole = json(Path::new(&results)).iter().map(|line| line["kind"].clone()).collect::<Vec<_>>();
    assert!(whole.contains(&"total".into()) && whole.contains(&"report".into()), "{whole:?}");
    let seed = json(Path::new(&results))[0]["seed"].to_string();
    let shrunk = mrsim_in(&folder, &["shrink", "rotten", &seed, "--output", &no_folder]);
    assert_eq!(shrunk.status.code(), Some(1));
    assert!(stdout(&shrunk).contains("breaks = \"outputs\""), "what took long is not lost: {}", stdout(&shrunk));
}
