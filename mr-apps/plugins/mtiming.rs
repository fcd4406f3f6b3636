//! `mtiming` as a plugin.

mr_plugin::export!(mr_apps::MapTiming);
