//! What the process tests share: a directory of their own, text to work on, and processes that never outlive a test.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Longer than anything here takes, on a machine however busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);

/// The names of the course's eight books: some of its apps act by name.
const BOOKS: [&str; 8] = [
    "being_ernest",
    "dorian_gray",
    "frankenstein",
    "grimm",
    "huckleberry_finn",
    "metamorphosis",
    "sherlock_holmes",
    "tom_sawyer",
];

/// A directory for one test.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    /// Where programs started here put temporary files: one that is killed leaves what it has there.
    temporary: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let make = || tempfile::Builder::new().prefix("mr-test-").tempdir().unwrap();
        Self { directory: make(), temporary: make() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where programs started here put temporary files.
    pub(crate) fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Eight books in `books/`: those in `MR_CORPUS` if it is set, else made up. Their paths, from within this place.
    pub(crate) fn books(&self) -> Vec<String> {
        let real = std::env::var_os("MR_CORPUS").map(PathBuf::from);
        for (number, book) in (1..).zip(BOOKS) {
            let name = format!("pg-{book}.txt");
            let text = match &real {
                Some(corpus) => fs::read(corpus.join(&name)).unwrap(),
                None => prose(number, 3000).into_bytes(),
            };
            self.write(&format!("books/{name}"), text);
        }
        BOOKS.iter().map(|book| format!("books/pg-{book}.txt")).collect()
    }

    /// `count` small files `w/0`, `w/1`, … with ten different words between them.
    pub(crate) fn words(&self, count: u32) -> Vec<String> {
        let names: Vec<String> = (0..count).map(|i| format!("w/{i}")).collect();
        for (i, name) in (0..).zip(&names) {
            let words: Vec<String> = (0..30).map(|j: u32| format!("word{}", (i * 7 + j) % 10)).collect();
            self.write(name, words.join(" "));
        }
        names
    }

    /// Everything below the directory `name`, sorted.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.join(name)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The numbers of the processes that run in this place.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let here = |process: &PathBuf| {
            let in_place = fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == self.path());
            // That of one that has ended, and of which only the number is left, is empty.
            in_place && fs::read(process.join("cmdline")).is_ok_and(|line| !line.is_empty())
        };
        let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        all.filter(here).filter_map(|process| process.file_name()?.to_str()?.parse().ok()).collect()
    }

    /// The job's directory of temporary files in `name`, as soon as it holds a file that `wanted` likes.
    pub(crate) fn await_temporary(&self, name: &str, wanted: impl Fn(&str) -> bool) -> PathBuf {
        let mut found = None;
        eventually("a temporary file", || {
            let jobs = self.list(name).into_iter().filter(|entry| entry.starts_with("mr-job-"));
            let files = jobs.map(|job| self.join(name).join(job)).filter_map(|job| fs::read_dir(job).ok()).flatten();
            let mut files = files.filter_map(|entry| entry.ok().map(|entry| entry.path()));
            found = files.find(|file| wanted(file.file_name().unwrap().to_str().unwrap()));
            found.is_some()
        });
        found.unwrap()
    }

    /// The bytes of `mr-out-0` to `mr-out-(reduces - 1)` in the directory `name`, which must hold no other `mr-` files.
    pub(crate) fn outputs(&self, name: &str, reduces: usize) -> Vec<Vec<u8>> {
        let mut expected: Vec<_> = (0..reduces).map(|i| format!("mr-out-{i}")).collect();
        expected.sort();
        let found: Vec<_> = self.list(name).into_iter().filter(|entry| entry.starts_with("mr-")).collect();
        assert_eq!(found, expected, "in {name}");
        (0..reduces).map(|i| fs::read(self.join(name).join(format!("mr-out-{i}"))).unwrap()).collect()
    }

    /// What `mrsequential` says that each partition's output must be.
    pub(crate) fn oracle(&self, app: &str, argument: &str, inputs: &[String], reduces: usize) -> Vec<Vec<u8>> {
        let out = self.directory("oracle");
        let mut command = self.program("mrsequential");
        command.args([app, "--arg", argument, "--reduces", &reduces.to_string(), "--out"]).arg(&out).args(inputs);
        Process::start("mrsequential", command).succeed();
        let outputs = self.outputs("oracle", reduces);
        fs::remove_dir_all(out).unwrap();
        outputs
    }

    /// A program of ours, to be started in this place.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = listening();
        command.arg(program(name));
        command.current_dir(self.path()).env("TMPDIR", self.temporary());
        command
    }

    /// A program of ours, to be started in this place by a shell that runs `script`, in which `"$0" "$@"` is the program.
    pub(crate) fn program_in_shell(&self, name: &str, script: &str) -> Command {
        let mut command = listening();
        command.arg("sh");
        command.current_dir(self.path()).env("TMPDIR", self.temporary()).args(["-c", script]).arg(program(name));
        command
    }

    pub(crate) fn mr_run(&self, app: &str, inputs: &[String], options: &[&str]) -> Process {
        let mut command = self.program("mr");
        command.args(["run", app]).args(inputs).args(options);
        Process::start("mr run", command)
    }

    /// A coordinator on the socket `sock`, with its log shown unless the options say otherwise.
    pub(crate) fn coordinator(&self, inputs: &[String], options: &[&str]) -> Process {
        let mut command = self.program("mrcoordinator");
        command.arg("sock").args(inputs).args(options);
        if !options.contains(&"--log") {
            command.args(["--log", "info"]);
        }
        Process::start("mrcoordinator", command)
    }

    /// A worker for the coordinator on the socket `sock`.
    pub(crate) fn worker(&self, app: &str) -> Process {
        let mut command = self.program("mrworker");
        command.args([app, "sock", "--log", "info"]);
        Process::start("mrworker", command)
    }
}

