//! Signs of life that are passed on for others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sextant_measure::id::AgentId;
use sextant_wire::batch::Heartbeat;

/// The last sign of life of each sender since they were passed on.
#[derive(Debug)]
pub struct Relay {
    latest: Mutex<HashMap<(AgentId, u64), Heartbeat>>,
    senders_max: usize,
}

impl Relay {
    /// For so many senders at a time.
    pub fn new(senders_max: usize) -> Self {
        Self {
            latest: Mutex::default(),
            senders_max,
        }
    }

    /// Passes a sign of life on with the next ones; it replaces an older one of its sender's.
    /// Whether there was room.
    pub fn pass_on(&self, heartbeat: Heartbeat) -> bool {
        let key = (AgentId::clone(&heartbeat.agent), heartbeat.epoch);
        let mut latest = self.latest();
        if latest.len() >= self.senders_max && !latest.contains_key(&key) {
            return false;
        }
        latest.insert(key, heartbeat);
        true
    }

    pub(crate) fn take(&self) -> Vec<Heartbeat> {
        self.latest().drain().map(|(_, last)| last).collect()
    }

    fn latest(&self) -> MutexGuard<'_, HashMap<(AgentId, u64), Heartbeat>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
