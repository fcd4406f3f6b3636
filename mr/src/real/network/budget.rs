//! The memory that the bodies of all requests share until somebody takes them up, so that callers who send much and never finish cannot
//! take it all.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The grain in which memory is counted.
const UNIT: usize = 1 << 10;

/// What each request has for itself. Nearly all that honest workers send is smaller, so they get through while others have used up the rest.
/// What is larger, such as a long list of map outputs that are missing, is refused then and sent again later. More for each would be no
/// limit any more: thousands of callers may have it at once.
const FREE: usize = 16 << 10;

/// The memory. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))))
    }
}

/// A body that grows within a budget. Dropping it gives back its share.
#[derive(Debug)]
pub(super) struct Body {
    budget: Budget,
    share: Option<OwnedSemaphorePermit>,
    bytes: Vec<u8>,
}

impl Body {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget, share: None, bytes: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends `bytes`, unless there is no memory left for them.
    #[must_use]
    pub(super) fn append(&mut self, bytes: &[u8]) -> bool {
        let needed = (self.bytes.len() + bytes.len()).saturating_sub(FREE).div_ceil(UNIT);
        let more = needed - self.share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let Ok(more) = u32::try_from(more) else { return false };
        let Ok(more) = self.budget.0.clone().try_acquire_many_owned(more) else { return false };
        match &mut self.share {
            Some(share) => share.merge(more),
            None => self.share = Some(more),
        }
        self.bytes.extend_from_slice(bytes);
        true
    }

    /// The bytes, for who takes them up.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_grow_until_their_memory_is_used_up_and_give_it_back() {
        let budget = Budget::new(8 * UNIT);
        let body = || Body::new(budget.clone());
        let (mut one, mut other) = (body(), body());
        assert!(one.append(&[1; FREE]) && one.append(&[2; 5 * UNIT]));
        assert!(other.append(&[3; FREE + 3 * UNIT]), "the rest of what they share");
        assert!(!one.append(&[4]) && !other.append(&[4]));
        assert_eq!(one.len(), FREE + 5 * UNIT, "what there was no memory for has not been appended");
        let mut small = body();
        assert!(small.append(&[5; FREE]), "each has something for itself");
        assert!(!small.append(&[5]));
        assert_eq!(other.into_bytes().len(), FREE + 3 * UNIT);
        assert!(small.append(&[5; 3 * UNIT]) && !small.append(&[5]));
    }
}
