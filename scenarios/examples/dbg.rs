//! dbg
use std::ops::ControlFlow;
use std::path::Path;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let n: u64 = args[1].parse().unwrap();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    for s in scenarios::Scenario::read_all(&dir).unwrap_or_else(|e| panic!("{e}")) {
        if args.len() > 2 && !args[2..].contains(&s.name) {
            continue;
        }
        let t = std::time::Instant::now();
        let (mut bad, mut ev, mut vt) = (0, 0, 0.0);
        sim::campaign(
            0..n,
            2,
            |seed| {
                let r = scenarios::rehearse(&s.draw(seed), false);
                (r.broken, r.report.events, r.report.virtual_time)
            },
            |seed, (b, e, v)| {
                ev += e;
                vt += v.as_secs_f64();
                if let Some(b) = b {
                    bad += 1;
                    if bad <= 3 {
                        println!("   {} {seed}: {b}", s.name);
                    }
                }
                ControlFlow::Continue(())
            },
        );
        println!(
            "{:24} bad {bad:4} events/run {:7} virt {:8.1} s  {:.3} ms/run",
            s.name,
            ev / n,
            vt / n as f64,
            t.elapsed().as_secs_f64() * 1e3 / n as f64
        );
    }
}
