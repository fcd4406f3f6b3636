//! How a worker process is started: from the very program that runs, with the lock of the output directory.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::RunArguments;
use super::plugin::RunApp;
use crate::cli::Failure;
use crate::real::address::RealAddress;

/// How long the workers of a cluster look for a coordinator that says nothing: longer than they wait for one answer, or a machine that has
/// no time for any of us would end the job. One that has died is noticed sooner by those who have had an answer of it.
pub(in crate::programs) const RETRY_FOR: Duration = Duration::from_secs(10);

/// The file that this process was started from, whatever bears its name by now: a job may well outlive the next build.
const OWN_FILE: &str = "/proc/self/exe";

/// How to start a worker.
pub(super) struct WorkerCommand {
    program: PathBuf,
    name: OsString,
    arguments: Vec<String>,
    lock: File,
    heard: bool,
}

impl WorkerCommand {
    /// One that runs `app` for the coordinator at `address` and holds the `lock` of the output directory as long as it lives. If it is to be
    /// `heard`, what it says on stderr is for whoever started it to pass on.
    pub(super) fn new(
        run: &RunArguments,
        app: &RunApp,
        address: &RealAddress,
        lock: &File,
        heard: bool,
    ) -> Result<Self, Failure> {
        let lock = lock.try_clone().map_err(|error| cannot_start(&error))?;
        let own_file = Path::new(OWN_FILE);
        let program = if own_file.exists() { Ok(own_file.to_owned()) } else { env::current_exe() };
        let program =
            program.map_err(|error| Failure::Environment(format!("cannot find this program's own file: {error}")))?;
        let name = env::args_os().next().unwrap_or_else(|| "mr".into());
        let mut arguments = vec![
            "worker".to_owned(),
            "--of-a-run".to_owned(),
            format!("--coordinator={address}"),
            format!("--retry-for={}", humantime::format_duration(RETRY_FOR)),
            format!("--slots={}", run.worker.slots),
            format!("--memory={}", run.worker.memory),
            format!("--out={}", run.worker.out),
            format!("--dir={}", run.worker.dir()),
            format!("--log={}", log_of_workers(&run.log.log)),
        ];
        arguments.extend(app.copy.as_ref().map(|copy| format!("--copy-of-app={copy}")));
        arguments.extend(["--".to_owned(), run.app.clone()]);
        Ok(Self { program, name, arguments, lock, heard })
    }

    /// One that does nothing for a long time.
    #[cfg(test)]
    pub(super) fn sleeping() -> Self {
        let lock = tempfile::tempfile().expect("a file");
        Self { program: "sleep".into(), name: "sleep".into(), arguments: vec!["1000".to_owned()], lock, heard: false }
    }

    /// Starts one.
    pub(super) fn spawn(&self) -> Result<Child, Failure> {
        let lock = self.lock.try_clone().map_err(|error| cannot_start(&error))?;
        let mut command = Command::new(&self.program);
        command.arg0(&self.name).args(&self.arguments).stdin(lock).kill_on_drop(true);
        if self.heard {
            command.stderr(Stdio::piped());
        }
        command.spawn().map_err(|error| cannot_start(&error))
    }
}

/// How much workers tell of a run that tells as much as `level` says. Of an attempt that failed the coordinator warns in the same words.
fn log_of_workers(level: &str) -> &str {
    if level == "warn" { "warn,mr_core::worker::attempt=error" } else { level }
}

fn cannot_start(error: &io::Error) -> Failure {
    Failure::Environment(format!("cannot start a worker process: {error}"))
}
