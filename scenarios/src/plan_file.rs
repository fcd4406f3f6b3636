//! Plan files: one schedule, written down to be read, kept, edited and replayed. Those of old bugs live in
//! `scenarios/regressions` and always run first.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sim::Fault;
use toml::Spanned;

use crate::file::{FileProblem, did_you_mean, read_text, stem, toml_files};
use crate::invariants::promises;
use crate::schedule::{ClusterShape, Models, Schedule, Workload, check};

/// A schedule and what a person should know about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanFile {
    /// What happens in it and which bug it once showed, in a sentence or two.
    pub about: String,
    /// Which promise it once broke: the name of a file in `scenarios/src/invariants`, or `no_panic`, `determinism`, `harness`, which have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaks: Option<String>,
    /// The schedule.
    #[serde(flatten)]
    pub schedule: Schedule,
}

/// A plan file, word for word, with the places of what may make no sense.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    about: String,
    breaks: Option<Spanned<String>>,
    seed: u64,
    cluster: Spanned<ClusterShape>,
    workload: Spanned<Workload>,
    models: Option<Spanned<Models>>,
    #[serde(default)]
    faults: Vec<Spanned<Fault>>,
}

impl PlanFile {
    /// Reads a plan file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or makes no sense.
    pub fn read(path: &Path) -> Result<Self, FileProblem> {
        Self::parse(path, &read_text(path)?)
    }

    /// Reads `text`, the contents of the plan file at `path`.
    ///
    /// # Errors
    ///
    /// When it makes no sense: an unknown key or word, a number out of bounds, a node that is not there.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FileProblem> {
        let written: Written = toml::from_str(text).map_err(|error| FileProblem::of_toml(path, text, &error))?;
        let (cluster, faults) = (written.cluster.get_ref(), &written.faults);
        let breaks = written.breaks.iter().map(|name| (name.span(), check_promise(name.get_ref())));
        let shapes = [
            (written.cluster.span(), written.cluster.get_ref().check()),
            (written.workload.span(), written.workload.get_ref().check()),
        ];
        let models = written.models.iter().map(|models| (models.span(), models.get_ref().check(cluster)));
        let count = faults.last().map(|last| (last.span(), check::faults(faults.len() as u64)));
        let faults = faults.iter().map(|fault| (fault.span(), check::fault(fault.get_ref(), cluster)));
        for (span, sense) in breaks.chain(shapes).chain(models).chain(count).chain(faults) {
            sense.map_err(|what| FileProblem::at(path, text, &span, what))?;
        }
        let schedule = Schedule {
            seed: written.seed,
            cluster: written.cluster.into_inner(),
            workload: written.workload.into_inner(),
            models: written.models.map(Spanned::into_inner).unwrap_or_default(),
            faults: written.faults.into_iter().map(Spanned::into_inner).collect(),
        };
        Ok(Self { about: written.about, breaks: written.breaks.map(Spanned::into_inner), schedule })
    }

    /// Reads all plan files (`*.toml`) of a directory, with their names (without `.toml`), in the order of these.
    ///
    /// # Errors
    ///
    /// When the directory or one of the files cannot be read, or a file makes no sense.
    pub fn read_all(directory: &Path) -> Result<Vec<(String, Self)>, FileProblem> {
        toml_files(directory)?.iter().map(|path| Ok((stem(path), Self::read(path)?))).collect()
    }

    /// The text of the file.
    ///
    /// # Panics
    ///
    /// Never: all of it can be written as TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("text, numbers, lists and tables are what TOML has")
    }
}

