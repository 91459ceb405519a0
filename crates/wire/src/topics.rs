//! The topics and their settings.

use std::time::Duration;

use sextant_eventlog::{Cleanup, TopicSpec};

/// What collectors append.
pub const OBSERVATIONS: &str = "sextant.observations.v1";
/// What owners publish.
pub const WINDOWS: &str = "sextant.windows.v1";
/// What the operator's evaluations say.
pub const GATES: &str = "sextant.gates.v1";
/// What alerts stand at.
pub const ALERTS: &str = "sextant.alerts.v1";
/// Records that could not be decoded, with the reason.
pub const DEAD_LETTERS: &str = "sextant.dead-letters.v1";
/// The consumer group of the aggregators, whose members share the partitions.
pub const AGGREGATORS: &str = "sextant-aggregator";
/// The consumer group of the archives, so that none of them ever delays windows.
pub const ARCHIVES: &str = "sextant-archive";

/// The consumer group of those that evaluate alerts, of which one does at a time.
pub const EVALUATORS: &str = "sextant-alerts";

/// Shortest retention that lets an owner rebuild what it publishes.
pub const RETENTION_MIN: Duration = Duration::from_hours(2);
const TOMBSTONES_KEPT: Duration = Duration::from_hours(1);
const DEAD_LETTERS_KEPT: Duration = Duration::from_hours(7 * 24);

/// The topics with their settings. The windows log is partitioned like the observations log.
pub fn topics(partitions: u32, retention: Duration) -> [TopicSpec; 5] {
    let spec = |name: &str, partitions, cleanup| TopicSpec {
        name: name.to_owned(),
        partitions,
        cleanup,
    };
    [
        spec(
            OBSERVATIONS,
            partitions,
            Cleanup::Delete {
                retention: retention.max(RETENTION_MIN),
            },
        ),
        spec(
            WINDOWS,
            partitions,
            Cleanup::Compact {
                tombstone_retention: TOMBSTONES_KEPT,
            },
        ),
        spec(
            GATES,
            1,
            Cleanup::Compact {
                tombstone_retention: TOMBSTONES_KEPT,
            },
        ),
        spec(
            ALERTS,
            1,
            Cleanup::Compact {
                tombstone_retention: TOMBSTONES_KEPT,
            },
        ),
        spec(
            DEAD_LETTERS,
            1,
            Cleanup::Delete {
                retention: DEAD_LETTERS_KEPT,
            },
        ),
    ]
}
