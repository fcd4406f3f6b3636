//! A schedule in a few lines, for whoever looks at one run.

use std::fmt::Write;

use sim::{Fault, Trigger};

use super::{ClusterShape, Schedule, Workload};

impl Schedule {
    /// Who works, on what, and what goes wrong: a line each.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text =
            format!("cluster   {}\nworkload  {}", self.cluster.describe(), self.workload.describe(&self.cluster));
        for (number, fault) in self.faults.iter().enumerate() {
            let _ = write!(text, "\nfault {number:<3} {}", describe(fault));
        }
        text
    }
}

impl ClusterShape {
    fn describe(&self) -> String {
        let mut workers = String::new();
        for (name, worker) in self.worker_names().zip(&self.workers) {
            let _ = write!(workers, "{name} ({} slots", worker.slots);
            if !worker.start_after.is_zero() {
                let _ = write!(workers, ", from {}", humantime::format_duration(worker.start_after));
            }
            workers.push_str("), ");
        }
        format!("{workers}task timeout {}", humantime::format_duration(self.task_timeout))
    }
}

impl Workload {
    fn describe(&self, cluster: &ClusterShape) -> String {
        let bytes: usize = self.inputs.iter().map(|input| input.0.len()).sum();
        let app = format!("{:?}", self.app).to_lowercase();
        let mut text = format!(
            "{app} over {} files of {bytes} bytes in all, {} maps, {} reduces",
            self.inputs.len(),
            self.maps(cluster),
            self.reduces
        );
        if let Some(trouble) = &self.trouble {
            let phase = format!("{:?}", trouble.phase).to_lowercase();
            let times = trouble.times.map_or("every time".into(), |times| format!("{times} times"));
            let _ = write!(text, "; {phase} stumbles over `{}` {times}", trouble.word);
        }
        text
    }
}

/// The fault as a plan has it, in one line.
fn describe(fault: &Fault) -> String {
    let what =
        toml::Value::try_from(&fault.what).map_or_else(|_| fault.what.name().to_owned(), |value| value.to_string());
    let what = what.strip_prefix("{ ").and_then(|what| what.strip_suffix(" }")).unwrap_or(&what);
    match &fault.when {
        Trigger::At(at) => format!("at {}: {what}", humantime::format_duration(*at)),
        Trigger::After { node, operation, nth } => format!("after {operation} number {nth} of {node}: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sim::{FaultKind, Operation};

    use super::*;

    #[test]
    fn a_fault_reads_as_a_line() {
        let what = FaultKind::Pause { node: "w1".into(), duration: Duration::from_millis(1500) };
        let when = Trigger::After { node: "w1".into(), operation: Operation::Rename, nth: 3 };
        assert_eq!(
            describe(&Fault { when, what }),
            "after rename number 3 of w1: pause = { duration = \"1s 500ms\", node = \"w1\" }"
        );
    }
}
