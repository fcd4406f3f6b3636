//! What signals do to a job: who presses Ctrl-C, hangs up or asks a process with a job to end means all of it, workers and temporary files
//! included. A worker that was started by hand leaves the job to others.

use std::future::Future;
use std::time::Duration;
use std::{fs, io, process};

use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use mr_core::coordinator::Order;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::cli::{Failure, tell};

/// The reason for which an interrupted job fails.
pub(super) const INTERRUPTED: &str = "interrupted";

/// By what all processes of a job are told to end: a shell, a terminal or a supervisor sends these to each of them.
pub(super) const ENDING: [SignalKind; 3] = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];

/// How long somebody who wants a job to end hears nothing of it: mostly it has ended by then.
const IN_SILENCE: Duration = Duration::from_millis(500);

/// The signals to end that this process gets, one after the other.
pub(super) struct Interruptions(UnboundedReceiver<()>);

impl Interruptions {
    /// Listens from now on. `note` is called at each signal, at once.
    pub(super) fn listen(note: impl Fn() + Clone + Send + 'static) -> Result<Self, Failure> {
        let (sender, signals) = mpsc::unbounded();
        at_each_signal(move || {
            note();
            // Who listens no more has ended already.
            let _ = sender.unbounded_send(());
        })?;
        Ok(Self(signals))
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        // There may always be one more.
        self.0.next().await;
    }

    /// Turns the next one into an order to end the job, which may take `patience`, and the one after it into the order not to wait any more.
    /// Whoever has what is returned learns of the latter.
    pub(super) fn obey(mut self, orders: UnboundedSender<Order>, patience: Duration) -> watch::Receiver<bool> {
        let (hurry, hurried) = watch::channel(false);
        tokio::spawn(async move {
            self.next().await;
            // A coordinator that has already finished needs no order.
            let _ = orders.unbounded_send(Order::Abort(INTERRUPTED.to_owned()));
            if timeout(IN_SILENCE, self.next()).await.is_err() {
                let seconds = patience.as_secs_f64().ceil();
                tell(format_args!(
                    "{INTERRUPTED}: waiting up to {seconds} s for workers to hear of it; once more to end at once"
                ));
                self.next().await;
            }
            let _ = orders.unbounded_send(Order::Leave);
            hurry.send_replace(true);
        });
        hurried
    }
}

/// Comes to pass at the first signal to end. The second ends this process at once: whoever sends it does not want to wait.
pub(super) fn told_to_end() -> Result<impl Future<Output = ()> + Send, Failure> {
    let mut signals = Interruptions::listen(|| {})?;
    Ok(async move {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            process::exit(Failure::Interrupted.code().into());
        });
    })
}

/// Calls `obey` at each of those signals to end that this process does not ignore.
fn at_each_signal(obey: impl Fn() + Clone + Send + 'static) -> Result<(), Failure> {
    // Lossily: the status begins with the name of the program's file, in whatever bytes it has. Where it cannot be read, every signal counts.
    let status = fs::read("/proc/self/status").unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    for kind in ENDING {
        // `nohup` starts programs so, and a shell those that shall go on in the background.
        if kind != SignalKind::terminate() && is_ignored(kind, &status) {
            continue;
        }
        let obey = obey.clone();
        let mut signal = signal(kind).map_err(|error| cannot_listen(&error))?;
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                obey();
            }
        });
    }
    Ok(())
}

/// Lets this process learn how its children end. Whoever ignores `SIGCHLD` passes that on to what it starts, and the system then keeps nothing
/// of a child that has ended.
pub(super) fn notice_deaths_of_children() -> Result<(), Failure> {
    // A handler, once installed, stays.
    match signal(SignalKind::child()) {
        Ok(_) => Ok(()),
        Err(error) => Err(cannot_listen(&error)),
    }
}

fn cannot_listen(error: &io::Error) -> Failure {
    Failure::Environment(format!("cannot listen for signals: {error}"))
}

/// Whether a process of that `status`, as /proc tells it, ignores signals of `kind`.
fn is_ignored(kind: SignalKind, status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    // The lowest bit stands for signal 1.
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_is_read_from_its_own_line() {
        let status = |ignored: &str| {
            format!("Name:\tmr\nSigBlk:\t0000000000000003\nSigIgn:\t{ignored}\nSigCgt:\tffffffffffffffff\n")
        };
        let (hangup, interrupt) = (SignalKind::hangup(), SignalKind::interrupt());
        for (ignored, expected) in [
            ("0000000000000000", [false, false]),
            ("0000000000000001", [true, false]),
            ("0000000000000002", [false, true]),
            ("fffffffffffffffc", [false, false]),
            ("fffffffffffffffb", [true, true]),
            ("nonsense", [false, false]),
        ] {
            assert_eq!([hangup, interrupt].map(|kind| is_ignored(kind, &status(ignored))), expected, "{ignored}");
        }
        assert!(!is_ignored(hangup, "") && !is_ignored(hangup, "Name:\tmr\n"));
    }
}
