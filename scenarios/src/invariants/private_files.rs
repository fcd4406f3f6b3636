//! No two attempts ever share a file: a path in the job's directory is created at most once in a run, and only the node that
//! created it writes to it. (MapReduce paper, section 3.3: each task in progress writes to private temporary files.)

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sim::{DiskView, Event, Node, Operation};

use super::{Invariant, Verdict};

/// Who created what.
#[derive(Default)]
pub(super) struct PrivateFiles {
    owners: BTreeMap<Arc<str>, Node>,
}

impl Invariant for PrivateFiles {
    fn name(&self) -> &'static str {
        "private_files"
    }

    fn watches(&self) -> &'static [Operation] {
        &[Operation::Create, Operation::Append]
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        let Event::File(step) = event else { return Ok(()) };
        if step.result.is_err() {
            return Ok(());
        }
        match step.operation {
            Operation::Create => match self.owners.insert(Arc::clone(&step.path), step.node.clone()) {
                Some(owner) => Err(format!("{} created {}, which {owner} had created before", step.node, step.path)),
                None => Ok(()),
            },
            Operation::Append => match self.owners.get(&step.path).filter(|owner| **owner != step.node) {
                Some(owner) => Err(format!("{} wrote to {}, which is a file of {owner}", step.node, step.path)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{step, watch};

    fn check(history: Vec<Event>) -> Verdict {
        watch(&mut PrivateFiles::default(), &StillDisk::default(), history)
    }

    fn create(worker: &str, path: &str) -> Event {
        step(worker, Operation::Create, path, None)
    }

    #[test]
    fn each_attempt_has_files_of_its_own() {
        let append = step("w1", Operation::Append, "mr-job-1/map-0-1.tmp", None);
        let history = vec![create("w1", "mr-job-1/map-0-1.tmp"), create("w2", "mr-job-1/map-0-2.tmp"), append];
        assert_eq!(check(history), Ok(()));
    }

    #[test]
    fn a_file_made_a_second_time_is_a_broken_promise_even_by_the_same_node() {
        for second in ["w1", "w2"] {
            let broken = check(vec![create("w1", "mr-job-1/map-0.tmp"), create(second, "mr-job-1/map-0.tmp")]);
            assert!(broken.unwrap_err().contains("which w1 had created before"));
        }
    }

    #[test]
    fn writing_to_somebody_elses_file_is_a_broken_promise() {
        let append = step("w2", Operation::Append, "mr-job-1/map-0-1.tmp", None);
        let broken = check(vec![create("w1", "mr-job-1/map-0-1.tmp"), append]).unwrap_err();
        assert_eq!(broken, "w2 wrote to mr-job-1/map-0-1.tmp, which is a file of w1");
    }
}
