//! `mr apps`: lists the built-in apps.

/// Prints the built-in apps, one a line.
pub fn run() {
    for app in mr_apps::builtins() {
        println!("{:<12} {}", app.name(), app.about());
    }
}
