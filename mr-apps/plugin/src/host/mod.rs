//! The host's side of the ABI: finds out whether a file is a plugin, loads it, and makes apps of it.

#![expect(unsafe_code, reason = "loads libraries and calls C functions")]

mod instance;
mod receive;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use mr_core::app::{App, AppError, AppIdentity};

use crate::abi::{self, TABLE_SYMBOL, Table};
use crate::inspect;
use instance::Instance;
use receive::Receiver;

/// A loaded plugin.
///
/// It is never unloaded: a thread that the plugin's code has started, or the end of one that has run it, may come back to that
/// code at any time.
#[derive(Debug)]
pub struct Plugin {
    table: &'static Table,
    identity: AppIdentity,
}

impl Plugin {
    /// Whether the file `path` looks like a plugin for this program, as far as that can be told without running any of it.
    ///
    /// # Errors
    ///
    /// As those of [`Plugin::load`], which may have more to say.
    pub fn check(path: &Path) -> Result<(), PluginError> {
        let version = inspect::abi_version(path)?;
        if version == abi::VERSION {
            Ok(())
        } else {
            Err(PluginError::AnotherVersion { path: path.to_owned(), version })
        }
    }

    /// Loads the plugin in the file `path`. A bare name means a file in the current directory.
    ///
    /// # Errors
    ///
    /// When the file is missing or no plugin, or a plugin of another version or with nonsense in it: [`PluginError`] says which.
    pub fn load(path: &Path) -> Result<Self, PluginError> {
        Self::check(path)?;
        let table = loaded_table(path)?;
        let mut identity = identity(table).map_err(|reason| nonsense(path, reason))?;
        if identity.version.is_empty() {
            identity.version = build(path)?;
        }
        Ok(Self { table, identity })
    }

    /// The name of the app.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// By what coordinator and workers agree on the app; known before its argument is.
    #[must_use]
    pub fn identity(&self) -> &AppIdentity {
        &self.identity
    }

    /// Makes the app, with the argument it is to have.
    ///
    /// # Errors
    ///
    /// The app's own, when the argument makes no sense to it; or the words of its panic.
    pub fn create(&self, argument: &str) -> Result<Arc<dyn App>, AppError> {
        Ok(Arc::new(Instance::create(self.table, argument)?))
    }
}

/// Why a file did not become a [`Plugin`].
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no such file.
    #[error("there is no plugin `{}`: check the name, or build the plugin first", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("cannot read the plugin `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Something else bears the name.
    #[error("`{}` is {what}: name the plugin's `.so` file itself", path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
        /// What bears it.
        what: &'static str,
    },
    /// The file is no shared library that can be loaded here.
    #[error(
        "`{}` is not a shared library of this machine ({reason}): build the plugin here, as a `cdylib`",
        path.display()
    )]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// A phrase that says why.
        reason: String,
    },
    /// The library lacks a symbol of the ABI.
    #[error(
        "`{}` is a library but not a plugin, for it lacks the symbol `{symbol}`: \
         export an app with `mr_plugin::export!`",
        path.display()
    )]
    NotAPlugin {
        /// The file.
        path: PathBuf,
        /// The symbol.
        symbol: &'static str,
    },
    /// The plugin was built against another version of the ABI.
    #[error(
        "the plugin `{}` is of plugin ABI version {version} and this program of version {}: \
         rebuild the plugin with the `mr-plugin` that came with this program",
        path.display(),
        abi::VERSION
    )]
    AnotherVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The plugin breaks the rules of its own version of the ABI.
    #[error(
        "the plugin `{}` is broken ({reason}): export its app with `mr_plugin::export!`, and rebuild it",
        path.display()
    )]
    Nonsense {
        /// The file.
        path: PathBuf,
        /// A phrase that says how.
        reason: String,
    },
}

fn nonsense(path: &Path, reason: String) -> PluginError {
    PluginError::Nonsense { path: path.to_owned(), reason }
}

/// What stands for the version of a plugin that tells none: two builds of it may do different things, and must not do one job together.
fn build(path: &Path) -> Result<String, PluginError> {
    let bytes = fs::read(path).map_err(|source| PluginError::Unreadable { path: path.to_owned(), source })?;
    Ok(format!("of build {:08x}", crc32fast::hash(&bytes)))
}

/// Loads the library at `path`, for good, and finds its table.
fn loaded_table(path: &Path) -> Result<&'static Table, PluginError> {
    let not_a_library =
        |error: &dyn std::error::Error| PluginError::NotALibrary { path: path.to_owned(), reason: error.to_string() };
    // A name without a slash would be looked for in the system's library directories.
    let absolute = std::path::absolute(path).map_err(|error| not_a_library(&error))?;
    // SAFETY: this runs the library's initialisers, which the person who names a plugin trusts as they trust the rest of its
    // code; that it is whole, of this machine and a plugin of this ABI was read from the file. All symbols are resolved now, so
    // that one which is missing is an error here and not the end of the process later.
    let library =
        unsafe { Library::open(Some(absolute), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| not_a_library(&error))?;
    // SAFETY: the symbol is only taken as an address, which is checked before anything there is believed.
    let table = unsafe { library.get::<*const Table>(TABLE_SYMBOL) }
        .map(|symbol| *symbol)
        .map_err(|_| PluginError::NotAPlugin { path: path.to_owned(), symbol: TABLE_SYMBOL })?;
    // SAFETY: a library of this ABI version has a table under this name, which starts with its own size.
    unsafe { Table::check(table) }
        .map_err(|problem| nonsense(path, format!("its table `{TABLE_SYMBOL}` {problem}")))?;
    std::mem::forget(library);
    // SAFETY: the table was checked and, as the library is never unloaded, stays where it is.
    Ok(unsafe { &*table })
}

/// Asks an app made with the plugin's own example of an argument who it is.
fn identity(table: &'static Table) -> Result<AppIdentity, String> {
    let mut argument = Vec::new();
    let mut receiver = Receiver::new(&mut argument);
    // SAFETY: the sink is valid for the length of the call.
    unsafe { (table.example)(receiver.text_sink()) };
    receiver.finish();
    let argument = String::from_utf8(argument).map_err(|_| "its example of an argument is not UTF-8".to_owned())?;
    let instance = Instance::create(table, &argument)
        .map_err(|error| format!("with its example `{argument}` of an argument: {error}"))?;
    Ok(AppIdentity::of(&instance))
}
