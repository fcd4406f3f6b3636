//! `early_exit` as a plugin.

mr_plugin::export!(mr_apps::EarlyExit);
