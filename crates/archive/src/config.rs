//! What can be set.

use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveConfig {
    /// Whether single attempts are kept at all.
    pub enabled: bool,
    /// Attempts of one series in one second of the log that ended well and are kept one by one. Of
    /// more, fewer and fewer are kept, each with how many it stands for.
    pub observations_per_second_max: NonZeroU32,
    /// Milliseconds for which attempts gather before they are written together.
    #[schemars(range(min = 10, max = 60_000))]
    pub write_interval_ms: u32,
    /// Pairs of agent and epoch whose repeats one partition recognises.
    #[schemars(range(min = 1))]
    pub senders_max: usize,
    /// Bytes read from a partition at once.
    #[schemars(range(min = 1))]
    pub read_bytes_max: usize,
}

impl ArchiveConfig {
    pub(crate) fn write_interval(&self) -> Duration {
        Duration::from_millis(self.write_interval_ms.into())
    }
}
