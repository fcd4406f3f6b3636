//! Hashes of keys that nobody can foresee. What a job reads may come from strangers, and who knows how keys are hashed can write a megabyte
//! of them that all have one hash: each would be compared with all before it. So hashes depend on the job's id, which nobody can know before
//! there is a job; and nothing that can be seen depends on hashes.

use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;

use crate::ids::JobId;

/// What all hashes of this process depend on. (A process works for one job. Should it work for more, the id of the first is as good.)
static SECRET: OnceLock<SharedSeed> = OnceLock::new();

/// The hasher of the keys of `job`.
pub(super) fn hasher(job: JobId) -> SeedableRandomState {
    SeedableRandomState::with_seed(job.0, SECRET.get_or_init(|| SharedSeed::from_u64(job.0)))
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
        let known = foldhash::fast::FixedState::default();
        assert_eq!(
            hashes(&|key| known.hash_one(key)),
            [false, false],
            "these are the keys that a stranger would choose"
        );
        let secret = hasher(JobId(0x1234_5678_9abc_def0));
        assert_eq!(hashes(&|key| secret.hash_one(key)), [true, true]);
    }
}
