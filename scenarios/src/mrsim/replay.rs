//! `mrsim replay`: one schedule, and what happens in it.

use std::path::{Path, PathBuf};

use mr_core::ids::{MapIndex, Partition, TaskId};
use sim::LogLevel;

use super::Trouble;
use super::exit::Ending;
use super::options::ReplayOptions;
use super::output::Output;
use crate::campaign::{Outcome, check_determinism};
use crate::failure::{DIGEST, Recorded};
use crate::invariants::in_words;
use crate::plan_file::PlanFile;
use crate::rehearsal::rehearse;
use crate::scenario::Scenario;
use crate::schedule::Schedule;
use crate::story::{Ink, Story, Timeline, page, perfetto};

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
pub(super) fn replay(subject: &Subject, options: &ReplayOptions, out: &mut Output) -> Result<Ending, Trouble> {
    let schedule = &subject.schedule;
    writeln!(out, "{}\n{}\n\n{}", subject.title, subject.about, schedule.describe());
    let level = options.log.or(options.html.as_ref().map(|_| LogLevel::DEBUG));
    let Some(recorded) = Recorded::run(schedule, level) else {
        writeln!(out, "\nthe harness itself crashed");
        return Ok(Ending::HarnessCrashed);
    };
    let report = &recorded.rehearsal.report;
    writeln!(
        out,
        "\n{} events in {:.6} s of virtual time, history {:016x}",
        report.events,
        report.virtual_time.as_secs_f64(),
        report.history_hash
    );
    let twice = options.check_determinism;
    let difference = if twice { check_determinism(schedule, &recorded.rehearsal, &rehearse) } else { None };
    let outcome = Outcome::of(difference, recorded.rehearsal.broken.clone());
    if options.wants_timeline() {
        write!(out, "\n{}\n", timeline(subject, &recorded.story, options)?);
    }
    tell(out, &outcome, &recorded, options);
    write_files(out, subject, &recorded.story, options);
    Ok(Ending::of(&outcome))
}

/// The part that is asked for, which is not to be empty.
fn timeline<'a>(subject: &Subject, story: &'a Story, options: &ReplayOptions) -> Result<Timeline<'a>, Trouble> {
    check_part(story, options)?;
    check_task(&subject.schedule, options)?;
    let timeline = Timeline::new(story, &options.part());
    if timeline.is_empty() {
        let end = story.end.as_secs_f64();
        return Err(Trouble::Usage(format!(
            "nothing happens in the part that is asked for; the run ends at {end:.6} s"
        )));
    }
    Ok(timeline)
}

/// A task that no job of this schedule has.
fn check_task(schedule: &Schedule, options: &ReplayOptions) -> Result<(), Trouble> {
    let maps = schedule.workload.maps(&schedule.cluster);
    let (kind, number, count) = match options.task {
        Some(TaskId::Map(MapIndex(number))) => ("map", number as usize, maps),
        Some(TaskId::Reduce(Partition(number))) => ("reduce", number as usize, schedule.workload.reduces as usize),
        None => return Ok(()),
    };
    if number < count {
        return Ok(());
    }
    let last = count.saturating_sub(1);
    Err(Trouble::Usage(format!("there is no {kind}-{number}; there are {kind}-0 to {kind}-{last}")))
}

/// A part that cannot be there is a slip of the pen.
fn check_part(story: &Story, options: &ReplayOptions) -> Result<(), Trouble> {
    if let (Some(from), Some(to)) = (options.from, options.to)
        && from > to
    {
        return Err(Trouble::Usage("--from is later than --to: nothing is between them".into()));
    }
    if let Some(unknown) = options.node.iter().find(|node| !story.nodes.contains(node)) {
        return Err(Trouble::Usage(format!("there is no node `{unknown}`; there are {}", story.nodes.join(", "))));
    }
    if let Some(path) = &options.causal_of
        && !story.causal_of(path).contains(&true)
    {
        return Err(Trouble::Usage(format!("nobody ever writes `{path}`; an output is called mr-out-0")));
    }
    Ok(())
}

fn tell(out: &mut Output, outcome: &Outcome, recorded: &Recorded, options: &ReplayOptions) {
    let Some(promise) = outcome.promise() else {
        let twice = if options.check_determinism { ", and it ran the same way twice" } else { "" };
        let nobody_left = recorded
            .rehearsal
            .nobody_left
            .as_ref()
            .map_or(String::new(), |why| format!("; the job did not end, as the plan has it: {why}"));
        return writeln!(out, "every promise was kept{twice}{nobody_left}");
    };
    writeln!(out, "\nbroken promise: {} ({})", Ink::Bad.paint(promise), in_words(promise));
    writeln!(out, "  {}", recorded.story.with_names(outcome.what()).replace('\n', "\n  "));
    if let Some(lineage) = &recorded.lineage {
        writeln!(out, "\nlineage of {lineage}");
    }
    if !options.wants_timeline() {
        write!(out, "\ntimeline, up to {}:\n{}", recorded.story.last_row_is(), recorded.digest(DIGEST));
    }
}

fn write_files(out: &mut Output, subject: &Subject, story: &Story, options: &ReplayOptions) {
    let mut write = |path: &Option<PathBuf>, text: &dyn Fn() -> String| {
        let Some(path) = path else { return };
        if out.write_file(path, &text()) {
            writeln!(out, "written: {}", path.display());
        }
    };
    write(&options.html, &|| page(story, &subject.title));
    write(&options.perfetto, &|| perfetto(story));
}
