//! Where the files of a rehearsal lie: inputs in `in`, outputs at the top, and what is temporary in directories of the job's own, beside the
//! outputs and, in some rehearsals, in a directory apart.

use crate::schedule::ClusterShape;

/// The directory of outputs.
pub(crate) const OUTPUTS: &str = ".";
/// The directory of intermediate files, where they do not lie beside the outputs.
pub(crate) const APART: &str = "apart";
/// A file that keeps [`APART`] there. It is nobody's.
pub(crate) const KEEPER: &str = "apart/keep";

/// The directory in which a worker makes the one for the intermediate files of its job.
pub(crate) fn intermediate(cluster: &ClusterShape) -> &'static str {
    if cluster.apart { APART } else { OUTPUTS }
}

/// The directory of the job's own intermediate files. (Each rehearsal has one job, the first of its coordinator.)
pub(crate) fn of_the_job(cluster: &ClusterShape) -> String {
    let apart = if cluster.apart { format!("{APART}/") } else { String::new() };
    format!("{apart}mr-job-0000000000000001")
}

/// The job, and the name in one of its directories, of a file that is temporary.
pub(crate) fn in_job(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix(APART).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path);
    path.strip_prefix("mr-job-")?.split_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_lie_in_either_directory_of_the_job() {
        for path in ["mr-job-00ff/map-3-2.tmp", "apart/mr-job-00ff/map-3-2.tmp"] {
            assert_eq!(in_job(path), Some(("00ff", "map-3-2.tmp")));
        }
        for path in ["mr-out-3", "in/0", "apart/keep", "apartment/mr-job-1/map-0-1", "mr-job-1"] {
            assert_eq!(in_job(path), None, "{path}");
        }
    }
}
