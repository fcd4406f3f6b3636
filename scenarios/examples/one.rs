//! one
use std::path::Path;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let s = scenarios::Scenario::read(&dir.join(format!("{}.toml", args[1]))).unwrap();
    let schedule = s.draw(args[2].parse().unwrap());
    println!("{}", scenarios::PlanFile { about: "x".into(), breaks: None, schedule: schedule.clone() }.to_toml());
    let r = std::thread::spawn(move || scenarios::rehearse(&schedule, true)).join().unwrap();
    println!("{:?}", r.broken);
    for (at, e) in r.report.history.unwrap() {
        println!("{:>12.6} {e}", at.as_secs_f64());
    }
}
