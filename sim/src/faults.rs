//! Faults at work: which of the plan's faults hold now, whom they hit, and what that means for a message or a file operation.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;

use crate::agenda::Action;
use crate::decisions::{Decisions, Matter};
use crate::history::{Event, Message, Part};
use crate::life::Life;
use crate::plan::{DiskErrorKind, FaultKind, Operation, Plan, Trigger};
use crate::state::{NodeState, State};

/// A fault of the plan and how far it has come.
struct Scheduled {
    when: Trigger,
    what: FaultKind,
    /// How many more operations it hits, for the kinds that count.
    left: u32,
}

/// The operation that a fault waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Awaited {
    nth: u64,
    node: usize,
    operation: Operation,
}

/// All faults of a run.
pub(crate) struct Faults {
    all: Vec<Scheduled>,
    /// The places of those that hold now: nearly always none or few.
    holding: Vec<usize>,
    /// Those that wait for an operation: what for, and the fault's place.
    waiting: Vec<(Awaited, usize)>,
    /// Those whose operation is done, which strike once everybody who watches has seen it.
    due: VecDeque<usize>,
    /// The one that hit the step on files under way.
    last_hit: Option<usize>,
    /// When the last fault that has struck, or has a time to strike at, is over.
    pub(crate) healed_at: Duration,
    /// How many faults of each kind struck.
    pub(crate) struck: BTreeMap<&'static str, u64>,
}

/// What becomes of an append.
pub(crate) enum Append {
    /// All of it is written.
    Whole,
    /// This many bytes are written, then it fails.
    Cut(usize, io::Error),
}

impl Faults {
    /// The faults of `plan`, before any has struck.
    ///
    /// # Panics
    ///
    /// When one of them makes no sense.
    pub(crate) fn new(plan: &Plan) -> Self {
        for (index, fault) in plan.faults.iter().enumerate() {
            fault.check().unwrap_or_else(|problem| panic!("fault {index} of the plan makes no sense: {problem}"));
        }
        let scheduled = |fault: &crate::plan::Fault| Scheduled {
            left: match fault.what {
                FaultKind::ShortWrite { count, .. } | FaultKind::TornWrite { count, .. } => count,
                FaultKind::DiskError { count, .. } => count.unwrap_or(u32::MAX),
                FaultKind::BitRot { .. } => 1,
                _ => u32::MAX,
            },
            when: fault.when.clone(),
            what: fault.what.clone(),
        };
        Self {
            all: plan.faults.iter().map(scheduled).collect(),
            holding: Vec::new(),
            waiting: Vec::new(),
            due: VecDeque::new(),
            last_hit: None,
            healed_at: Duration::ZERO,
            struck: BTreeMap::new(),
        }
    }

    fn held(&self) -> impl Iterator<Item = &FaultKind> {
        self.holding.iter().map(|&index| &self.all[index].what)
    }

    /// Whether nothing goes from `from` to `to` now.
    pub(crate) fn parted(&self, from: &str, to: &str) -> bool {
        self.held().any(|fault| match fault {
            FaultKind::Partition { from: a, to: b, both_ways, .. } => {
                among(a, from) && among(b, to) || *both_ways && among(a, to) && among(b, from)
            }
            _ => false,
        })
    }

    /// The chance that `message` is lost.
    pub(crate) fn loss(&self, message: &Message) -> f64 {
        let (from, to) = (message.from.name(), message.to.name());
        self.most(|fault| match fault {
            FaultKind::Lossy { from: callers, to: called, requests, replies, .. } => match message.part {
                Part::Request => (among(callers, from) && among(called, to)).then_some(*requests),
                Part::Reply | Part::Refusal => (among(callers, to) && among(called, from)).then_some(*replies),
            },
            _ => None,
        })
    }

    /// The chance that a request arrives twice.
    pub(crate) fn duplication(&self, from: &str, to: &str) -> f64 {
        self.most(|fault| match fault {
            FaultKind::Duplicating { from: callers, to: called, probability, .. } => {
                (among(callers, from) && among(called, to)).then_some(*probability)
            }
            _ => None,
        })
    }

