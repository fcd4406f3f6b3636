//! `mrsequential`: the same job done plainly by one process, as something to compare with.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use clap::Parser;
use futures::{FutureExt, select_biased};
use mr_core::app::Guarded;
use mr_core::ids::Reduces;
use mr_core::sequential;
use world::World;

use super::inputs::check_inputs;
use super::outputs::{Belonging, Outputs};
use super::signals::told_to_end;
use crate::cli::{EXIT_CODES, Failure, LogOptions, STYLES, directory, find_app, reduce_count, start_log};
use crate::real::RealWorld;

/// Runs a MapReduce job in one process, one step after the other, and writes everything to mr-out-0.
///
/// Made to be plainly right, not fast: all intermediate records are held in memory.
#[derive(Debug, Parser)]
#[command(name = "mrsequential", version, styles = STYLES, after_help = EXIT_CODES)]
pub struct SequentialArguments {
    /// The app: the name of a built-in one, or the `.so` file of a plugin
    pub app: String,

    /// Input files, regular ones
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<Utf8PathBuf>,

    /// Write one output per partition, as a job with N reduces does [default: everything to mr-out-0]
    #[arg(long, value_name = "N", value_parser = reduce_count)]
    pub reduces: Option<NonZeroU32>,

    /// What the app is given to start with, such as grep's pattern
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub arg: String,

    /// Directory for the outputs, mr-out-*; made if it does not exist and, with --reduces, rid of those of an earlier job
    #[arg(long, value_name = "DIR", default_value = ".", value_parser = directory)]
    pub out: Utf8PathBuf,

    /// How much to tell.
    #[command(flatten)]
    pub log: LogOptions,
}

/// Runs the job and writes its outputs.
///
/// # Errors
///
/// When an input cannot be read, the app fails, or an output cannot be written.
pub async fn run(arguments: SequentialArguments) -> Result<(), Failure> {
    start_log(&arguments.log)?;
    let mut told_to_end = told_to_end()?.boxed().fuse();
    let (place, outputs) = select_biased! {
        () = told_to_end => return Err(Failure::Interrupted),
        computed = compute(&arguments).fuse() => computed?,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let writer = Writer { stop: stop.clone(), rid_of_earlier: arguments.reduces.is_some() };
    let mut writing = pin!(RealWorld::new().compute(async move { writer.write_all(&place, &outputs) }).fuse());
    select_biased! {
        written = writing => return written,
        () = told_to_end => stop.store(true, Ordering::Relaxed),
    }
    // What it is about to write has no name yet and goes with it.
    writing.await
}

/// Computes all outputs, and where they go.
async fn compute(arguments: &SequentialArguments) -> Result<(Outputs, Vec<Vec<u8>>), Failure> {
    let source = find_app(&arguments.app)?;
    check_inputs(&arguments.files)?;
    let app =
        source.create(&arguments.arg).map_err(|error| Failure::Usage(format!("the app cannot start: {error}")))?;
    // In the course's form the one output is looked at beside those of a job, which are not ours to remove.
    let belonging = if arguments.reduces.is_some() { Belonging::All } else { Belonging::First };
    let place = Outputs::claim(&arguments.out, &arguments.files, belonging).await?;
    let inputs: Vec<String> = arguments.files.iter().map(ToString::to_string).collect();
    let reduces = arguments.reduces.map(Reduces);
    let world = RealWorld::new();
    // On a thread of its own, which is left behind when this program is told to end.
    let job = {
        let world = world.clone();
        async move { sequential::run(&world, &Guarded::new(app), &inputs, reduces).await }
    };
    let outputs = world.compute(job).await.map_err(|error| Failure::Job(error.to_string()))?;
    Ok((place, outputs))
}

/// How the names of files begin that are being written, and how many letters and digits follow.
const TEMPORARY: (&str, usize) = ("mr-sequential-", 6);

/// After how many bytes a writer looks up.
const STRETCH: usize = 1 << 20;

/// Whether a file of that name is one that some sequential job is writing, or was writing when it was killed.
pub(super) fn is_temporary(name: &str) -> bool {
    let (prefix, letters) = TEMPORARY;
    let rest = name.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.len() == letters && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Puts outputs in place until it is to stop.
struct Writer {
    stop: Arc<AtomicBool>,
    /// Whether outputs of an earlier job go first.
    rid_of_earlier: bool,
}

impl Writer {
    fn write_all(&self, place: &Outputs, outputs: &[Vec<u8>]) -> Result<(), Failure> {
        if self.rid_of_earlier {
            place.remove_earlier()?;
        }
        for (partition, output) in outputs.iter().enumerate() {
            let path = place.directory().join(format!("mr-out-{partition}"));
            self.write_whole(&path, output).map_err(|error| match self.is_to_stop() {
                true => Failure::Interrupted,
                false => Failure::Environment(format!("cannot write `{path}`: {error}")),
            })?;
        }
        Ok(())
    }

    /// Writes a file so that nobody ever sees a part of it.
    fn write_whole(&self, path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
        let directory = path.parent().filter(|parent| !parent.as_str().is_empty()).unwrap_or(Utf8Path::new("."));
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let (prefix, letters) = TEMPORARY;
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(prefix).rand_bytes(letters).permissions(permissions);
        let mut temporary = builder.tempfile_in(directory)?;
        for stretch in bytes.chunks(STRETCH) {
            temporary.write_all(stretch)?;
            if self.is_to_stop() {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        temporary.as_file().sync_all()?;
        temporary.persist(path)?;
        File::open(directory)?.sync_all()
    }

    fn is_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn who_is_to_stop_while_it_writes_leaves_nothing_half_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap();
        let place = Outputs::claim(path, &[], Belonging::All).await.unwrap();
        let writer = |stop: bool| Writer { stop: Arc::new(stop.into()), rid_of_earlier: true };
        assert_eq!(writer(true).write_all(&place, &[b"words".into()]), Err(Failure::Interrupted));
        assert_eq!(fs::read_dir(path).unwrap().count(), 0);
        writer(false).write_all(&place, &[b"words".into()]).unwrap();
        assert_eq!(fs::read(path.join("mr-out-0")).unwrap(), b"words");
    }
}
