//! The course's test of parallel maps.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mr_core::app::{App, AppError, Emit, MapInput, Output, Values};

use crate::VERSION;
use crate::joined::sorted_and_joined;
use crate::parallel::workers_at_once;

/// Tells for each worker when its maps started (`times-PID`) and how many workers mapped at those times (`parallel-PID`). A map
/// takes one second, for which it leaves the file `mr-worker-map-PID` in the current directory.
#[derive(Debug, Clone, Copy)]
pub struct MapTiming;

impl App for MapTiming {
    fn name(&self) -> &str {
        "mtiming"
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn map(&self, _input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        timed(Path::new("."), Duration::from_secs(1), emit)
    }

    fn reduce(&self, _key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.value(&sorted_and_joined(values, " "));
        Ok(())
    }
}

/// A map in `directory` that takes `time`.
fn timed(directory: &Path, time: Duration, emit: &mut dyn Emit) -> Result<(), AppError> {
    let start = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| AppError(error.to_string()))?;
    let parallel = workers_at_once(directory, "map", time)?;
    let process = std::process::id();
    emit.emit(format!("times-{process}").as_bytes(), format!("{:.1}", start.as_secs_f64()).as_bytes());
    emit.emit(format!("parallel-{process}").as_bytes(), parallel.to_string().as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::testing::{Emitted, list, reduced};

    #[test]
    fn a_map_tells_its_start_and_how_many_there_were() {
        let directory = TempDir::new().expect("a temporary directory");
        let before = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs_f64();
        let mut emitted = Emitted::default();
        timed(directory.path(), Duration::ZERO, &mut emitted).expect("a map");
        let [(times, time), (parallel, count)] = &emitted.texts()[..] else { panic!("two records") };
        let process = std::process::id();
        assert_eq!((times, parallel), (&format!("times-{process}"), &format!("parallel-{process}")));
        assert_eq!(count, "1");
        assert_eq!(time.split_once('.').map(|(_, fraction)| fraction.len()), Some(1));
        let after = time.parse::<f64>().expect("a time") - before;
        assert!((-0.1..10.0).contains(&after), "{after} seconds");
    }

    #[test]
    fn values_are_sorted_and_stand_side_by_side() {
        assert_eq!(reduced(&MapTiming, "parallel-7", &list(["2", "1", "2"])), Ok("parallel-7 1 2 2\n".to_owned()));
    }
}
