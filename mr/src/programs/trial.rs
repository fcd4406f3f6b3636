//! Whether files can be written to a directory: tried, not asked, so that permissions, read-only mounts and full disks all show.

use std::io::{self, Write};

use camino::Utf8Path;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// How much is written. A file of no bytes has room on any disk.
const BYTES: usize = 64 << 10;

/// Writes a file to `directory` that nobody sees, and that is gone afterwards.
///
/// # Errors
///
/// When that fails.
pub(super) fn write_to(directory: &Utf8Path) -> io::Result<()> {
    let mut bytes = vec![0; BYTES];
    // What is the same all over takes no room where files are compressed.
    ChaCha8Rng::seed_from_u64(0).fill_bytes(&mut bytes);
    let mut file = tempfile::tempfile_in(directory)?;
    file.write_all(&bytes)?;
    // Where room is looked for later, a write alone does not tell.
    file.sync_data()
}
