//! A file of results, read back for `mrsim merge`: what each campaign in it has left, and whether its parts are those of its total.
//!
//! Counts and failures are written apart, and whoever loses one of them (a copy that stopped, a line that `grep` took out) has a file that looks
//! whole. So nothing is believed that is not said twice: every failure has its line and is counted, and the counts of all scenarios
//! come to the total.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use mr_core::marks;
use sim::FaultKind;

use super::exit::Ending;
use super::json::{Content, FailureLine, Line, ScenarioLine, TotalLine, VERSION};
use super::tally::{REGRESSIONS, Tally};

/// What one campaign left in a file. Several may be poured into one, one after the other.
#[derive(Default)]
pub(super) struct Left {
    pub(super) failures: Vec<FailureLine>,
    pub(super) tallies: BTreeMap<String, Tally>,
    /// The last line but for reports; a campaign without it was killed.
    pub(super) total: Option<TotalLine>,
}

/// All that the file at `path` holds; the error says what is wrong with it.
pub(super) fn read(path: &Path) -> Result<Vec<Left>, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    // Who is killed while it writes may leave half a letter.
    let text = String::from_utf8_lossy(&bytes);
    let mut all = Vec::new();
    let mut left = Left::default();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if !line.ends_with('\n') && is_half(line) {
            break;
        }
        left.add(parse(line, number + 1)?)?;
        if left.total.is_some() {
            all.push(std::mem::take(&mut left));
        }
    }
    if all.is_empty() || !left.is_empty() {
        all.push(left);
    }
    Ok(all)
}

/// Whether `line` ends in the middle of a result.
fn is_half(line: &str) -> bool {
    serde_json::from_str::<Line>(line).is_err_and(|error| error.is_eof())
}

fn parse(line: &str, number: usize) -> Result<Content, String> {
    let line: Line = serde_json::from_str(line)
        .map_err(|error| format!("line {number} is no result of `mrsim run --json`: {error}"))?;
    if line.version != VERSION {
        return Err(format!("it is of version {}, this program reads {VERSION}", line.version));
    }
    Ok(line.content)
}

impl Left {
    fn is_empty(&self) -> bool {
        self.failures.is_empty() && self.tallies.is_empty()
    }

    fn add(&mut self, content: Content) -> Result<(), String> {
        match content {
            Content::Failure(failure) => self.failures.push(failure),
            Content::Scenario(scenario) => {
                let (name, tally) = tally_of(scenario)?;
                if self.tallies.contains_key(&name) {
                    return Err(format!("two lines tell what {name} comes to"));
                }
                self.tallies.insert(name, tally);
            }
            Content::Report(_) => {}
            Content::Total(total) => {
                self.must_come_to(&total)?;
                self.must_be_failures()?;
                self.total = Some(total);
            }
        }
        Ok(())
    }

    /// What became of a campaign that did not come to its end; nothing, if this one did.
    pub(super) fn cut_off(&self) -> Option<&'static str> {
        match &self.total {
            None => Some("its total is missing: that campaign was cut off"),
            Some(total) if total.interrupted => Some("that campaign was interrupted"),
            Some(_) => None,
        }
    }

    /// What is known to have been rehearsed: what scenarios have counted, and where that is missing, the failures themselves.
    pub(super) fn known(&self) -> BTreeMap<String, Tally> {
        let mut known = self.tallies.clone();
        for failure in self.failures.iter().filter(|failure| !self.tallies.contains_key(row(failure))) {
            let tally = known.entry(row(failure).to_owned()).or_default();
            tally.schedules += 1;
            tally.failed += 1;
        }
        known
    }

    /// The failures must be those that the scenarios have counted, and the scenarios must come to the total.
    fn must_come_to(&self, total: &TotalLine) -> Result<(), String> {
        let sum = |of: fn(&Tally) -> u64| self.tallies.values().map(of).fold(0, u64::saturating_add);
        let (schedules, failed) = (sum(|tally| tally.schedules), sum(|tally| tally.failed));
        if (schedules, failed) != (total.schedules, total.failed) {
            return Err(format!(
                "its scenarios come to {schedules} schedules, {failed} of them failed, and its total to {}, {} of them failed: a line is \
                 missing or was changed",
                total.schedules, total.failed
            ));
        }
        let rows: BTreeSet<&str> =
            self.tallies.keys().map(String::as_str).chain(self.failures.iter().map(row)).collect();
        for name in rows {
            let counted = self.tallies.get(name).map_or(0, |tally| tally.failed);
            let told = self.failures.iter().filter(|failure| row(failure) == name).count() as u64;
            if counted != told {
                return Err(format!("of {name} {counted} schedules failed, and it has the lines of {told}"));
            }
        }
        Ok(())
    }

    /// Each failure is one, and told once.
    pub(super) fn must_be_failures(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for failure in &self.failures {
            let FailureLine { scenario, regression, seed, judgement, .. } = failure;
            if !seen.insert((scenario, regression, seed)) {
                return Err(format!("it tells the failure of {scenario}, seed {seed}, twice"));
            }
            if Ending::of_judgement(judgement) == Ending::Passed {
                return Err(format!("it tells {scenario}, seed {seed}, as a failure that has passed"));
            }
        }
        Ok(())
    }
}

/// The row of the table in which a failure counts.
pub(super) fn row(failure: &FailureLine) -> &str {
    if failure.regression { REGRESSIONS } else { &failure.scenario }
}

fn tally_of(line: ScenarioLine) -> Result<(String, Tally), String> {
    if line.failed > line.schedules {
        return Err(format!("of {} more schedules failed than there were", line.scenario));
    }
    let mut tally = Tally {
        schedules: line.schedules,
        failed: line.failed,
        nobody_left: line.nobody_left,
        events: line.events,
        virtual_time: Duration::from_nanos(line.virtual_nanos),
        slowest: line.slowest.map(|slowest| (Duration::from_nanos(slowest.virtual_nanos), slowest.seed)),
        ..Tally::default()
    };
    for (kind, count) in line.faults {
        tally.faults.insert(known(&kind, &FaultKind::NAMES)?, count);
    }
    for cell in line.coverage {
        tally.coverage.add(cell.step, known(&cell.fault, &FaultKind::NAMES)?, cell.times);
    }
    for (mark, count) in line.marks {
        tally.marks.insert(known(&mark, &marks::ALL)?, count);
    }
    Ok((line.scenario, tally))
}

/// A name that this program has as well.
fn known(name: &str, names: &[&'static str]) -> Result<&'static str, String> {
    let found = names.iter().find(|known| **known == name).copied();
    found.ok_or_else(|| format!("this program knows no `{name}`; was the file written by another version?"))
}
