//! Which fault can strike at which step. Of every other pair it is said here why there is none, because a cell that can never be
//! filled would be looked at for nothing.

use sim::FaultKind;

use super::Step;

/// Every cell that a fault can strike.
pub fn all_cells() -> impl Iterator<Item = (Step, &'static str)> {
    let faults = |step: Step| FaultKind::NAMES.into_iter().filter(move |fault| can_strike(fault, step));
    Step::ALL.into_iter().flat_map(move |step| faults(step).map(move |fault| (step, fault)))
}

/// Whether a kind of fault can do something at a step.
fn can_strike(fault: &str, step: Step) -> bool {
    match fault {
        // The coordinator has no files and computes nothing.
        "power_loss" | "slow_disk" | "slow_compute" => !step.is_coordinators(),
        // A worker that looks for its coordinator has no files either.
        "disk_error" => !step.is_coordinators() && step != Step::Registering,
        // Only maps and reduces write.
        "short_write" | "torn_write" => matches!(step, Step::Mapping | Step::Reducing),
        // Only maps read inputs and what they have spilled, and only reduces read what maps have written.
        "bit_rot" => matches!(step, Step::Mapping | Step::Fetching | Step::Reducing),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coordinator_has_no_disk_to_fail() {
        assert!(!all_cells().any(|cell| cell == (Step::MapPhase, "torn_write")));
        assert!(all_cells().any(|cell| cell == (Step::Mapping, "torn_write")));
    }

    #[test]
    fn every_kind_of_fault_can_strike_somewhere_and_every_step_can_be_struck() {
        assert!(FaultKind::NAMES.iter().all(|fault| all_cells().any(|(_, kind)| kind == *fault)));
        assert!(Step::ALL.iter().all(|step| all_cells().any(|(at, _)| at == *step)));
    }
}
