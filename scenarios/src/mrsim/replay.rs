//! `mrsim replay`: one schedule, and what happens in it.

use std::io::{self, Write};
use std::path::Path;
use std::thread;

use super::Trouble;
use super::exit::Ending;
use crate::campaign::{Outcome, check_determinism};
use crate::plan_file::PlanFile;
use crate::rehearsal::{Rehearsal, rehearse};
use crate::report::last_events;
use crate::scenario::Scenario;
use crate::schedule::Schedule;

/// What is replayed.
pub(super) struct Subject {
    pub(super) title: String,
    about: String,
    pub(super) schedule: Schedule,
}

impl Subject {
    /// A seed of a scenario.
    pub(super) fn drawn(scenario: &Scenario, seed: u64) -> Self {
        let title = format!("{}, seed {seed}", scenario.name);
        Self { title, about: scenario.about.clone(), schedule: scenario.draw(seed) }
    }

    /// A plan file.
    pub(super) fn planned(path: &Path, plan: PlanFile) -> Self {
        Self { title: path.display().to_string(), about: plan.about, schedule: plan.schedule }
    }
}

/// Rehearses it and tells what happened.
pub(super) fn replay(subject: &Subject, twice: bool) -> Result<Ending, Trouble> {
    let schedule = &subject.schedule;
    let mut out = io::stdout().lock();
    writeln!(out, "{}\n{}\n\n{}", subject.title, subject.about, schedule.describe())?;
    let run = || thread::scope(|scope| scope.spawn(|| rehearse(schedule, true)).join());
    let Ok(rehearsal) = run() else {
        writeln!(out, "\nthe harness itself crashed")?;
        return Ok(Ending::HarnessCrashed);
    };
    let report = &rehearsal.report;
    writeln!(
        out,
        "\n{} events in {:.6} s of virtual time, history {:016x}",
        report.events,
        report.virtual_time.as_secs_f64(),
        report.history_hash
    )?;
    let difference = if twice { check_determinism(schedule, &rehearsal, &rehearse) } else { None };
    let outcome = match (difference, rehearsal.broken.clone()) {
        (Some(difference), _) => Outcome::Nondeterministic(difference),
        (None, Some(broken)) => Outcome::Broken(broken),
        (None, None) => Outcome::Passed,
    };
    tell(&mut out, &outcome, &rehearsal, twice)?;
    Ok(Ending::of(&outcome))
}

fn tell(out: &mut impl Write, outcome: &Outcome, rehearsal: &Rehearsal, twice: bool) -> io::Result<()> {
    match outcome.promise() {
        None if twice => writeln!(out, "every promise was kept, and it ran the same way twice"),
        None => writeln!(out, "every promise was kept"),
        Some(promise) => {
            writeln!(out, "\nbroken promise: {promise}\n  {}", outcome.what().replace('\n', "\n  "))?;
            let history = rehearsal.report.history.as_ref();
            history.map_or(Ok(()), |history| write!(out, "\n{}", last_events(history)))
        }
    }
}