fn check_promise(name: &str) -> check::Sense {
    let is_one = promises().any(|promise| promise == name);
    check::ensure(is_one, || format!("there is no promise `{name}`{}", did_you_mean(name, promises())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"
about = "w1 loses power."
seed = 7

[cluster]
workers = [{ slots = 1 }, { slots = 1, start_after = "2s" }]
task_timeout = "1s"
max_failures = 4

[workload]
app = "trail"
combine = false
reduces = 2
limits = { map_buffer = 100, read_block = 10, run_block = 10, merge_fan_in = 2, write_block = 10 }
inputs = ["a b", { hex = "ff00" }]

[[faults]]
when = { after = { node = "w1", operation = "rename", nth = 3 } }
what = { power_loss = { node = "w1", restart_after = "1s" } }
"#;

    fn parse(text: &str) -> Result<PlanFile, FileProblem> {
        PlanFile::parse(Path::new("plan.toml"), text)
    }

    fn problem_of(from: &str, to: &str) -> String {
        assert!(PLAN.contains(from));
        parse(&PLAN.replacen(from, to, 1)).expect_err(to).to_string()
    }

    #[test]
    fn a_plan_reads_back_as_it_was_written() {
        let plan = parse(PLAN).unwrap();
        assert_eq!(plan.schedule.workload.inputs[1].0, b"\xff\0");
        assert_eq!(parse(&plan.to_toml()), Ok(plan));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_line() {
        for (from, to, problem) in [
            ("node = \"w1\", restart", "node = \"w7\", restart", "plan.toml:17: this cluster has no node `w7`"),
            ("[{ slots = 1 }", "[{ slots = 0 }", "plan.toml:5: a worker has 1 to"),
            ("reduces = 2", "reduces = 0", "plan.toml:10: a job has 1 to"),
            ("merge_fan_in = 2", "merge_fan_in = 1", "plan.toml:10: merge_fan_in is at least 2"),
            (
                "{ node = \"w1\", restart",
                "{ node = \"coordinator\", restart",
                "plan.toml:17: a coordinator that has died does not",
            ),
            ("nth = 3", "nth = 0", "plan.toml:17: `nth` counts from 1"),
            ("task_timeout = \"1s\"", "task_timeout = 1", "plan.toml:7: "),
            ("task_timeout = \"1s\"", "task_timeout = \"101years\"", "plan.toml:5: no time is longer"),
            ("\"ff00\"", "\"ff0\"", "plan.toml:15: "),
        ] {
            let found = problem_of(from, to);
            assert!(found.starts_with(problem), "{found}");
        }
    }

    #[test]
    fn numbers_out_of_bounds_are_refused() {
        let with = |what: &str| problem_of("{ power_loss = { node = \"w1\", restart_after = \"1s\" } }", what);
        let lossy = with("{ lossy = { from = [], to = [], requests = 1.5, replies = 0.0, duration = \"1s\" } }");
        assert!(lossy.contains("`1.5` is not a share"), "{lossy}");
        let slow = with("{ slow_disk = { node = \"w1\", factor = 0.5, duration = \"1s\" } }");
        assert!(slow.contains("`0.5` is not a factor"), "{slow}");
        let drift = with("{ clock_drift = { node = \"w1\", parts_per_million = -1000000, duration = \"1s\" } }");
        assert!(drift.contains("drift"), "{drift}");
    }

    #[test]
    fn models_out_of_bounds_are_refused() {
        let latency = r#"
[models.network.latency]
min = "2ms"
typical = "1ms"
max = "3ms"
"#;
        let with = |text: &str| parse(&format!("{PLAN}{text}"));
        let found = with(latency).expect_err("its typical is below its min").to_string();
        assert!(found.starts_with("plan.toml:21: ") && found.contains("network: 2ms, 1ms"), "{found}");
        assert_eq!(with(&latency.replace("2ms", "1us")).map(drop), Ok(()));
    }

    #[test]
    fn nodes_are_slow_only_where_there_are_such_nodes() {
        let compute = "[models.compute]\nnanos_per_byte = 1.0\nnanos_per_record = 1.0";
        let with = |node: &str| parse(&format!("{PLAN}\n{compute}\nslowness = {{ {node} = 3.0 }}\n"));
        let found = with("w3").expect_err("there are two").to_string();
        assert!(found.starts_with("plan.toml:21: slowness: this cluster has no node `w3`, only w1, w2"), "{found}");
        assert_eq!(with("w2").map(drop), Ok(()));
    }

    #[test]
    fn somebody_stays_to_finish_the_job() {
        let stopped = "{ slots = 1, stop_after = \"1s\" }";
        let all = |workers: &str| PLAN.replacen("[{ slots = 1 }, { slots = 1, start_after = \"2s\" }]", workers, 1);
        let found = parse(&all(&format!("[{stopped}]"))).expect_err("nobody stays").to_string();
        assert!(found.starts_with("plan.toml:5: one worker at least has no `stop_after`"), "{found}");
        assert!(parse(&all(&format!("[{stopped}, {{ slots = 1 }}]"))).is_ok());
    }

    #[test]
    fn a_plan_breaks_what_is_promised() {
        let with = |name: &str| PLAN.replacen("seed = 7", &format!("breaks = \"{name}\"\nseed = 7"), 1);
        let found = parse(&with("output")).expect_err("it is called `outputs`").to_string();
        assert_eq!(found, "plan.toml:3: there is no promise `output`; did you mean `outputs`?");
        assert!(promises().all(|name| parse(&with(name)).is_ok()));
    }

    #[test]
    fn more_than_makes_sense_is_refused() {
        let workers = format!("workers = [{}{{ slots = 1 }}]", "{ slots = 1 }, ".repeat(10_000));
        let faults = "\n[[faults]]\nwhen = { at = \"1s\" }\nwhat = { crash = { node = \"w1\" } }\n".repeat(10_000);
        let found = parse(&format!("{PLAN}{faults}")).expect_err("one more than ten thousand").to_string();
        assert!(found.ends_with("a plan has at most 10000 faults, not 10001"), "{found}");
        for (from, to, problem) in [
            (
                "workers = [{ slots = 1 }, { slots = 1, start_after = \"2s\" }]",
                workers.as_str(),
                "1 to 10000 workers, not 10001",
            ),
            ("slots = 1 }", "slots = 20000 }", "1 to 10000 slots, not 20000"),
            ("{ hex = \"ff00\" }", &"\"\", ".repeat(10_000), "a job has at most 10000 files, not 10001"),
            ("reduces = 2", "reduces = 20000", "1 to 10000 reduces, not 20000"),
            ("\"1s\"\nmax", "\"0s\"\nmax", "the task timeout is longer than nothing"),
        ] {
            let found = problem_of(from, to);
            assert!(found.ends_with(problem), "{found}");
        }
    }

    #[test]
    fn the_right_word_is_suggested() {
        for (from, to, problem) in [
            ("max_failures", "max_failure", "plan.toml:8: unknown field `max_failure`"),
            ("power_loss", "power_lost", "plan.toml:19: unknown variant `power_lost`"),
            ("\"rename\"", "\"renam\"", "plan.toml:18: unknown variant `renam`"),
        ] {
            let found = problem_of(from, to);
            let meant = format!("did you mean `{}`?", from.trim_matches('"'));
            assert!(found.starts_with(problem) && found.ends_with(&meant), "{found}");
        }
    }
}
