//! What signals do to a campaign: the first ends it early, with all that it has come to; the second ends the program at once.
//!
//! Who stops a campaign, a person or a CI job whose time is up, wants to know what it has found. So nothing more is begun, what is under
//! way is finished, and table, results and a report are written as at any other end.

use std::fs;
use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use futures::future::{FutureExt, select_all};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Ending;
use super::output::say;

/// From now on the first signal to end sets what is returned.
pub(super) fn listen() -> io::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _within = runtime.enter();
        kinds().map(signal).collect::<io::Result<Vec<Signal>>>()?
    };
    let flag = interrupted.clone();
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            any(&mut signals).await;
            flag.store(true, Ordering::Relaxed);
            say("mrsim: interrupted; what is under way is finished, and once more ends it at once");
            any(&mut signals).await;
            process::exit(Ending::Incomplete.code().into());
        });
    })?;
    Ok(interrupted)
}

async fn any(signals: &mut [Signal]) {
    select_all(signals.iter_mut().map(|signal| signal.recv().boxed())).await;
}

/// The signals that count. A shell starts what shall go on in the background so that it ignores Ctrl-C, and that is not to change.
fn kinds() -> impl Iterator<Item = SignalKind> {
    // Where the status cannot be read, every signal counts.
    let status = fs::read("/proc/self/status").unwrap_or_default();
    let ignored = ignored(&String::from_utf8_lossy(&status));
    let counts =
        move |kind: &SignalKind| *kind == SignalKind::terminate() || ignored >> (kind.as_raw_value() - 1) & 1 == 0;
    [SignalKind::interrupt(), SignalKind::terminate()].into_iter().filter(counts)
}

/// The signals that a process of that `status`, as /proc tells it, ignores: the lowest bit stands for signal 1.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_ignores_is_read_from_its_status() {
        assert_eq!(ignored("Name:\ta\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001002\n"), 0x1002);
        assert_eq!(ignored("Name:\ta\n"), 0);
    }
}
