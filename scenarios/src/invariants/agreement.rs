//! All runs of one workload agree with each other, whatever went wrong in each: their outputs are the same, byte for byte. (MapReduce
//! paper, section 3.3: with deterministic functions the output is that of a sequential execution.)
//!
//! A promise of a campaign, not of one run. Scenarios that say the same of their workload draw the same one from the same seed, so
//! that in a campaign of many scenarios most workloads are run many times. Each has been held against the oracle before, so what this
//! promise guards is the oracle: one that told two runs of a workload different things would be found out here.

use std::collections::{BTreeMap, VecDeque};

/// The promise's name: that of this file.
pub(crate) const AGREEMENT: &str = "agreement";

/// How many workloads are remembered: memory must not grow with the campaign.
const REMEMBERED: usize = 1000;

/// One run of a campaign, by what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The name of the scenario or plan file.
    pub name: String,
    /// Whether it is a plan file of an old bug.
    pub regression: bool,
    /// The seed.
    pub seed: u64,
}

/// What the runs of each workload have made, as far as remembered.
#[derive(Debug, Default)]
pub(crate) struct Agreement {
    /// By hash of the workload: hash of the outputs, and where it was seen first.
    outputs: BTreeMap<u64, (u64, Run)>,
    /// The workloads remembered, the one that is forgotten next first.
    order: VecDeque<u64>,
}

impl Agreement {
    /// A `run` of a workload has made these outputs; both are hashes.
    ///
    /// # Errors
    ///
    /// When another run of it, the error, has made others.
    pub(crate) fn add(&mut self, workload: u64, outputs: u64, run: impl FnOnce() -> Run) -> Result<(), Run> {
        match self.outputs.get(&workload) {
            Some((others, first)) if *others != outputs => Err(first.clone()),
            Some(_) => Ok(()),
            None => {
                if self.order.len() == REMEMBERED
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.outputs.remove(&oldest);
                }
                self.order.push_back(workload);
                self.outputs.insert(workload, (outputs, run()));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str) -> Run {
        Run { name: name.to_owned(), regression: false, seed: 3 }
    }

    #[test]
    fn runs_of_one_workload_must_agree_and_those_of_others_need_not() {
        let mut agreement = Agreement::default();
        let mut add = |workload, outputs, name: &str| agreement.add(workload, outputs, || run(name));
        assert_eq!(add(1, 10, "zombie"), Ok(()));
        assert_eq!(add(1, 10, "power_loss"), Ok(()));
        assert_eq!(add(2, 20, "zombie"), Ok(()));
        assert_eq!(add(1, 11, "bit_rot"), Err(run("zombie")));
    }

    #[test]
    fn memory_is_bounded_and_what_was_seen_last_is_known_whatever_its_hash() {
        let mut agreement = Agreement::default();
        for workload in (0..5000).rev() {
            assert_eq!(agreement.add(workload, 1, || run("zombie")), Ok(()));
            assert!(agreement.add(workload, 2, || run("bit_rot")).is_err());
        }
        assert_eq!((agreement.outputs.len(), agreement.order.len()), (REMEMBERED, REMEMBERED));
        assert!(agreement.add(999, 2, || run("bit_rot")).is_err(), "a thousand are remembered");
        assert_eq!(agreement.add(1000, 2, || run("bit_rot")), Ok(()), "and not one more");
    }
}
