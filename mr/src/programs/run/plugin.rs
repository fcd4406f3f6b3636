//! The app of a run, for this process and for all its workers.
//!
//! Of a plugin they all load a copy, which nobody else knows of. The job may outlive the next build: one that takes the place of the file would
//! give workers that are started later other code than those before them, and one that writes over it would end everybody who has it loaded.

use std::path::Path;

use camino::Utf8PathBuf;
use mr_core::app::AppSource;
use mr_plugin::Plugin;

use super::places::PrivateDirectory;
use crate::cli::{Failure, find_app, plugin_file};

/// An app, and where it was loaded from.
pub(super) struct RunApp {
    pub(super) source: Box<dyn AppSource>,
    /// The copy of the plugin, if it is one.
    pub(super) copy: Option<Utf8PathBuf>,
}

impl RunApp {
    /// The app that `text` means; of a plugin a copy in `private`.
    ///
    /// # Errors
    ///
    /// When there is no such app, or the file is not a plugin for this program.
    pub(super) fn load(text: &str, private: &PrivateDirectory) -> Result<Self, Failure> {
        let Some(file) = plugin_file(text) else {
            return Ok(Self { source: find_app(text)?, copy: None });
        };
        // Before it is copied: somebody may have taken a large input for the app.
        Plugin::check(file).map_err(|error| Failure::Usage(error.to_string()))?;
        match load_copy(file, private) {
            Ok(app) => Ok(app),
            Err(reason) => {
                // No program may be run from some directories for temporary files, and some plugins need what lies beside them.
                let app = Self { source: find_app(text)?, copy: None };
                tracing::info!(plugin = text, reason, "the plugin itself is used, because a copy of it cannot be");
                Ok(app)
            }
        }
    }
}

fn load_copy(file: &Path, private: &PrivateDirectory) -> Result<RunApp, String> {
    let copy = private.keep_plugin(file).map_err(|error| error.to_string())?;
    let copy = Utf8PathBuf::from_path_buf(copy).map_err(|path| format!("{} is not UTF-8", path.display()))?;
    let source = find_app(copy.as_str()).map_err(|failure| failure.to_string())?;
    Ok(RunApp { source, copy: Some(copy) })
}
