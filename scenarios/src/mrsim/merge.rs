//! `mrsim merge`: the results of several shards as one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Trouble;
use super::exit::Ending;
use super::json::{FailureLine, TotalLine};
use super::options::CoverageOptions;
use super::output::Output;
use super::result_file::{self, Left};
use super::taken::Taken;
use super::tally::{REGRESSIONS, Sums, Told};
use super::tell::{tell_coverage, tell_sums};
use super::whole::Whole;
use crate::campaign::Shard;

/// Adds the files up and tells what they come to.
pub(super) fn merge(paths: &[PathBuf], coverage: &CoverageOptions, out: &mut Output) -> Result<Ending, Trouble> {
    let mut merger = Merger::default();
    for path in paths {
        merger.read(path)?;
    }
    merger.must_be_whole()?;
    merger.must_not_overlap()?;
    let shards = paths.len();
    writeln!(out, "{shards} shards, {:.1} s in all", merger.wall.as_secs_f64());
    tell_sums(out, &merger.sums);
    let complete = tell_coverage(out, &merger.sums, coverage);
    Ok(merger.sums.ending.max(complete))
}

#[derive(Default)]
struct Merger {
    sums: Sums,
    /// The shards that are there of each campaign, and how many it has.
    shards: BTreeMap<(Whole, u64), BTreeMap<u64, Taken>>,
    wall: Duration,
}

impl Merger {
    fn read(&mut self, path: &Path) -> Result<(), Trouble> {
        let wrong = |why: String| Trouble::Usage(format!("{}: {why}", path.display()));
        for left in result_file::read(path).map_err(wrong)? {
            self.add(left).map_err(wrong)?;
        }
        Ok(())
    }

    fn add(&mut self, left: Left) -> Result<(), String> {
        let Some(total) = left.total else { return Err("its total is missing: that campaign was cut off".into()) };
        let drawn = left.tallies.iter().filter(|(name, _)| *name != REGRESSIONS);
        let seeds = drawn.map(|(name, tally)| (name.clone(), tally.schedules)).collect();
        self.total(total, seeds)?;
        left.failures.into_iter().for_each(|failure| self.failure(failure));
        for (name, tally) in left.tallies {
            self.sums.tallies.entry(name).or_default().join(&tally);
        }
        Ok(())
    }

    fn failure(&mut self, failure: FailureLine) {
        let FailureLine { scenario: name, seed, promise, repeat, judgement, .. } = failure;
        self.sums.fail(Ending::of_judgement(&judgement), Told { name, seed, promise, repeat });
    }

    /// The total of a campaign that took so many seeds of each scenario.
    fn total(&mut self, total: TotalLine, seeds: BTreeMap<String, u64>) -> Result<(), String> {
        self.wall += Duration::try_from_secs_f64(total.wall_seconds).unwrap_or_default();
        let shard: Shard = total.shard.as_deref().unwrap_or("1/1").parse()?;
        let twice = format!("another file is shard {shard} of {} as well; each must be given once", total.whole);
        let taken = Taken::new(total.whole.first_seed, shard, seeds);
        let shards = self.shards.entry((total.whole, shard.count())).or_default();
        if shards.insert(shard.number(), taken).is_none() { Ok(()) } else { Err(twice) }
    }

    /// Results that are not there cannot have failed: all shards must be there.
    fn must_be_whole(&self) -> Result<(), Trouble> {
        for ((whole, count), shards) in &self.shards {
            let missing: Vec<String> = (1..=*count)
                .filter(|number| !shards.contains_key(number))
                .take(MISSING)
                .map(|number| format!("{number}/{count}"))
                .collect();
            if !missing.is_empty() {
                let (there, missing) = (shards.len(), missing.join(", "));
                return Err(Trouble::Usage(format!(
                    "of {count} shards only {there} are there; missing: {missing} of {whole}"
                )));
            }
        }
        Ok(())
    }

    /// A schedule that counts twice would make few look like many. Shards of one whole share none.
    fn must_not_overlap(&self) -> Result<(), Trouble> {
        let wholes: Vec<_> = self.shards.iter().map(|((whole, _), shards)| (whole, shards)).collect();
        for (index, (one, shards)) in wholes.iter().enumerate() {
            for (other, others) in &wholes[index + 1..] {
                let pairs = shards.values().flat_map(|taken| others.values().map(move |other| (taken, other)));
                if let Some((scenario, seed)) = pairs.filter_map(|(taken, other)| taken.common(other)).next() {
                    return Err(Trouble::Usage(format!(
                        "some schedules, such as seed {seed} of {scenario}, are in both of two campaigns, and would count \
                         twice: {one}; and {other}"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// How many missing shards are named.
const MISSING: usize = 8;