    /// The most by which a message is held up.
    pub(crate) fn extra_delay(&self, from: &str, to: &str) -> Duration {
        let extra = |fault: &FaultKind| match fault {
            FaultKind::Delaying { from: senders, to: receivers, extra, .. } => {
                (among(senders, from) && among(receivers, to)).then_some(*extra)
            }
            _ => None,
        };
        self.held().filter_map(extra).max().unwrap_or_default()
    }

    /// How many times as long a file operation of `node` takes; of several faults the worst counts.
    pub(crate) fn disk_slowness(&self, node: &str) -> f64 {
        let factor = |fault: &FaultKind| match fault {
            FaultKind::SlowDisk { node: whose, factor, .. } => (whose == node).then_some(*factor),
            _ => None,
        };
        self.held().filter_map(factor).fold(1.0, f64::max)
    }

    /// How many times as long `node` computes; of several faults the worst counts.
    pub(crate) fn compute_slowness(&self, node: &str) -> f64 {
        let factor = |fault: &FaultKind| match fault {
            FaultKind::SlowCompute { node: whose, factor, .. } => (whose == node).then_some(*factor),
            _ => None,
        };
        self.held().filter_map(factor).fold(1.0, f64::max)
    }

    /// The error with which an operation of `node` fails, if it does.
    pub(crate) fn disk_error(&mut self, node: &str, operation: Operation) -> Option<io::Error> {
        self.hit(|fault| match fault {
            FaultKind::DiskError { node: whose, operation: which, error, .. } => {
                (whose == node && which.is_none_or(|which| which == operation)).then(|| disk_error(*error))
            }
            _ => None,
        })
    }

    /// What becomes of the `nth` append of node number `index`: `len` bytes at `offset`.
    pub(crate) fn append(
        &mut self,
        decisions: Decisions,
        node: (&str, usize, u64),
        offset: usize,
        len: usize,
    ) -> Append {
        let (name, index, nth) = node;
        let written = decisions.below(Matter::TornAt, [index as u64, nth, 0], len as u64) as usize;
        let cut = self.hit(|fault| match fault {
            FaultKind::ShortWrite { node, .. } if node == name => {
                Some(Append::Cut(written, disk_error(DiskErrorKind::NoSpace)))
            }
            FaultKind::TornWrite { node, .. } if node == name => {
                let sector_end = (offset + written) / crate::files::SECTOR * crate::files::SECTOR;
                Some(Append::Cut(sector_end.saturating_sub(offset), disk_error(DiskErrorKind::Io)))
            }
            _ => None,
        });
        cut.unwrap_or(Append::Whole)
    }

    /// Whether the bytes that `node` reads of `path` are rotten, and if so, whether they are on the disk.
    pub(crate) fn bit_rot(&mut self, node: &str, path: &str) -> Option<bool> {
        self.hit(|fault| match fault {
            FaultKind::BitRot { node: whose, path_contains, stored, .. } => {
                (whose == node && path.contains(path_contains.as_str())).then_some(*stored)
            }
            _ => None,
        })
    }

    fn most(&self, chance: impl Fn(&FaultKind) -> Option<f64>) -> f64 {
        self.held().filter_map(chance).fold(0.0, f64::max)
    }

    /// The fault that has hit since this was asked last.
    pub(crate) fn take_hit(&mut self) -> Option<usize> {
        self.last_hit.take()
    }

    /// The first fault that hits and has hits left loses one of them.
    fn hit<T>(&mut self, hits: impl Fn(&FaultKind) -> Option<T>) -> Option<T> {
        for &index in &self.holding {
            let fault = &mut self.all[index];
            if fault.left > 0
                && let Some(hit) = hits(&fault.what)
            {
                fault.left -= 1;
                self.last_hit = Some(index);
                return Some(hit);
            }
        }
        None
    }
}

/// Whether `node` is one of `nodes`; of no nodes, everybody is.
fn among(nodes: &[String], node: &str) -> bool {
    nodes.is_empty() || nodes.iter().any(|name| name == node)
}

fn disk_error(kind: DiskErrorKind) -> io::Error {
    match kind {
        DiskErrorKind::Io => io::Error::other("input/output error"),
        DiskErrorKind::NoSpace => io::Error::new(io::ErrorKind::StorageFull, "no space left on device"),
    }
}

