//! A campaign that somebody stops, or kills: what it has found is not lost.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ExitStatus, Stdio};

use super::*;

/// A campaign without end that has begun.
struct Running {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(folder: &TempDir, json: &str) -> Self {
        let arguments = ["run", "--seeds", "0..", "--json", json, "--shrink-for", "10m"];
        let mut command = listening(&command_in(folder, &arguments));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut String::new()).unwrap();
        Self { child, said }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Until it has understood a signal.
    fn until_it_says_so(&mut self) {
        let mut line = String::new();
        BufReader::new(self.child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("interrupted"), "{line}");
    }

    /// How it ends, and what it says by then.
    fn end(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

/// `command`, so that it hears signals, even where the tests are run by something that ignores them, as a shell has what it runs in the
/// background do.
fn listening(command: &Command) -> Command {
    let mut listening = Command::new("env");
    listening.arg("--default-signal=INT,HUP,TERM").arg(command.get_program()).args(command.get_args());
    listening
}

/// Until something is in the file.
fn wait_for_failure(path: &Path) {
    while fs::read_to_string(path).unwrap_or_default().lines().count() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn the_first_signal_ends_it_with_all_that_it_has_found() {
    for (signal, case, code) in [("INT", ("fine", FINE), 130), ("TERM", ("endless", ENDLESS), 3)] {
        let folder = folder(&[case]);
        let file = folder.path().join("results.jsonl");
        let running = Running::start(&folder, file.to_str().unwrap());
        if code == 3 {
            wait_for_failure(&file);
        }
        running.signal(signal);
        let (status, said) = running.end();
        assert_eq!(status.code(), Some(code), "{said}");
        assert!(said.contains("interrupted: this is what it had come to"), "{said}");
        assert_eq!(said.contains("FAILED endless"), code == 3, "{said}");
        let lines = json(&file);
        let total = lines.iter().find(|line| line["kind"] == "total").expect("the sums are there");
        assert_eq!([&total["interrupted"], &total["ended_early"]], [true, true]);
        let failures = lines.iter().filter(|line| line["kind"] == "failure").count();
        assert_eq!(total["failed"], failures);
        let merged = mrsim(&["merge", file.to_str().unwrap()]);
        assert_eq!(merged.status.code(), Some(2), "{}", stdout(&merged));
        assert!(stderr(&merged).contains("that campaign was interrupted"), "{}", stderr(&merged));
        assert_eq!(mrsim(&["merge", "--partial", file.to_str().unwrap()]).status.code(), Some(code));
    }
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let folder = folder(&[("endless", ENDLESS)]);
    let file = folder.path().join("results.jsonl");
    let mut running = Running::start(&folder, file.to_str().unwrap());
    wait_for_failure(&file);
    running.signal("INT");
    running.until_it_says_so();
    running.signal("INT");
    assert_eq!(running.end().0.code(), Some(130), "nobody waits for the report");
}

#[test]
fn what_a_killed_campaign_has_found_is_told_and_can_be_added_up() {
    let folder = folder(&[("endless", ENDLESS), ("fine", FINE)]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (whole, killed) = (path("whole"), path("killed"));
    for (shard, file) in [("1/2", &whole), ("2/2", &killed)] {
        mrsim_in(&folder, &["run", "--seeds", "0..8", "--reports", "0", "--shard", shard, "--json", file]);
    }
    // In the middle of its fourth line.
    let text = fs::read_to_string(&killed).unwrap();
    let third = text.match_indices('\n').nth(2).unwrap().0;
    fs::write(&killed, &text[..third + 40]).unwrap();
    let refused = mrsim(&["merge", &whole, &killed]);
    assert_eq!(refused.status.code(), Some(2));
    for words in ["was cut off", "of 3 failures:", "endless, seed 1: finishes", "--partial"] {
        assert!(stderr(&refused).contains(words), "{words}: {}", stderr(&refused));
    }
    let partial = mrsim(&["merge", "--partial", &whole, &killed]);
    assert_eq!(partial.status.code(), Some(3), "{}", stderr(&partial));
    for words in ["partial: ", "all that counts of it are its failures", "missing: 2/2 of", "7 of 11 failed"] {
        assert!(stdout(&partial).contains(words), "{words}: {}", stdout(&partial));
    }
    let twice = mrsim(&["merge", "--partial", &whole, &killed, &killed]);
    assert_eq!(twice.status.code(), Some(2), "{}", stdout(&twice));
    assert!(stderr(&twice).contains("another file has endless, seed 1, as well"), "{}", stderr(&twice));
    let without = mrsim(&["merge", &whole]);
    assert!(stderr(&without).contains("missing: 2/2"), "{}", stderr(&without));
}
