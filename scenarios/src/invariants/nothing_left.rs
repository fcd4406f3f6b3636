//! When a job has succeeded, nothing is left of it but its outputs: no temporary and no intermediate file, no directory.
//! (Lab 1: intermediate files are for the workers' eyes only.)

use sim::DiskView;

pub(super) fn check_end(disk: &DiskView<'_>) -> Result<(), String> {
    let left = disk.files().find(|path| !path.starts_with("in/") && !path.starts_with("mr-out-"));
    let directory = disk.list("").find(|name| name.starts_with("mr-job-"));
    match left.or(directory) {
        Some(path) => Err(format!("{path} is left although the job has succeeded")),
        None => Ok(()),
    }
}