impl State {
    /// Puts the faults that strike at a time on the agenda, and the others in waiting.
    pub(crate) fn schedule_faults(&mut self) {
        for (index, fault) in self.faults.all.iter().enumerate() {
            let waits_for = match &fault.when {
                Trigger::At(_) => None,
                Trigger::After { node, .. } => Some(node.as_str()),
            };
            for name in fault.what.nodes().chain(waits_for) {
                assert!(
                    self.names.contains_key(name),
                    "fault {index} of the plan names {name}, which is no node of the cluster"
                );
            }
            match &fault.when {
                Trigger::At(at) => {
                    self.agenda.add(*at, Action::Strike(index));
                    self.faults.healed_at = self.faults.healed_at.max(*at + fault.what.extent());
                }
                Trigger::After { node, operation, nth } => {
                    let awaited = Awaited { nth: *nth, node: self.names[node.as_str()], operation: *operation };
                    self.faults.waiting.push((awaited, index));
                }
            }
        }
    }

    /// Counts an operation that succeeded; the faults that waited for it are due.
    pub(crate) fn count(&mut self, node: usize, operation: Operation) {
        let succeeded = &mut self.nodes[node].succeeded[operation as usize];
        *succeeded += 1;
        let done = Awaited { nth: *succeeded, node, operation };
        if self.faults.waiting.iter().all(|(awaited, _)| *awaited != done) {
            return;
        }
        let due = self.faults.waiting.extract_if(.., |(awaited, _)| *awaited == done);
        self.faults.due.extend(due.map(|(_, index)| index));
    }

    /// Lets the faults strike that are due; says whether there were any.
    pub(crate) fn strike_due(&mut self) -> bool {
        let any = !self.faults.due.is_empty();
        while let Some(index) = self.faults.due.pop_front() {
            self.strike(index);
        }
        any
    }

    /// A fault strikes; one that finds its node down, or its machine not started yet, misses.
    pub(crate) fn strike(&mut self, index: usize) {
        let what = self.faults.all[index].what.clone();
        let target = what.node().map(|name| self.names[name]);
        if target.is_some_and(|node| !self.can_hit(&what, &self.nodes[node])) {
            return;
        }
        let kind = what.name();
        *self.faults.struck.entry(kind).or_default() += 1;
        let healed = self.now + what.extent();
        self.faults.healed_at = self.faults.healed_at.max(healed);
        self.tell(Event::FaultStruck { fault: index, kind });
        let node = target.unwrap_or_default();
        match what {
            FaultKind::Crash { restart_after, .. } => self.crash(node, restart_after),
            FaultKind::PowerLoss { restart_after, .. } => self.lose_power(node, restart_after),
            FaultKind::Pause { duration, .. } => self.pause(node, duration),
            FaultKind::ClockJump { forward, .. } => self.leap_clock(node, forward),
            lasting => {
                if let FaultKind::ClockDrift { parts_per_million, .. } = lasting {
                    self.drift_clock(node, parts_per_million);
                }
                self.faults.holding.push(index);
                self.agenda.add(healed, Action::Heal(index));
            }
        }
    }

    /// Whether `what` can hit `node` now. A machine has power from its first start on, whatever became of its process.
    fn can_hit(&self, what: &FaultKind, node: &NodeState) -> bool {
        match what {
            FaultKind::Crash { .. } | FaultKind::Pause { .. } => node.life == Life::Running,
            FaultKind::PowerLoss { .. } => node.has_power && node.starts > 0,
            _ => true,
        }
    }

    /// A lasting fault is over.
    pub(crate) fn heal(&mut self, index: usize) {
        let kind = self.faults.all[index].what.name();
        self.faults.holding.retain(|&holding| holding != index);
        if let FaultKind::ClockDrift { node, .. } = &self.faults.all[index].what {
            // Another that has struck meanwhile goes on, and one that was there before comes back.
            let drifts = self.faults.held().filter_map(|fault| match fault {
                FaultKind::ClockDrift { node: whose, parts_per_million, .. } if whose == node => {
                    Some(*parts_per_million)
                }
                _ => None,
            });
            let left = drifts.last().unwrap_or(0);
            let node = self.names[node.as_str()];
            self.drift_clock(node, left);
        }
        self.tell(Event::FaultHealed { fault: index, kind });
    }
}
