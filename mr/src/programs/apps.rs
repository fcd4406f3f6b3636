//! `mr apps`: lists the built-in apps.

use crate::cli::print;

/// Prints the built-in apps, one a line.
pub fn run() {
    let list: Vec<_> = mr_apps::builtins().map(|app| format!("{:<12} {}", app.name(), app.about())).collect();
    print(list.join("\n"));
}
