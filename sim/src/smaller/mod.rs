//! Shrinking: from a plan that fails to the smallest one found that fails as well, for whoever is to understand it.
//!
//! Each step takes something away or makes a value plainer, and what is left is tried. Because decisions are addressed and not drawn in
//! sequence, taking one fault out moves nothing else, and most steps succeed or fail for a reason. [`shrink`] does it to plans;
//! [`step_by_step`] does it to whatever a system has beside its plan, and the steps for faults can be had one by one.

mod faults;
mod pieces;

use std::ops::ControlFlow;

pub use self::faults::{at_a_time, fewer, plainer_numbers, rounder, shorter};
pub use self::pieces::{smaller_numbers, without_pieces};
use crate::plan::{Fault, Plan};

/// How many plans [`shrink`] tries at most.
pub const TRIES: usize = 1000;

/// Makes of a thing all that are a step smaller in one respect, the boldest first.
pub type Step<T> = fn(&T) -> Vec<T>;

/// The smallest plan found that still `fails`: without the faults that it does not take, and with plainer ones.
///
/// `fails` runs a plan and says whether it fails *in the same way*: a smaller plan often breaks something else, or nothing but the patience of
/// the run. It is asked a thousand times at most, and not about `plan` itself.
pub fn shrink(plan: &Plan, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
    let mut tries = 0;
    let fails = |faults: &Vec<Fault>| {
        tries += 1;
        if tries > TRIES {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(fails(&Plan { faults: faults.clone() }))
    };
    let steps: [Step<Vec<Fault>>; 5] = [
        |faults| fewer(faults),
        |faults| at_a_time(faults),
        |faults| shorter(faults),
        |faults| plainer_numbers(faults),
        |faults| rounder(faults),
    ];
    let (faults, _) = step_by_step(plan.faults.clone(), &steps, fails);
    Plan { faults }
}

/// The smallest thing found that still fails, and whether nothing smaller is left to try, as far as the steps go.
///
/// A step that succeeds is taken again on what it has made; when all of them have been taken, they are gone through anew, until none succeeds. `fails`
/// says whether a thing fails, or breaks when it has had enough.
pub fn step_by_step<T>(start: T, steps: &[Step<T>], mut fails: impl FnMut(&T) -> ControlFlow<(), bool>) -> (T, bool) {
    let mut smallest = start;
    loop {
        let mut any = false;
        for step in steps {
            loop {
                match first_that_fails(step(&smallest), &mut fails) {
                    ControlFlow::Continue(Some(smaller)) => smallest = smaller,
                    ControlFlow::Continue(None) => break,
                    ControlFlow::Break(()) => return (smallest, false),
                }
                any = true;
            }
        }
        if !any {
            return (smallest, true);
        }
    }
}

fn first_that_fails<T>(
    candidates: Vec<T>,
    fails: &mut impl FnMut(&T) -> ControlFlow<(), bool>,
) -> ControlFlow<(), Option<T>> {
    for candidate in candidates {
        if fails(&candidate)? {
            return ControlFlow::Continue(Some(candidate));
        }
    }
    ControlFlow::Continue(None)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::{FaultKind, Operation, Trigger};

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn pause(node: &str, nth: u64, duration: Duration) -> Fault {
        let when = Trigger::After { node: node.into(), operation: Operation::Sync, nth };
        Fault { when, what: FaultKind::Pause { node: node.into(), duration } }
    }

    fn ten() -> Plan {
        Plan { faults: (0..10).map(|nth| pause(&format!("w{nth}"), 9, ms(1000 + nth))).collect() }
    }

    #[test]
    fn what_does_not_matter_goes_and_what_does_stays() {
        // It takes a pause of w3 for 20 ms, at its second sync or later.
        let matters = |fault: &Fault| {
            let late = matches!(fault.when, Trigger::After { nth: 2.., .. });
            late && fault.what.node() == Some("w3") && fault.what.extent() >= ms(20)
        };
        let shrunk = shrink(&ten(), |plan| plan.faults.iter().any(matters));
        let [Fault { when: Trigger::After { nth: 2, .. }, what }] = &shrunk.faults[..] else { panic!("{shrunk:?}") };
        assert!(what.extent() >= ms(20) && what.extent() < ms(40), "{shrunk:?}");
        assert_eq!(shrunk, shrink(&ten(), |plan| plan.faults.iter().any(matters)), "the same every time");
    }

    #[test]
    fn a_plan_that_has_no_part_in_it_shrinks_to_none() {
        assert_eq!(shrink(&ten(), |_| true), Plan::default());
    }

    #[test]
    fn tries_are_bounded() {
        let many = Plan { faults: (1..=300).map(|nth| pause("w", nth, ms(5))).collect() };
        let mut tried = 0;
        shrink(&many, |_| {
            tried += 1;
            false
        });
        assert_eq!(tried, TRIES);
    }

    #[test]
    fn what_cannot_get_any_smaller_is_complete() {
        let steps: [Step<u64>; 1] = [|number| smaller_numbers(*number, 0)];
        let fails = |number: &u64| ControlFlow::Continue(*number >= 7);
        assert_eq!(step_by_step(100, &steps, fails), (7, true));
        assert_eq!(step_by_step(100, &steps, |_| ControlFlow::Break(())), (100, false));
    }
}
