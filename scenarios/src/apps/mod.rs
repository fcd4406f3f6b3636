//! The apps that are rehearsed: those that come with mr, one that is sensitive to everything, and a way to make any of them fail.

mod signed;
mod trail;
mod troubled;

use std::sync::Arc;

use mr_core::app::App;

use self::signed::Signed;
pub(crate) use self::signed::without_signatures;
use self::trail::Trail;
pub(crate) use self::troubled::TroubledSource;
use crate::schedule::AppChoice;

/// The app that `choice` names, with nothing the matter with it.
pub(crate) fn healthy(choice: AppChoice) -> Arc<dyn App> {
    match choice {
        AppChoice::Wc => Arc::new(mr_apps::WordCount),
        AppChoice::Indexer => Arc::new(mr_apps::Indexer),
        AppChoice::Sort => Arc::new(mr_apps::Sort),
        AppChoice::Trail => Arc::new(Trail),
        AppChoice::Signed => Arc::new(Signed::new(0)),
    }
}
