//! A smaller and plainer cluster.

use std::time::Duration;

use sim::{ComputeModel, DiskModel, Fault, FaultKind, NetworkModel, Trigger};

use crate::schedule::{ClusterShape, Schedule};

/// Without one of the workers, and without the faults that name it.
pub(super) fn fewer_workers(schedule: &Schedule) -> Vec<Schedule> {
    let workers = schedule.cluster.workers.len();
    if workers == 1 {
        return Vec::new();
    }
    (0..workers).rev().map(|index| without_worker(schedule, index)).collect()
}

/// The workers behind the one that is taken out move up, and so do their faults.
fn without_worker(schedule: &Schedule, index: usize) -> Schedule {
    let mut smaller = schedule.clone();
    smaller.cluster.workers.remove(index);
    let gone = ClusterShape::worker_name(index);
    let names: Vec<(String, String)> = (index + 1..schedule.cluster.workers.len())
        .map(|behind| (ClusterShape::worker_name(behind), ClusterShape::worker_name(behind - 1)))
        .collect();
    let renamed = |name: &mut String| {
        if let Some((_, new)) = names.iter().find(|(old, _)| old == name) {
            name.clone_from(new);
        }
    };
    smaller.faults.retain_mut(|fault| keep_without(fault, &gone));
    for fault in &mut smaller.faults {
        names_in(fault).into_iter().for_each(renamed);
    }
    let mut slowness: Vec<(String, f64)> = std::mem::take(&mut smaller.models.compute.slowness).into_iter().collect();
    slowness.retain(|(name, _)| *name != gone);
    slowness.iter_mut().for_each(|(name, _)| renamed(name));
    smaller.models.compute.slowness = slowness.into_iter().collect();
    smaller
}

/// Takes the node `gone` out of a fault; says whether there is anything left of it.
fn keep_without(fault: &mut Fault, gone: &str) -> bool {
    let waits_for_it = matches!(&fault.when, Trigger::After { node, .. } if node == gone);
    if waits_for_it || fault.what.node() == Some(gone) {
        return false;
    }
    match &mut fault.what {
        FaultKind::Partition { from, to, .. }
        | FaultKind::Lossy { from, to, .. }
        | FaultKind::Duplicating { from, to, .. }
        | FaultKind::Delaying { from, to, .. } => [from, to].into_iter().all(|nodes| {
            // An empty list would mean everybody.
            let everybody = nodes.is_empty();
            nodes.retain(|node| node != gone);
            everybody || !nodes.is_empty()
        }),
        _ => true,
    }
}

/// All names of nodes in a fault.
fn names_in(fault: &mut Fault) -> Vec<&mut String> {
    let mut names = Vec::new();
    if let Trigger::After { node, .. } = &mut fault.when {
        names.push(node);
    }
    match &mut fault.what {
        FaultKind::Partition { from, to, .. }
        | FaultKind::Lossy { from, to, .. }
        | FaultKind::Duplicating { from, to, .. }
        | FaultKind::Delaying { from, to, .. } => names.extend(from.iter_mut().chain(to)),
        FaultKind::Crash { node, .. }
        | FaultKind::PowerLoss { node, .. }
        | FaultKind::Pause { node, .. }
        | FaultKind::DiskError { node, .. }
        | FaultKind::SlowDisk { node, .. }
        | FaultKind::ShortWrite { node, .. }
        | FaultKind::TornWrite { node, .. }
        | FaultKind::BitRot { node, .. }
        | FaultKind::ClockJump { node, .. }
        | FaultKind::ClockDrift { node, .. }
        | FaultKind::SlowCompute { node, .. } => names.push(node),
    }
    names
}

/// One slot, all from the start to the end, no backups, all files beside the outputs, a timeout of a second.
pub(super) fn plainer(schedule: &Schedule) -> Vec<Schedule> {
    let mut plainer = Vec::new();
    for index in 0..schedule.cluster.workers.len() {
        let worker = schedule.cluster.workers[index];
        if worker.slots > 1 {
            let mut one_slot = schedule.clone();
            one_slot.cluster.workers[index].slots = 1;
            plainer.push(one_slot);
        }
        if !worker.start_after.is_zero() {
            let mut from_the_start = schedule.clone();
            from_the_start.cluster.workers[index].start_after = Duration::ZERO;
            plainer.push(from_the_start);
        }
        if worker.stop_after.is_some() {
            let mut to_the_end = schedule.clone();
            to_the_end.cluster.workers[index].stop_after = None;
            plainer.push(to_the_end);
        }
    }
    if schedule.cluster.backup_tasks {
        let mut without_backups = schedule.clone();
        without_backups.cluster.backup_tasks = false;
        plainer.push(without_backups);
    }
    if schedule.cluster.apart {
        let mut beside = schedule.clone();
        beside.cluster.apart = false;
        plainer.push(beside);
    }
    if schedule.cluster.task_timeout != Duration::from_secs(1) {
        let mut one_second = schedule.clone();
        one_second.cluster.task_timeout = Duration::from_secs(1);
        plainer.push(one_second);
    }
    plainer
}

/// Network, disks and computing as the simulator has them.
pub(super) fn plainer_models(schedule: &Schedule) -> Vec<Schedule> {
    let mut plain = [schedule.clone(), schedule.clone(), schedule.clone()];
    plain[0].models.network = NetworkModel::default();
    plain[1].models.disk = DiskModel::default();
    plain[2].models.compute = ComputeModel::default();
    plain.into_iter().filter(|plainer| plainer != schedule).collect()
}
