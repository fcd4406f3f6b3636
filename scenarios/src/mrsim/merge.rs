//! `mrsim merge`: the results of several shards as one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
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
use crate::schedule::counted;

/// Adds the files up and tells what they come to; if it may be `partial`, also when results are missing.
pub(super) fn merge(
    paths: &[PathBuf],
    partial: bool,
    coverage: &CoverageOptions,
    out: &mut Output,
) -> Result<Ending, Trouble> {
    let mut merger = Merger::default();
    for path in paths {
        merger.read(path, partial)?;
    }
    merger.lacking.extend(merger.missing());
    merger.must_not_overlap()?;
    if let Some(lacking) = merger.lacking.first().filter(|_| !partial) {
        return Err(Trouble::Usage(lacking.clone()));
    }
    let shards = paths.len();
    writeln!(out, "{shards} shards, {:.1} s in all", merger.wall.as_secs_f64());
    if !merger.lacking.is_empty() {
        writeln!(out, "partial: what is missing may have failed\n  {}", merger.lacking.join("\n  "));
    }
    tell_sums(out, &merger.sums);
    let covered = tell_coverage(out, &merger.sums, coverage);
    let whole = if merger.lacking.is_empty() { Ending::Passed } else { Ending::Incomplete };
    Ok(merger.sums.ending.max(covered).max(whole))
}

#[derive(Default)]
struct Merger {
    sums: Sums,
    /// The shards that are there of each campaign, and how many it has.
    shards: BTreeMap<(Whole, u64), BTreeMap<u64, Taken>>,
    /// The failures of campaigns that were cut off: nothing else tells whether a file was given twice.
    seen: BTreeSet<(String, u64)>,
    wall: Duration,
    /// What is not there, a sentence each.
    lacking: Vec<String>,
}

impl Merger {
    fn read(&mut self, path: &Path, partial: bool) -> Result<(), Trouble> {
        let wrong = |why: String| Trouble::Usage(format!("{}: {why}", path.display()));
        for left in result_file::read(path).map_err(wrong)? {
            if let Some(why) = left.cut_off() {
                if !partial {
                    return Err(wrong(refusal(why, &left)));
                }
                let counted = if left.total.is_some() { "" } else { "; all that counts of it are its failures" };
                self.lacking.push(format!("{}: {why}{counted}", path.display()));
            }
            self.add(left).map_err(wrong)?;
        }
        Ok(())
    }

    fn add(&mut self, left: Left) -> Result<(), String> {
        let known = left.known();
        match left.total {
            Some(total) => {
                let drawn = known.iter().filter(|(name, _)| *name != REGRESSIONS);
                self.total(total, drawn.map(|(name, tally)| (name.clone(), tally.schedules)).collect())?;
            }
            None => self.must_be_new(&left)?,
        }
        left.failures.into_iter().for_each(|failure| self.failure(failure));
        for (name, tally) in known {
            self.sums.tallies.entry(name).or_default().join(&tally);
        }
        Ok(())
    }

    /// A campaign that was cut off does not say of what it is a shard, but its failures must not count twice. (Plan files of old bugs run
    /// in every shard.)
    fn must_be_new(&mut self, left: &Left) -> Result<(), String> {
        left.must_be_failures()?;
        for failure in left.failures.iter().filter(|failure| !failure.regression) {
            if !self.seen.insert((failure.scenario.clone(), failure.seed)) {
                return Err(format!("another file has {}, seed {}, as well", failure.scenario, failure.seed));
            }
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

    /// The shards that are not there. Their results cannot be known to have passed.
    fn missing(&self) -> Vec<String> {
        let of_one = |((whole, count), shards): (&(Whole, u64), &BTreeMap<u64, Taken>)| {
            let missing = (1..=*count).filter(|number| !shards.contains_key(number)).take(NAMED);
            let missing: Vec<String> = missing.map(|number| format!("{number}/{count}")).collect();
            let (there, missing) = (shards.len(), (!missing.is_empty()).then(|| missing.join(", "))?);
            Some(format!("of {count} shards only {there} are there; missing: {missing} of {whole}"))
        };
        self.shards.iter().filter_map(of_one).collect()
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

/// How many missing shards, and how many failures of a file that is refused, are named.
const NAMED: usize = 8;

/// Why a file is refused whose campaign came to no end; and what it would be a pity to lose.
fn refusal(why: &str, left: &Left) -> String {
    let mut words = why.to_owned();
    let count = left.failures.len();
    if count > 0 {
        let _ = write!(words, ". It tells of {}:", counted(count, "failure"));
        for FailureLine { scenario, seed, promise, .. } in left.failures.iter().take(NAMED) {
            let _ = write!(words, "\n  {scenario}, seed {seed}: {promise}");
        }
        if count > NAMED {
            let _ = write!(words, "\n  and {} more", count - NAMED);
        }
        words.push('\n');
    } else {
        words.push_str("; ");
    }
    words + "--partial adds up what is there"
}
