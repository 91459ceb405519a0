//! Whether the owners of partitions are alive.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// When each owned partition's loop turned last.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<BTreeMap<u32, Beat>>);

/// A turn of an owner's loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// When, by a clock that nobody sets.
    pub at: Instant,
    /// Whether the partition has been rebuilt.
    pub whole: bool,
}

impl Pulse {
    /// The last turn of each partition that is owned.
    pub fn beats(&self) -> BTreeMap<u32, Beat> {
        self.held().clone()
    }

    pub(crate) fn beat(&self, partition: u32, beat: Beat) {
        self.held().insert(partition, beat);
    }

    pub(crate) fn end(&self, partition: u32) {
        self.held().remove(&partition);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u32, Beat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
