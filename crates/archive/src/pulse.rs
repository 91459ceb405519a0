//! Whether the owners of partitions are alive.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// When each owned partition's loop turned last.
#[derive(Debug, Default)]
pub struct Pulse {
    beats: Mutex<BTreeMap<u32, Instant>>,
    has_joined: AtomicBool,
}

impl Pulse {
    /// The last turn of each partition that is owned, by a clock that nobody sets.
    pub fn beats(&self) -> BTreeMap<u32, Instant> {
        self.held().clone()
    }

    /// Whether the consumer group has said once what this process owns.
    pub fn has_joined(&self) -> bool {
        self.has_joined.load(Ordering::Relaxed)
    }

    pub(crate) fn joined(&self) {
        self.has_joined.store(true, Ordering::Relaxed);
    }

    /// A partition's loop turns, or waits for others and is alive.
    pub(crate) fn beat(&self, partition: u32) {
        self.held().insert(partition, Instant::now());
    }

    pub(crate) fn end(&self, partition: u32) {
        self.held().remove(&partition);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u32, Instant>> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
