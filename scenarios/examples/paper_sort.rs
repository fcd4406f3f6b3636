//! The MapReduce paper's sort (2004, section 5.3, figure 3) with our coordinator: a normal run, one without backup tasks, one in which 200
//! workers are killed; and, on a tenth of the cluster, what killing costs by when it happens.
//!
//! `cargo run --release --package scenarios --example paper_sort [DIVISOR]`: with a divisor on a smaller cluster.

use std::time::{Duration, Instant};

use scenarios::paper::{Flow, Sort, Sorted};

/// Seconds of virtual time that one column stands for.
const COLUMN: usize = 20;

fn main() {
    let divisor = std::env::args().nth(1).map_or(1, |text| text.parse().expect("the divisor is a whole number"));
    let normal = Sort::of_the_paper();
    let runs = [
        ("normal", 891, normal.clone()),
        ("without backup tasks", 1283, normal.clone().without_backups()),
        ("200 workers killed", 933, normal.clone().with_killed(200)),
    ];
    let mut normal_took = None;
    for (name, paper, sort) in runs {
        let sort = sort.scaled_down(divisor);
        let begun = Instant::now();
        let sorted = sort.run(1);
        let took = sorted.took.as_secs_f64();
        let normal_took = *normal_took.get_or_insert(took);
        let percent = |of: f64, to: f64| (of / to - 1.0) * 100.0;
        println!(
            "{name}: {took:.0} s, {:+.0} %  (paper: {paper} s, {:+.0} %)",
            percent(took, normal_took),
            percent(f64::from(paper), 891.0)
        );
        show(&sorted);
        let wall = begun.elapsed().as_secs_f64();
        let Sort { workers, maps, reduces, .. } = sort;
        println!(
            "  {workers} workers, {maps} maps, {reduces} reduces: {} events in {wall:.1} s of real time\n",
            sorted.events
        );
    }
    killed_at_other_times(&normal.scaled_down(divisor.max(10)));
}

/// What killing costs depends on whether somebody happens to wait for the maps that are made again, and on the room in the last wave of
/// reduces.
fn killed_at_other_times(normal: &Sort) {
    let normal_took = normal.run(1).took.as_secs_f64();
    let moments = (100..=600).step_by(50);
    println!("{} of {} workers killed, by when:", normal.workers / 9, normal.workers);
    let percents: Vec<f64> = moments
        .map(|seconds| {
            let mut sort = normal.clone().with_killed(normal.workers / 9);
            sort.rates.killed_at = Duration::from_secs(seconds);
            let percent = (sort.run(1).took.as_secs_f64() / normal_took - 1.0) * 100.0;
            println!("  after {seconds} s: {percent:+.0} %");
            percent
        })
        .collect();
    println!("  on average: {:+.1} %", percents.iter().sum::<f64>() / percents.len() as f64);
}

fn show(sorted: &Sorted) {
    let progress = &sorted.progress;
    let first = sorted.first_backup.map_or(String::new(), |at| format!(", the first after {:.0} s", at.as_secs_f64()));
    println!("  {} attempts: {} retries, {} backups{first}", progress.attempts, progress.retries, progress.backups);
    for (name, flow) in [("input", Flow::Input), ("shuffle", Flow::Shuffle), ("output", Flow::Output)] {
        let rates: Vec<u64> =
            sorted.bytes_of(flow).chunks(COLUMN).map(|bytes| bytes.iter().sum::<u64>() / COLUMN as u64).collect();
        let peak = rates.iter().copied().max().unwrap_or_default();
        let bar = |rate: u64| [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][(rate * 8).div_ceil(peak.max(1)) as usize];
        println!(
            "  {name:<8} {}  up to {:.1} GB/s",
            rates.iter().map(|rate| bar(*rate)).collect::<String>(),
            peak as f64 / 1e9
        );
    }
}
