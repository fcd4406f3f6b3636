//! Hashes of keys that nobody can foresee. What a job reads may come from strangers, and who knows how keys are hashed can write a megabyte
//! of them that all have one hash: each would be compared with all before it. So hashes depend on the job's id, which nobody can know before
//! there is a job; and nothing that can be seen depends on hashes.

use std::hash::Hasher;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

use crate::ids::JobId;

/// Hashes the keys of one job. What it depends on lies in it and not elsewhere: it is looked at for every record.
#[derive(Debug)]
pub(super) struct KeyHasher {
    seed: u64,
    shared: SharedSeed,
}

impl KeyHasher {
    /// For the keys of `job`.
    pub(super) fn new(job: JobId) -> Self {
        Self { seed: job.0, shared: SharedSeed::from_u64(job.0) }
    }

    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write(key);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn keys_that_all_have_one_hash_where_it_is_no_secret_have_many() {
        // Eight bytes, before or behind eight others, that are zero once they are mixed with what the crate mixes in when nobody says otherwise.
        let (before, behind) = (0x082e_fa98_ec4e_6c89_u64.rotate_right(16), 0x3f84_d5b5_b547_0917_u64);
        let keys = |other: u64| {
            [(before, other), (other, behind)].map(|(first, last)| [first.to_le_bytes(), last.to_le_bytes()].concat())
        };
        let hashes = |hash: &dyn Fn(&[u8]) -> u64| {
            let hashes =
                [0, 1].map(|form| (0..100).map(|other| hash(&keys(other)[form])).collect::<BTreeSet<_>>().len());
            hashes.map(|different| different > 90)
        };
        let known = |key: &[u8]| foldhash::fast::FixedState::default().hash_one(key);
        assert_eq!(hashes(&known), [false, false], "these are the keys that a stranger would choose");
        let secret = KeyHasher::new(JobId(0x1234_5678_9abc_def0));
        assert_eq!(hashes(&|key| secret.hash(key)), [true, true]);
    }
}
