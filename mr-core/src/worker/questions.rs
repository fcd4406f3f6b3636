//! The worker's questions for something to do. They are counted, and one is open at a time: the coordinator repeats its latest answer
//! when that got lost, and no older one.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which question is next, and whether it has been asked.
#[derive(Default)]
pub(super) struct Questions(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    answered: u64,
    is_open: bool,
}

impl Questions {
    /// The number of a question to be asked now; none while another is open.
    pub(super) fn open(&self) -> Option<u64> {
        let mut latest = self.latest();
        if latest.is_open {
            return None;
        }
        latest.is_open = true;
        Some(latest.answered + 1)
    }

    /// The open question was answered.
    pub(super) fn answer(&self) {
        let mut latest = self.latest();
        latest.answered += 1;
        latest.is_open = false;
    }

    /// There was nothing to say yet to the open question. It is asked again under its number: copies of it may still be on their way.
    pub(super) fn put_off(&self) {
        self.latest().is_open = false;
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_question_is_open_at_a_time_and_keeps_its_number_until_it_is_answered() {
        let questions = Questions::default();
        assert_eq!((questions.open(), questions.open()), (Some(1), None));
        questions.put_off();
        assert_eq!((questions.open(), questions.open()), (Some(1), None));
        questions.answer();
        assert_eq!(questions.open(), Some(2));
    }
}
