//! What a gateway reports with: nothing here waits, fails or panics.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sextant_measure::observation::Observation;
use sextant_measure::time::Clock;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::attempt::{About, Attempt};
use crate::report::DropReason;

/// Takes observations without waiting. What finds no place is dropped and counted, and the count is
/// told upstream with the sender's totals. Clones share a queue.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Observation>,
    unqueued: Arc<Unqueued>,
    clock: Arc<dyn Clock>,
}

/// Observations that were dropped before they were queued.
#[derive(Debug, Default)]
pub(crate) struct Unqueued {
    full: AtomicU64,
    invalid: AtomicU64,
    ended: AtomicU64,
}

impl Recorder {
    pub(crate) fn new(
        queue: mpsc::Sender<Observation>,
        unqueued: Arc<Unqueued>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            queue,
            unqueued,
            clock,
        }
    }

    /// Hands an observation over, or drops it and counts why: [`DropReason::QueueFull`],
    /// [`DropReason::Invalid`] for what cannot be true, [`DropReason::Ended`] once the sender has.
    pub fn record(&self, observation: Observation) {
        if observation.measurement.check().is_err() {
            self.unqueued.add(DropReason::Invalid);
            return;
        }
        match self.queue.try_send(observation) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.unqueued.add(DropReason::QueueFull),
            Err(TrySendError::Closed(_)) => self.unqueued.add(DropReason::Ended),
        }
    }

    /// Begins to watch an attempt. It is recorded when it ends, however it does.
    pub fn attempt(&self, about: About) -> Attempt {
        Attempt::new(self.clone(), about)
    }

    /// How many observations were dropped before they were queued, for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.unqueued
            .of(reason)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("unqueued", &self.unqueued)
            .finish_non_exhaustive()
    }
}

impl Unqueued {
    /// Those that are told with the sender's totals; after its end nobody is told.
    pub(crate) const TOLD: [DropReason; 2] = [DropReason::QueueFull, DropReason::Invalid];

    pub(crate) fn count(&self, reason: DropReason) -> u64 {
        self.of(reason)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn add(&self, reason: DropReason) {
        if let Some(count) = self.of(reason) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn of(&self, reason: DropReason) -> Option<&AtomicU64> {
        match reason {
            DropReason::QueueFull => Some(&self.full),
            DropReason::Invalid => Some(&self.invalid),
            DropReason::Ended => Some(&self.ended),
            DropReason::TooLarge | DropReason::Unacknowledged => None,
        }
    }
}
