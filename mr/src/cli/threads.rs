//! What becomes of a program that the system gives too few threads.
//!
//! tokio panics then, when its runtime is made and whenever something long is to be computed, and leaves half a runtime behind that may
//! wait for ever. There is no other way to learn of it, so its words are waited for.

use std::panic;
use std::process::exit;

use super::{Failure, tell};

/// How tokio begins to say so. Which thread it could not have does not matter.
const COMPLAINT: &str = "OS can't spawn worker thread";

/// From now on this program says so and ends, with the exit code for what the system does not grant, when it gets no thread.
pub(super) fn leave_for_want_of_any() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let Some(reason) = panic.payload_as_str().and_then(|words| words.strip_prefix(COMPLAINT)) else {
            return usual(panic);
        };
        let failure = Failure::Environment(format!(
            "cannot start threads{reason}; allow this user more processes (`ulimit -u`), or use fewer --slots or workers"
        ));
        tell(format_args!("mr: {failure}"));
        exit(failure.code().into());
    }));
}
