//! From what a person types for an app to the app: the name of a built-in one, or the path of a plugin.

use std::path::Path;
use std::sync::Arc;

use mr_core::app::{App, AppError, AppIdentity, AppSource};
use mr_plugin::Plugin;

use super::Failure;

struct PluginSource(Plugin);

impl AppSource for PluginSource {
    fn identity(&self) -> AppIdentity {
        self.0.identity().clone()
    }

    fn create(&self, argument: &str) -> Result<Arc<dyn App>, AppError> {
        self.0.create(argument)
    }
}

/// The app that `text` means: a built-in one of that name, else the plugin in that file.
///
/// # Errors
///
/// When there is no such app, or the file is not a plugin for this program.
pub fn find_app(text: &str) -> Result<Box<dyn AppSource>, Failure> {
    if let Some(app) = mr_apps::builtin(text) {
        return Ok(Box::new(*app));
    }
    let Some(file) = plugin_file(text) else {
        let names = builtin_names();
        return Err(Failure::Usage(format!(
            "there is no app `{text}`: name one of {names}, or the `.so` file of a plugin"
        )));
    };
    match Plugin::load(file) {
        Ok(plugin) => Ok(Box::new(PluginSource(plugin))),
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}

/// The file that `text` means, if it is not the name of a built-in app and looks like that of a file.
#[must_use]
pub fn plugin_file(text: &str) -> Option<&Path> {
    let looks_like_a_file = text.contains('/') || text.ends_with(".so") || Path::new(text).exists();
    (mr_apps::builtin(text).is_none() && looks_like_a_file).then_some(Path::new(text))
}

/// The names of the built-in apps, for people.
#[must_use]
pub fn builtin_names() -> String {
    mr_apps::builtins().map(mr_apps::BuiltIn::name).collect::<Vec<_>>().join(", ")
}
