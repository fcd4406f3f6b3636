//! A schedule in a few lines, for whoever looks at one run.

use std::fmt::Write;

use super::{ClusterShape, Schedule, Workload};

impl Schedule {
    /// Who works, on what, and what goes wrong: a line each.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text =
            format!("cluster   {}\nworkload  {}", self.cluster.describe(), self.workload.describe(&self.cluster));
        for (number, fault) in self.faults.iter().enumerate() {
            let _ = write!(text, "\nfault {number:<3} {fault}");
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
