//! Single attempts, kept for drill-down, and how they are asked for.

use std::num::NonZeroU32;

use sextant_measure::id::{AgentId, EndpointId, Operation, Region, RequestId, SeriesId};
use sextant_measure::observation::{Measurement, Tier};
use sextant_measure::time::Timestamp;

use crate::MinuteRange;

/// What an attempt is known by: where in which batch it stood.
///
/// Two senders that share an id are told apart by what their batches held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// Who sent the batch.
    pub agent: AgentId,
    /// Of which life.
    pub epoch: u64,
    /// The batch's number within the epoch.
    pub sequence: u64,
    /// The partition that this part of the batch went to.
    pub partition: u32,
    /// Hash of the part as its sender recorded it.
    pub content_hash: u64,
    /// The observation's place in the part, from 0.
    pub index: u32,
}

/// One attempt, or (by its weight) several alike.
///
/// The first row for a key, series and time of completion stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// What it is known by.
    pub key: AttemptKey,
    /// Whom it was made at, and from where.
    pub series: SeriesId,
    /// What came of it.
    pub measurement: Measurement,
    /// Names the request, for people.
    pub request_id: Option<RequestId>,
    /// The tier asked for.
    pub tier: Option<Tier>,
    /// The caller's task.
    pub operation: Option<Operation>,
    /// When a collector took it, by its clock.
    pub received_at: Timestamp,
    /// When the log took it.
    pub appended_at: Timestamp,
    /// How many attempts it stands for, itself included.
    pub weight: NonZeroU32,
}

/// Which attempts at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptQuery {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// One region; `None` for all.
    pub region: Option<Region>,
    /// The minutes in which they completed.
    pub range: MinuteRange,
    /// Whether those that ended well are left out.
    pub failures_only: bool,
    /// How many at most: the newest of them.
    pub newest_max: u32,
}

#[cfg(feature = "clickhouse")]
impl AttemptRow {
    /// What a store finds it by: no two rows that stand have the same.
    pub(crate) fn identity(&self) -> (&SeriesId, Timestamp, &AttemptKey) {
        (&self.series, self.measurement.completed_at, &self.key)
    }
}
