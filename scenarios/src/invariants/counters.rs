//! When the job has succeeded its counters count each record of committed work exactly once: they equal what the sequential run
//! counts. (MapReduce paper, section 4.6: the master eliminates the effects of duplicate executions of a task to avoid double
//! counting.)
//!
//! Not compared is what depends on how the work was cut: spills, bytes of intermediate files, calls of map with stretches of lines,
//! and, where a combiner is used, values given to reduce.

use std::time::Duration;

use mr_core::counters::Counters;
use mr_core::protocol::Ending;
use sim::{DiskView, Event};

use super::{Invariant, Verdict, decided};
use crate::notes::Counted;
use crate::oracle::Expected;

/// What there is to count, by name.
pub(super) struct CountersAreExact {
    expected: Vec<(&'static str, u64)>,
    succeeded: bool,
}

/// The counters, by name.
fn named(counters: &Counters) -> [(&'static str, u64); 7] {
    [
        ("map_input_bytes", counters.map_input_bytes),
        ("map_input_records", counters.map_input_records),
        ("map_output_records", counters.map_output_records),
        ("reduce_input_groups", counters.reduce_input_groups),
        ("reduce_input_records", counters.reduce_input_records),
        ("reduce_output_records", counters.reduce_output_records),
        ("reduce_output_bytes", counters.reduce_output_bytes),
    ]
}

impl CountersAreExact {
    pub(super) fn new(expected: &Expected) -> Self {
        let countable = |(name, _): &(&'static str, u64)| !expected.depends_on_the_cut.contains(name);
        Self { expected: named(&expected.counters).into_iter().filter(countable).collect(), succeeded: false }
    }
}

impl Invariant for CountersAreExact {
    fn name(&self) -> &'static str {
        "counters"
    }

    fn check(&mut self, _at: Duration, event: &Event, _disk: &DiskView<'_>) -> Verdict {
        let Event::Note { note, .. } = event else { return Ok(()) };
        if let Some(mr_core::coordinator::Event::JobEnded { ending }) = decided(event) {
            self.succeeded = *ending == Ending::Succeeded;
        }
        let Some(Counted(counters)) = note.get().filter(|_| self.succeeded) else { return Ok(()) };
        let counted = named(counters);
        for (name, expected) in &self.expected {
            let found = counted.iter().find(|(other, _)| other == name).map_or(0, |(_, count)| *count);
            if found != *expected {
                return Err(format!("{name} is {found} in the end, the sequential run counts {expected}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim::StillDisk;

    use super::*;
    use crate::invariants::testing::{expected, job_failed, note, succeeded, watch};

    fn check(end: Event, counted: Counters, depends_on_the_cut: Vec<&'static str>) -> Verdict {
        let counters = Counters { map_output_records: 7, reduce_output_bytes: 9, ..Counters::default() };
        let expected = Expected { counters, depends_on_the_cut, ..expected(&[]) };
        watch(&mut CountersAreExact::new(&expected), &StillDisk::default(), [end, note(Counted(counted))])
    }

    fn right() -> Counters {
        Counters { map_output_records: 7, reduce_output_bytes: 9, spills: 3, ..Counters::default() }
    }

    #[test]
    fn what_the_sequential_run_counts_is_right_whatever_was_spilled() {
        assert_eq!(check(succeeded(), right(), vec![]), Ok(()));
    }

    #[test]
    fn a_record_counted_twice_or_not_at_all_is_named() {
        let twice = Counters { map_output_records: 14, ..right() };
        let broken = check(succeeded(), twice, vec![]).unwrap_err();
        assert_eq!(broken, "map_output_records is 14 in the end, the sequential run counts 7");
        assert_eq!(check(succeeded(), twice, vec!["map_output_records"]), Ok(()), "unless it depends on the cut");
    }

    #[test]
    fn a_failed_job_promises_no_counts() {
        assert_eq!(check(job_failed("tripped"), Counters::default(), vec![]), Ok(()));
    }
}
