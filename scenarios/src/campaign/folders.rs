//! Where scenarios and plan files of old bugs lie, and what must be said to find them again.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::PathBuf;

/// The two folders that a campaign reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// The folder of scenario files.
    pub cases: PathBuf,
    /// The folder of plan files of old bugs.
    pub regressions: PathBuf,
}

/// Those of this project.
impl Default for Folders {
    fn default() -> Self {
        let project = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        Self { cases: project.join("cases"), regressions: project.join("regressions") }
    }
}

impl Folders {
    /// The options of `mrsim` that name those folders that are not the project's, with a blank in front of each.
    pub(super) fn options(&self) -> String {
        let usual = Self::default();
        let mut options = String::new();
        for (option, folder, usual) in
            [("cases", &self.cases, usual.cases), ("regressions", &self.regressions, usual.regressions)]
        {
            if *folder != usual {
                let _ = write!(options, " --{option} {}", shell_word(&folder.to_string_lossy()));
            }
        }
        options
    }

    /// The path of a plan file of an old bug; in the project's own folder, as seen from the root of the project.
    pub(super) fn regression(&self, name: &str) -> PathBuf {
        let usual = self.regressions == Self::default().regressions;
        let folder = if usual { PathBuf::from("scenarios/regressions") } else { self.regressions.clone() };
        folder.join(format!("{name}.toml"))
    }
}

/// `word` as a shell takes it for one, in quotes where these are needed.
pub(crate) fn shell_word(word: &str) -> Cow<'_, str> {
    // A NUL is all that cannot be quoted, and no name of a file has one.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}
