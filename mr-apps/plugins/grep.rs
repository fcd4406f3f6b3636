//! `grep` as a plugin.

mr_plugin::export!(|pattern = "."| mr_apps::Grep::new(pattern));
