//! What workers say while progress bars are shown, passed on line by line: they know nothing of the bars, and would write over them.

use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;

use crate::cli::tell;

/// How many bytes without an end of line are waited for. An app may write whatever it likes.
const LONGEST_LINE: usize = 64 << 10;

/// Passes on what a worker says until nobody can say more; nothing if it says it by itself.
pub(super) async fn pass_on(words: Option<ChildStderr>) {
    let Some(mut words) = words else { return };
    let mut held = Vec::new();
    // A worker that cannot be heard any more works all the same.
    while words.read_buf(&mut held).await.is_ok_and(|bytes| bytes > 0) {
        let whole = held.iter().rposition(|&byte| byte == b'\n').map(|end| end + 1);
        let whole = whole.or((held.len() >= LONGEST_LINE).then_some(held.len()));
        if let Some(whole) = whole {
            say(&held[..whole]);
            held.drain(..whole);
        }
    }
    if !held.is_empty() {
        say(&held);
    }
}

fn say(lines: &[u8]) {
    tell(String::from_utf8_lossy(lines.strip_suffix(b"\n").unwrap_or(lines)));
}
