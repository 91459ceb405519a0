//! Whether alerts are looked after.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Whether alerts are looked after.
#[derive(Debug)]
pub struct Pulse {
    turned: Mutex<Instant>,
    has_joined: AtomicBool,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self {
            turned: Mutex::new(Instant::now()),
            has_joined: AtomicBool::new(false),
        }
    }

    /// When its task was last seen to run, by a clock that nobody sets. Waiting for the log is no
    /// standstill.
    pub fn turned(&self) -> Instant {
        *self.turned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the consumer group has said once who leads.
    pub fn has_joined(&self) -> bool {
        self.has_joined.load(Ordering::Relaxed)
    }

    pub(crate) fn joined(&self) {
        self.has_joined.store(true, Ordering::Relaxed);
    }

    pub(crate) fn touch(&self) {
        *self.turned.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}
