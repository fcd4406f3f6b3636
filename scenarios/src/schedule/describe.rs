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
            let _ = write!(workers, "{name} ({}", counted(worker.slots as usize, "slot"));
            if !worker.start_after.is_zero() {
                let _ = write!(workers, ", from {}", humantime::format_duration(worker.start_after));
            }
            if let Some(after) = worker.stop_after {
                let _ = write!(workers, ", told to stop after {}", humantime::format_duration(after));
            }
            workers.push_str("), ");
        }
        let backups = if self.backup_tasks { ", backup tasks" } else { "" };
        let apart = if self.apart { ", intermediate files apart" } else { "" };
        format!("{workers}task timeout {}{backups}{apart}", humantime::format_duration(self.task_timeout))
    }
}

impl Workload {
    fn describe(&self, cluster: &ClusterShape) -> String {
        let bytes: usize = self.inputs.iter().map(|input| input.0.len()).sum();
        let app = format!("{:?}", self.app).to_lowercase();
        let mut text = format!(
            "{app} over {} of {bytes} bytes in all, {}, {}",
            counted(self.inputs.len(), "file"),
            counted(self.maps(cluster), "map"),
            counted(self.reduces as usize, "reduce")
        );
        if let Some(trouble) = &self.trouble {
            let phase = format!("{:?}", trouble.phase).to_lowercase();
            let times = trouble.times.map_or("every time".into(), |times| counted(times as usize, "time"));
            let _ = write!(text, "; {phase} stumbles over `{}` {times}", trouble.word);
        }
        text
    }
}

/// So many of something, as people write it.
pub(crate) fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
