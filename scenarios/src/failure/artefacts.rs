//! The folder of a failure: the report and everything that it leaves out, each in a file that can be read by itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use sim::LogLevel;

use super::{Failure, Recorded};
use crate::campaign::shell_word;
use crate::story::{Part, Timeline, page, perfetto};

impl Failure {
    /// Writes everything to a folder of its own in `into`, and says where that is.
    ///
    /// * `report.txt`: the report; `repeat.txt`: the commands that repeat the failure;
    /// * `plan.toml`: the smallest schedule, or else the one that failed; `original.toml`: that in any case. A
    ///   harness that crashes leaves no more than these;
    /// * `timeline.txt`, `page.html`, `perfetto.json`: what happens in `plan.toml`, with everything that the nodes log
    ///   (of a run that goes on for long, the beginning, the first turns of a circle and the end);
    /// * `original.timeline.txt`, `original.page.html`: the same of the schedule that failed, when that is another.
    ///
    /// # Errors
    ///
    /// When a file cannot be written; the error names it.
    pub fn keep(&self, into: &Path) -> io::Result<PathBuf> {
        let folder = into.join(format!("{}-{}", self.name, self.seed));
        named(&folder, fs::create_dir_all(&folder))?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            named(&path, fs::write(&path, text))
        };
        let title = format!("{}, seed {}", self.name, self.seed);
        write("original.toml", &self.original().to_toml())?;
        write("plan.toml", &self.plan().to_toml())?;
        if let Some(shown) = self.shown() {
            write("timeline.txt", &whole_timeline(shown))?;
            write("page.html", &page(&shown.story, &title))?;
            write("perfetto.json", &perfetto(&shown.story))?;
        }
        if let Some(original) = self.recorded.as_ref().filter(|_| self.smallest.is_some()) {
            write("original.timeline.txt", &whole_timeline(original))?;
            write("original.page.html", &page(&original.story, &title))?;
        }
        write("repeat.txt", &self.how_to_repeat(&folder))?;
        write("report.txt", &strip_str(&self.report(Some(&folder)).to_string()).to_string())?;
        Ok(folder)
    }

    /// The commands that repeat it, and of which version of the code.
    fn how_to_repeat(&self, folder: &Path) -> String {
        let plan = folder.join("plan.toml");
        format!(
            "# commit {}\n{}\ncargo mrsim replay --plan {}   # in the project's folder, or wherever this one lies by now\n\
             mrsim replay --plan plan.toml   # in this folder, and wherever else it is taken\n",
            self.commit,
            self.repeat,
            shell_word(&plan.to_string_lossy())
        )
    }
}

fn whole_timeline(recorded: &Recorded) -> String {
    let part = Part { everything: true, log: Some(LogLevel::DEBUG), ..Part::default() };
    strip_str(&Timeline::new(&recorded.story.excerpt(), &part).to_string()).to_string()
}

fn named<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
