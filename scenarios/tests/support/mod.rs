//! A scenario small enough to be read.

use std::path::Path;

use scenarios::Scenario;

/// w1 crashes before its map has its name.
pub(crate) const CRASH: &str = r#"
[[faults]]
when = { after = { node = "w1", operations = ["sync"], nth = 1 } }
what = { crash = { node = "w1" } }
"#;

/// The machine of w1 loses power before the name of its map is synced.
pub(crate) const POWER_LOSS: &str = r#"
[[faults]]
when = { after = { node = "w1", operations = ["rename"], nth = 1 } }
what = { power_loss = { node = "w1", restart_after = "200ms" } }
"#;

/// A cluster and a job that are small enough to be read, and `faults`.
pub(crate) fn canonical(about: &str, faults: &str) -> Scenario {
    parse(&text(about, faults))
}

/// The same with an app that stumbles for ever, and a job with more patience than the promise that it ends. How long a `message` takes decides
/// whether time is up first, or the number of events.
pub(crate) fn endless(about: &str, message: &str) -> Scenario {
    let text = text(about, "")
        .replace("[workload]", "max_failures = 4294967295\n[workload]\ntrouble = { phase = \"map\", panics = 1.0 }");
    parse(&text.replace("300us", message))
}

fn parse(text: &str) -> Scenario {
    let scenario = Scenario::parse(Path::new("canonical.toml"), text);
    scenario.unwrap_or_else(|problem| panic!("{problem}"))
}

fn text(about: &str, faults: &str) -> String {
    format!(
        r#"
about = "{about}"
promise = "The outputs are those of the sequential run."
[cluster]
workers = 2
slots = 1
task_timeout = "1s"
backup_tasks = false
[workload]
apps = ["wc"]
files = 2
words = 4
vocabulary = 3
reduces = 1
empty = 0.0
tight = 0.0
combine = 0.0
split = {{ share = 0.0, bytes = 100 }}
join = {{ share = 0.0 }}
[models]
message = "300us"
file_operation = "50us"
{faults}
"#
    )
}
