//! What goes wrong in a scenario: groups of faults, each with how often, when and what, from which a seed draws a plan.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use serde::Deserialize;
use sim::{Chance, Fault, Operation, Trigger};
use toml::Spanned;

use super::between::{Between, Count, Odds};
use super::kinds::KindRanges;
use super::problem::{Problem, unwritten, written_or};
use super::targets::{Target, any_worker};
use crate::schedule::ClusterShape;
use crate::schedule::check::COORDINATOR_COMES_BACK;

/// One `[[faults]]` of a scenario file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultGroup {
    /// The share of seeds that have this group at all.
    #[serde(default = "always")]
    chance: Odds,
    /// How many such faults those seeds have.
    #[serde(default = "one")]
    count: Spanned<Between<Count>>,
    /// When they strike.
    when: Spanned<When>,
    /// What happens then.
    what: KindRanges,
}

fn always() -> Odds {
    Odds(1.0)
}

fn one() -> Spanned<Between<Count>> {
    unwritten(Between::exactly(Count(1)))
}

/// When a fault strikes; where both are given, half of the faults each way.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    /// At a time after the start.
    at: Option<Between<Duration>>,
    /// Right after an operation.
    after: Option<After>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    /// Whose; when absent, that of the node which the fault hits.
    node: Option<Spanned<Target>>,
    /// One of these.
    operations: Vec<Operation>,
    /// Which of that kind.
    nth: Between<Count>,
}

impl FaultGroup {
    /// What is wrong with it in a scenario whose clusters have this many workers: where in the file, and what.
    pub(super) fn problem(&self, workers: &RangeInclusive<usize>) -> Option<Problem> {
        let when = self.when.get_ref();
        let refuse = |what: &str| Some((self.when.span(), what.to_owned()));
        match (&when.at, &when.after) {
            (None, None) => return refuse("a fault strikes `at` a time or `after` an operation: say which"),
            (_, Some(after)) if after.operations.is_empty() => return refuse("`operations` names none"),
            _ => {}
        }
        if let KindRanges::DiskError { operations: Some(operations), .. } = &self.what
            && operations.is_empty()
        {
            return refuse("`operations` names none; leave it out to hit all");
        }
        if let Some(node) = self.what.node().filter(|node| *node.get_ref() == Target::Everybody) {
            return Some((
                node.span(),
                "this kind of fault hits one node: say \"every worker\" or \"any worker\"".into(),
            ));
        }
        if let KindRanges::Crash { node, restart_after: Some(_) }
        | KindRanges::PowerLoss { node, restart_after: Some(_) } = &self.what
            && *node.get_ref() == Target::Coordinator
        {
            return Some((node.span(), COORDINATOR_COMES_BACK.into()));
        }
        let trigger = when.after.as_ref().and_then(|after| after.node.as_ref());
        if let Some(node) = trigger.filter(|node| matches!(node.get_ref(), Target::EveryWorker | Target::Everybody)) {
            let what = "a fault waits for one node: say \"any worker\", \"coordinator\" or \"w1\", or leave `node` out for \
                        the one that it hits";
            return Some((node.span(), what.into()));
        }
        let mut targets = self.what.targets().chain(trigger);
        targets.find_map(|target| Some((target.span(), target.get_ref().problem(workers)?)))
    }

    /// How many faults it comes to at most where there are at most so many workers, and where the file says so: of one that is
    /// not counted, where it says when.
    pub(super) fn most(&self, workers: usize) -> (Range<usize>, u64) {
        let each = self.what.node().is_some_and(|node| *node.get_ref() == Target::EveryWorker);
        let count = u64::from(self.count.get_ref().high.0);
        (written_or(&self.count, &self.when), count * if each { workers as u64 } else { 1 })
    }

    /// Draws the faults of this group.
    pub(super) fn draw(&self, cluster: &ClusterShape, stream: &mut Chance, faults: &mut Vec<Fault>) {
        if !self.chance.draw(stream) {
            return;
        }
        for _ in 0..self.count.get_ref().draw(stream).0 {
            let any = any_worker(cluster, stream);
            let resolve = |target: &Target| target.nodes(cluster, &any);
            let hit = self.what.node().map_or(vec![any.clone()], |node| resolve(node.get_ref()));
            for node in hit {
                let when = self.when.get_ref().draw(&node, &resolve, stream);
                faults.push(Fault { when, what: self.what.draw(&node, &resolve, stream) });
            }
        }
    }
}

impl When {
    fn draw(&self, node: &str, resolve: &dyn Fn(&Target) -> Vec<String>, stream: &mut Chance) -> Trigger {
        let prefers_time = stream.happens(0.5);
        match (&self.at, &self.after) {
            (Some(at), None) => Trigger::At(at.draw(stream)),
            (Some(at), Some(_)) if prefers_time => Trigger::At(at.draw(stream)),
            (_, Some(after)) => {
                let node = match &after.node {
                    Some(whose) => resolve(whose.get_ref()).pop().expect("what means more than one node is refused"),
                    None => node.to_owned(),
                };
                let operation = *stream.one_of(&after.operations);
                Trigger::After { node, operation, nth: after.nth.draw(stream).0.into() }
            }
            (None, None) => Trigger::At(Duration::ZERO),
        }
    }
}
