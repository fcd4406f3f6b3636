//! `mr apps`: lists the built-in apps.

use crate::cli::{Failure, print_for_use};

/// Prints the built-in apps, one a line.
///
/// # Errors
///
/// When they cannot be written where they are to go.
pub fn run() -> Result<(), Failure> {
    let list: Vec<_> = mr_apps::builtins().map(|app| format!("{:<12} {}", app.name(), app.about())).collect();
    print_for_use(list.join("\n")).map_err(|error| {
        Failure::Environment(format!("cannot write the list of apps: {error}; write it somewhere else"))
    })
}
