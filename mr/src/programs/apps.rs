//! `mr apps`: lists the built-in apps.

use std::io::{self, Write};

/// Prints the built-in apps, one a line.
pub fn run() {
    let list: String = mr_apps::builtins().map(|app| format!("{:<12} {}\n", app.name(), app.about())).collect();
    // Nobody may be reading any more.
    let _ = io::stdout().write_all(list.as_bytes());
}
