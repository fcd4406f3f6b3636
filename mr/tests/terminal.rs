//! What a person at a terminal sees: progress bars, and above them whole all that is said meanwhile.

mod support;

use std::process::Command;

use support::{Place, Process, plugin};

/// More than is said, so that nothing leaves the screen; and wider than any line.
const ROWS: u16 = 300;
const COLUMNS: u16 = 400;

#[test]
fn progress_bars_wipe_out_nothing() {
    let place = Place::new();
    if !Command::new("script").arg("--version").output().is_ok_and(|ended| ended.status.success()) {
        eprintln!("skipped: there is no `script`, which makes terminals");
        return;
    }
    place.words(8);
    let (program, app) = (env!("CARGO_BIN_EXE_mr"), plugin("moody"));
    let options = "--workers 2 --arg 'map=100 exit-once=7' --task-timeout 100s --log info --out out";
    let line = format!("stty rows {ROWS} cols {COLUMNS} && '{program}' run '{app}' {options} w/*");
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(place.path()).env("TMPDIR", place.temporary());
    command.env("TERM", "xterm").env("NO_COLOR", "1");
    let shown = Process::start("script", command).succeed().stdout;
    assert!(shown.contains("of 8 tasks"), "there are bars: {shown}");

    let mut terminal = vt100::Parser::new(ROWS, COLUMNS, 0);
    terminal.process(shown.as_bytes());
    let screen = terminal.screen().contents();
    let count = |words: [&str; 3]| {
        let is_whole = |line: &&str| line.starts_with("20") && words.iter().all(|word| line.contains(word));
        screen.lines().filter(is_whole).count()
    };
    let death = ["  WARN mr::programs::run::cluster: worker process died", "worker=", "status=\"exit status: 7\""];
    assert_eq!(count(death), 1, "{screen}");
    // Eight maps, ten reduces, and the map of the worker that died.
    for what in
        ["INFO mr_core::coordinator::log: assigned worker=w", "INFO mr_core::worker::attempt: attempt started worker=w"]
    {
        assert_eq!(count([what, " task=", " attempt="]), 19, "{what}\n{screen}");
    }
}
