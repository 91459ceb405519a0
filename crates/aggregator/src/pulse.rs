//! Whether the owners of partitions are alive.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// When each owned partition's loop turned last.
#[derive(Debug, Default)]
pub struct Pulse {
    beats: Mutex<BTreeMap<u32, Beat>>,
    has_joined: AtomicBool,
}

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

    /// Whether the consumer group has said once what this process owns.
    pub fn has_joined(&self) -> bool {
        self.has_joined.load(Ordering::Relaxed)
    }

    pub(crate) fn joined(&self) {
        self.has_joined.store(true, Ordering::Relaxed);
    }

    /// A partition is owned from here on.
    pub(crate) fn begin(&self, partition: u32) {
        let (at, whole) = (Instant::now(), false);
        self.beat(partition, Beat { at, whole });
    }

    /// Its loop waits for others, and is alive.
    pub(crate) fn touch(&self, partition: u32) {
        if let Some(beat) = self.held().get_mut(&partition) {
            beat.at = Instant::now();
        }
    }

    pub(crate) fn beat(&self, partition: u32, beat: Beat) {
        self.held().insert(partition, beat);
    }

    pub(crate) fn end(&self, partition: u32) {
        self.held().remove(&partition);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u32, Beat>> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
