//! `mrsim shrink`: from a schedule that breaks a promise to the smallest that breaks the same one, as a plan file or a test.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use sim::Recording;

use super::Trouble;
use super::exit::Ending;
use super::output::{Output, say};
use super::progress::ShrinkProgress;
use super::replay::Subject;
use crate::campaign::{Outcome, shell_word};
use crate::failure::{Failing, Smallest};
use crate::plan_file::PlanFile;
use crate::rehearsal::rehearse;

/// What is to become of the result.
pub(super) struct ShrinkOrders {
    pub(super) time: Duration,
    pub(super) output: Option<PathBuf>,
    pub(super) emit_test: bool,
}

/// Shrinks `subject` and tells, or writes, what is left. The plan itself is all that goes to stdout.
pub(super) fn shrink_subject(subject: &Subject, orders: &ShrinkOrders, out: &mut Output) -> Result<Ending, Trouble> {
    let rehearsal = std::thread::scope(|scope| scope.spawn(|| rehearse(&subject.schedule, Recording::Nothing)).join());
    let Ok(rehearsal) = rehearsal else {
        say(format_args!("the harness itself crashes on {}: there is nothing to shrink", subject.title));
        return Ok(Ending::HarnessCrashed);
    };
    let Some(broken) = rehearsal.broken else {
        return Err(Trouble::Usage(format!("{} breaks no promise: there is nothing to shrink", subject.title)));
    };
    let mut progress = ShrinkProgress::new();
    let watching = |shrinking| {
        progress.set(shrinking);
        ControlFlow::Continue(())
    };
    let Subject { schedule, title, .. } = subject;
    let failing = Failing { schedule, events: rehearsal.report.events, title, promise: broken.promise };
    let Smallest { plan, told, .. } = Smallest::of(&failing, orders.time, watching);
    progress.finish();
    say(told);
    let written = orders.output.as_ref().filter(|path| out.write_file(path, &plan.to_toml()));
    if let Some(path) = written {
        let argument = shell_word(&path.to_string_lossy()).into_owned();
        say(format_args!("written to {}; to replay it: cargo mrsim replay --plan {argument}", path.display()));
    }
    if orders.emit_test {
        write!(out, "{}", test_of(&plan));
    } else if written.is_none() {
        write!(out, "{}", plan.to_toml());
    }
    Ok(Ending::of(&Outcome::Broken(broken)))
}

/// A test that replays `plan`, to be put beside the code that it is about.
fn test_of(plan: &PlanFile) -> String {
    let promise = plan.breaks.as_deref().unwrap_or("a_promise");
    format!(
        "/// {}\n#[test]\nfn a_schedule_that_broke_{promise}_keeps_its_promises() {{\n    let plan = r####\"\n{}\"####;\n    \
         let plan = scenarios::PlanFile::parse(std::path::Path::new(\"plan.toml\"), plan).unwrap();\n    \
         let broken = scenarios::rehearse(&plan.schedule, sim::Recording::Nothing).broken;\n    assert_eq!(broken, None);\n}}\n",
        plan.about,
        plan.to_toml()
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sim::{Fault, FaultKind, Trigger};

    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn a_harness_that_crashes_is_no_wrong_usage() {
        let scenario = Scenario::parse(Path::new("a.toml"), "about = \"a\"\npromise = \"b\"").unwrap();
        let mut subject = Subject::drawn(&scenario, 1);
        // A plan file with this would be refused.
        let what = FaultKind::Crash { node: "nowhere".into(), restart_after: None };
        subject.schedule.faults.push(Fault { when: Trigger::At(Duration::ZERO), what });
        let orders = ShrinkOrders { time: Duration::ZERO, output: None, emit_test: false };
        let ending = shrink_subject(&subject, &orders, &mut Output::new());
        assert!(matches!(ending, Ok(Ending::HarnessCrashed)), "{ending:?}");
    }
}
