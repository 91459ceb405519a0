//! Bounded quantities: what all peers hold together, and the share that one may hold.

use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::length;

/// What all peers may hold together.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    whole: Arc<Semaphore>,
    max: NonZeroU32,
}

/// What one peer may hold: at most half of the whole, rounded up.
#[derive(Debug)]
pub struct Share {
    own: Arc<Semaphore>,
    whole: Arc<Semaphore>,
    max: u32,
}

/// A quantity that is held until this is dropped.
#[derive(Debug)]
pub struct Held {
    own: OwnedSemaphorePermit,
    whole: OwnedSemaphorePermit,
}

/// Why a quantity can't be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is more than a share ever has.
    Never,
    /// Others hold it.
    Now,
}

impl Budget {
    pub(crate) fn new(max: NonZeroU32) -> Self {
        let permits = length(max).min(Semaphore::MAX_PERMITS);
        Self {
            whole: Arc::new(Semaphore::new(permits)),
            max,
        }
    }

    pub(crate) fn share(&self) -> Share {
        let max = self.max.get().div_ceil(2);
        Share {
            own: Arc::new(Semaphore::new(usize::try_from(max).unwrap_or(usize::MAX))),
            whole: Arc::clone(&self.whole),
            max,
        }
    }
}

impl Share {
    /// Takes `n`, at once or not at all.
    ///
    /// # Errors
    /// It can't be had now, or never.
    pub fn take(&self, n: u32) -> Result<Held, Refused> {
        if n > self.max {
            return Err(Refused::Never);
        }
        let own = Arc::clone(&self.own).try_acquire_many_owned(n);
        let own = own.map_err(|_| Refused::Now)?;
        let whole = Arc::clone(&self.whole).try_acquire_many_owned(n);
        let whole = whole.map_err(|_| Refused::Now)?;
        Ok(Held { own, whole })
    }
}

impl Held {
    /// Lets the sum hold this too. Both must be of one share.
    pub fn add_to(self, sum: &mut Option<Self>) {
        if let Some(sum) = sum {
            sum.own.merge(self.own);
            sum.whole.merge(self.whole);
        } else {
            *sum = Some(self);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_share_takes_half_and_leaves_the_rest_to_others() {
        let budget = Budget::new(NonZeroU32::new(10).unwrap());
        let (greedy, modest) = (budget.share(), budget.share());
        let mut held = None;
        greedy.take(3).unwrap().add_to(&mut held);
        greedy.take(2).unwrap().add_to(&mut held);
        assert_eq!(greedy.take(1).unwrap_err(), Refused::Now);
        assert_eq!(greedy.take(6).unwrap_err(), Refused::Never);
        let other = modest.take(5).unwrap();
        assert_eq!(budget.share().take(1).unwrap_err(), Refused::Now);
        drop((held, other));
        assert!(greedy.take(5).is_ok());
    }
}
