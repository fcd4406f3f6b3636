//! `mrsequential`: the same job done plainly by one process, as something to compare with.

use std::num::NonZeroU32;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Parser;
use mr_core::app::Guarded;
use mr_core::ids::Reduces;
use mr_core::sequential;

use super::inputs::check_inputs;
use super::outputs::{Belonging, Outputs};
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
    let source = find_app(&arguments.app)?;
    check_inputs(&arguments.files)?;
    let app =
        source.create(&arguments.arg).map_err(|error| Failure::Usage(format!("the app cannot start: {error}")))?;
    // In the course's form the one output is looked at beside those of a job, which are not ours to remove.
    let belonging = if arguments.reduces.is_some() { Belonging::All } else { Belonging::First };
    let place = Outputs::claim(&arguments.out, &arguments.files, belonging).await?;
    let inputs: Vec<String> = arguments.files.iter().map(ToString::to_string).collect();
    let reduces = arguments.reduces.map(Reduces);
    let outputs = sequential::run(&RealWorld::new(), &Guarded::new(app), &inputs, reduces)
        .await
        .map_err(|error| Failure::Job(error.to_string()))?;
    if reduces.is_some() {
        place.remove_earlier()?;
    }
    for (partition, output) in outputs.iter().enumerate() {
        let path = arguments.out.join(format!("mr-out-{partition}"));
        write_whole(&path, output).map_err(|error| Failure::Environment(format!("cannot write `{path}`: {error}")))?;
    }
    Ok(())
}

/// How the names of files begin that are being written, and how many letters and digits follow.
const TEMPORARY: (&str, usize) = ("mr-sequential-", 6);

/// Whether a file of that name is one that some sequential job is writing, or was writing when it was killed.
pub(super) fn is_temporary(name: &str) -> bool {
    let (prefix, letters) = TEMPORARY;
    let rest = name.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.len() == letters && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Writes a file so that nobody ever sees a part of it.
fn write_whole(path: &Utf8Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;

    let directory = path.parent().filter(|parent| !parent.as_str().is_empty()).unwrap_or(Utf8Path::new("."));
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let (prefix, letters) = TEMPORARY;
    let mut builder = tempfile::Builder::new();
    let mut temporary = builder.prefix(prefix).rand_bytes(letters).permissions(permissions).tempfile_in(directory)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    std::fs::File::open(directory)?.sync_all()
}
