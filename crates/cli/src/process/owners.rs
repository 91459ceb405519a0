//! The owners of partitions, as health sees them.

use std::sync::Arc;

use sextant_aggregator::Pulse;
use sextant_measure::time::Timestamp;
use sextant_server::health::{Check, LoopAge};

use super::role::Role;

/// Tells whether they are alive, and whether they are whole.
pub(super) struct Owners {
    pulse: Arc<Pulse>,
    role: Role,
}

impl Owners {
    pub(super) fn new(pulse: Arc<Pulse>, role: Role) -> Self {
        Self { pulse, role }
    }
}

impl Check for Owners {
    fn loops(&self, _: Timestamp) -> Vec<LoopAge> {
        let beats = self.pulse.beats().into_iter();
        let age = beats.map(|(partition, beat)| LoopAge {
            name: format!("owner of partition {partition}"),
            age_us: i64::try_from(beat.at.elapsed().as_micros()).unwrap_or(i64::MAX),
        });
        age.collect()
    }

    fn missing(&self, _: Timestamp) -> Vec<String> {
        if self.role.serves() {
            // The server says which partitions are not whole yet, from what their owners publish.
            return Vec::new();
        }
        if !self.pulse.has_joined() {
            return vec!["the consumer group has given no partitions yet".to_owned()];
        }
        let rebuilding = self
            .pulse
            .beats()
            .into_iter()
            .filter(|(_, beat)| !beat.whole);
        let missing =
            rebuilding.map(|(partition, _)| format!("partition {partition} is being rebuilt"));
        missing.collect()
    }
}