/// Words of a small made-up language, the same for the same seed: frequent and rare ones, some with an umlaut.
pub(crate) fn prose(seed: u64, words: u32) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::new();
    for i in 1..=words {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let rank = (1 << (state % 10)) + (state >> 20) % (1 << (state % 10));
        let vowel = ["a", "e", "i", "ö"][rank as usize % 4];
        let letters: String = format!("{rank:x}").bytes().map(|digit| char::from(b'b' + digit % 16)).collect();
        text += &format!("{letters}{vowel}{}", if i % 11 == 0 { ".\n" } else { " " });
    }
    text
}

/// What starts a program so that it hears signals, even where the tests are run by something that ignores them, as a shell has what it runs
/// in the background do.
fn listening() -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=INT,HUP,TERM");
    command
}

fn program(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_mr")).with_file_name(name)
}

/// The plugin file of an app of `mr-apps`, or of the test app `moody`.
pub(crate) fn plugin(app: &str) -> String {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let examples = BUILT.get_or_init(|| {
        let programs = Path::new(env!("CARGO_BIN_EXE_mr")).parent().unwrap();
        let profile = match programs.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--examples", "--package=mr", "--package=mr-apps", "--profile", profile]);
        cargo.arg("--target-dir").arg(programs.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(cargo.status().unwrap().success(), "the plugins can be built");
        programs.join("examples")
    });
    examples.join(format!("lib{app}.so")).into_os_string().into_string().unwrap()
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal by its name, as `kill` knows it.
pub(crate) fn send(signal: &str, pid: u32) {
    let status = Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap();
    assert!(status.success(), "process {pid} could not be sent SIG{signal}");
}

/// A process that is killed when the test ends, and whose output is kept.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    output: tempfile::TempDir,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    pub(crate) fn start(name: &'static str, command: Command) -> Self {
        Self::spawn(name, command, |file| file)
    }

    /// One of which nothing is kept: it writes to `ear` whatever it says.
    pub(crate) fn unheard(name: &'static str, command: Command, ear: &File) -> Self {
        Self::spawn(name, command, |_| ear.try_clone().unwrap())
    }

    fn spawn(name: &'static str, mut command: Command, stream: impl Fn(File) -> File) -> Self {
        let output = tempfile::tempdir().unwrap();
        let open = |name: &str| stream(File::create(output.path().join(name)).unwrap());
        let child = command.stdin(Stdio::null()).stdout(open("out")).stderr(open("err")).spawn();
        Self { name, child: child.unwrap_or_else(|error| panic!("{name}: {error}")), output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.output.path().join("err")).unwrap()
    }

    pub(crate) fn await_log(&self, words: &str) {
        let name = self.name;
        let started = Instant::now();
        while !self.stderr().contains(words) {
            assert!(started.elapsed() < PATIENCE, "{name} never said `{words}`:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal by its name, as `kill` knows it.
    pub(crate) fn signal(&self, signal: &str) {
        send(signal, self.pid());
    }

    pub(crate) fn wait(mut self) -> Finished {
        let started = Instant::now();
        while !self.has_ended() {
            assert!(started.elapsed() < PATIENCE, "{} does not end:\n{}", self.name, self.stderr());
            std::thread::sleep(Duration::from_millis(5));
        }
        let code = self.child.wait().unwrap().code();
        let stdout = fs::read_to_string(self.output.path().join("out")).unwrap();
        Finished { code, stdout, stderr: self.stderr() }
    }

    pub(crate) fn succeed(self) -> Finished {
        let name = self.name;
        let finished = self.wait();
        assert_eq!(finished.code, Some(0), "{name}:\n{}", finished.stderr);
        finished
    }

    /// Waits for a worker to leave. On a busy machine one may start so late that the job is done without it; it then finds no
    /// coordinator and says so.
    #[track_caller]
    pub(crate) fn leave(self) {
        let finished = self.wait();
        let came_too_late = finished.code == Some(3) && finished.stderr.contains("the coordinator has not answered");
        assert!(finished.code == Some(0) || came_too_late, "{finished:?}");
    }

    /// Waits for the process to fail with exit code `code` and one line on stderr that has all of `words`.
    #[track_caller]
    pub(crate) fn refuse(self, code: i32, words: &[&str]) {
        let finished = self.wait();
        assert_eq!(finished.code, Some(code), "{finished:?}");
        for word in words {
            assert!(finished.stderr.contains(word), "`{word}` is not in: {}", finished.stderr);
        }
        assert_eq!(finished.stderr.trim_end().lines().count(), 1, "{}", finished.stderr);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All lines of all outputs, sorted: what the course's own test compares.
pub(crate) fn sorted_lines(outputs: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> =
        outputs.iter().flat_map(|output| output.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec)).collect();
    lines.sort();
    lines
}
