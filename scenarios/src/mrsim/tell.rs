//! What is printed at the end of a campaign, whether it was run here or merged.

use indicatif::HumanCount;

use super::exit::Ending;
use super::options::CoverageOptions;
use super::output::Output;
use super::table::{confidence, coverage, coverage_line, missing, table};
use super::tally::Sums;

/// How many things that were never tried are named.
const MISSING: usize = 20;

/// The table, what the number of schedules is worth, and the failures.
pub(super) fn tell_sums(out: &mut Output, sums: &Sums) {
    writeln!(out, "{}", table(sums));
    writeln!(out, "{}", confidence(sums));
    let nobody_left = sums.total(true).nobody_left;
    if nobody_left > 0 {
        writeln!(out, "nobody was left to finish {} of these, as their plans had it", HumanCount(nobody_left));
    }
    for failure in &sums.told {
        writeln!(out, "\n{}, seed {}: {}", failure.name, failure.seed, failure.promise);
        writeln!(out, "  to repeat it: {}", failure.repeat);
    }
    let failed = sums.total(true).failed;
    let untold = failed.saturating_sub(sums.told.len() as u64);
    if untold > 0 {
        writeln!(out, "\nand {} more failures; --json FILE has all", HumanCount(untold));
    }
}

/// What was covered; and whether that is enough, if it must be all.
pub(super) fn tell_coverage(out: &mut Output, sums: &Sums, options: &CoverageOptions) -> Ending {
    if options.coverage {
        writeln!(out, "\n{}", coverage(sums));
    } else {
        writeln!(out, "{}", coverage_line(sums));
    }
    let missing = missing(sums);
    if !options.require_coverage || missing.is_empty() {
        return Ending::Passed;
    }
    writeln!(out, "\nnot everything was tried:");
    for what in missing.iter().take(MISSING) {
        writeln!(out, "  {what}");
    }
    if missing.len() > MISSING {
        writeln!(out, "  and {} more", missing.len() - MISSING);
    }
    Ending::NotCovered
}
