//! A smaller and plainer job.

use sim::smaller::{smaller_numbers, without_pieces};

use crate::schedule::{AppChoice, Bytes, LimitsShape, Schedule};

/// Without some of the inputs.
pub(super) fn fewer_inputs(schedule: &Schedule) -> Vec<Schedule> {
    let with = |inputs| {
        let mut fewer = schedule.clone();
        fewer.workload.inputs = inputs;
        fewer
    };
    without_pieces(&schedule.workload.inputs).into_iter().map(with).collect()
}

/// Fewer partitions.
pub(super) fn fewer_reduces(schedule: &Schedule) -> Vec<Schedule> {
    let with = |reduces: u64| {
        let mut fewer = schedule.clone();
        fewer.workload.reduces = reduces as u32;
        fewer
    };
    smaller_numbers(schedule.workload.reduces.into(), 1).into_iter().map(with).collect()
}

/// Without splits, joined files, combiner, trouble or tight memory; word count.
pub(super) fn plainer(schedule: &Schedule) -> Vec<Schedule> {
    let mut plain: [Schedule; 6] = std::array::from_fn(|_| schedule.clone());
    plain[0].workload.split_size = None;
    plain[1].workload.combine = false;
    plain[2].workload.trouble = None;
    plain[3].workload.limits = LimitsShape::ROOMY;
    plain[4].workload.app = AppChoice::Wc;
    plain[5].workload.join_size = None;
    plain.into_iter().filter(|plainer| plainer != schedule).collect()
}

/// Without some of the words of an input; of one that is no text, without some of its bytes.
pub(super) fn less_text(schedule: &Schedule) -> Vec<Schedule> {
    let mut less = Vec::new();
    for (index, input) in schedule.workload.inputs.iter().enumerate() {
        for shorter in shorter(&input.0) {
            let mut schedule = schedule.clone();
            schedule.workload.inputs[index] = Bytes(shorter);
            less.push(schedule);
        }
    }
    less
}

fn shorter(bytes: &[u8]) -> Vec<Vec<u8>> {
    match str::from_utf8(bytes) {
        Ok(text) => {
            let words: Vec<&str> = text.split_inclusive([' ', '\n']).collect();
            without_pieces(&words).into_iter().map(|words| words.concat().into_bytes()).collect()
        }
        Err(_) => without_pieces(bytes),
    }
}
