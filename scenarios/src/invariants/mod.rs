//! What must hold at every step, and at the end: one promise a file.

mod done_once;
mod nothing_left;
mod outputs;

use std::ops::ControlFlow;
use std::time::Duration;

use sim::{DiskView, Event, Finished, Observer};

use self::done_once::DoneOnce;
use self::nothing_left::NothingLeft;
use self::outputs::Outputs;

/// All promises, watching one run.
pub struct Promises {
    outputs: Outputs,
    done_once: DoneOnce,
    nothing_left: NothingLeft,
    /// The first promise that was broken at the end.
    pub(crate) broken_at_the_end: Option<String>,
}

impl Promises {
    /// Promises about a job whose outputs the oracle says.
    #[must_use]
    pub fn new(oracle: Vec<Vec<u8>>) -> Self {
        Self {
            outputs: Outputs::new(oracle),
            done_once: DoneOnce::default(),
            nothing_left: NothingLeft::default(),
            broken_at_the_end: None,
        }
    }
}

impl Observer for Promises {
    fn observe(&mut self, _at: Duration, event: &Event, disk: &DiskView<'_>) -> ControlFlow<String> {
        self.nothing_left.watch(event);
        match self.outputs.check(event, disk).and_then(|()| self.done_once.check(event)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(broken) => ControlFlow::Break(broken),
        }
    }

    fn ended(&mut self, _at: Duration, finished: &Finished, disk: &DiskView<'_>) {
        if *finished == Finished::AllNodesDone {
            self.broken_at_the_end =
                self.outputs.check_end(disk).and_then(|()| self.nothing_left.check_end(disk)).err();
        }
    }
}
