//! How results are kept and queried.
//!
//! [`Store`] is the seam between what computes results and what shows them later: minutes with
//! their histograms, windows as they were published, what agents reported of themselves, what was
//! ruled on gates, single attempts, and incidents.
//! [`sqlite`] keeps a store in a directory of the one process that opens it; `clickhouse`, with the
//! feature of that name, in a database that any number of processes share.
//!
//! What every back end promises (the contract suite in `testkit` holds it to this):
//!
//! - A write is durable when it is answered. One that is refused as [`StoreError::Invalid`] or
//!   [`StoreError::TooMany`] has changed nothing.
//! - Rows are whole, never increments: writing one twice changes nothing. So it does no harm that
//!   after [`StoreError::Unavailable`] or [`StoreError::Full`] any of a write's rows may stand:
//!   each of them whole, and writing all of them again makes the rest stand too.
//! - Of a minute or an agent's minute the highest [`Revision`] stands, whatever the order of
//!   writing. Of a window and of an attempt the first row stands, of an incident that of its end. A
//!   record of the gates log is the same row whoever writes it.
//! - Ranges are half-open. Merging histograms is exact.
//! - A query that reaches for more than its bound is refused with both figures, before the rows
//!   are read. A model that was never written has no rows; that is no error.
//! - A row that is not what was written is skipped and counted, never served.
//!
//! What is absent: the store reads no clock, derives no status and no percentile, and keeps no
//! minutes of the merge of all regions: [`Store::history`] merges them.

mod attempt;
pub mod clickhouse;
mod error;
mod incident;
mod limits;
mod query;
mod row;
pub mod sqlite;

use async_trait::async_trait;
use sextant_incident::Incident;
use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::time::Timestamp;

pub use crate::attempt::{AttemptKey, AttemptQuery, AttemptRow};
pub use crate::error::StoreError;
pub use crate::incident::IncidentQuery;
pub use crate::limits::{Limits, Retention};
pub use crate::query::{
    HistoryPoint, HistoryQuery, MinuteQuery, MinuteRange, STEP_MINUTES_MAX, SeriesUptime,
    WindowQuery, WindowScope,
};
pub use crate::row::{
    AgentRow, Expired, MinuteRow, Revision, Rows, RulingRow, Terms, WindowRow, no_sums,
};

/// Where results are kept.
///
/// Used as `Arc<dyn Store>` by all stages of a process. Each call may fail with
/// [`StoreError::Unavailable`], which passes, and with [`StoreError::Stopped`] and
/// [`StoreError::Refused`], which do not.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes all rows, and returns once they are durable.
    ///
    /// A call that is dropped before its answer may have written, all rows or some.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] and [`StoreError::Invalid`] for rows that this store doesn't take:
    /// none of the write's stands. [`StoreError::Full`] until there is space again. After that and
    /// after [`StoreError::Unavailable`] all rows, some or none may stand: a store that one process
    /// has for itself takes all or none, one that many share promises that for a row alone. Writing
    /// them again does no harm, and once that is answered all of them stand.
    async fn write(&self, rows: Rows) -> Result<(), StoreError>;

    /// The minutes of a model's series, ordered by minute, then by series.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] if series times minutes exceed [`Limits::rows_max`].
    async fn minutes(&self, query: &MinuteQuery) -> Result<Vec<MinuteRow>, StoreError>;

    /// The windows of a model's endpoints as they were published, ordered by the minute they end
    /// at, then by endpoint, the merge of all regions before the regions.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] if series times minutes exceed [`Limits::rows_max`].
    async fn windows(&self, query: &WindowQuery) -> Result<Vec<WindowRow>, StoreError>;

    /// What the endpoints of a model saw, step by step from the start of the range, ordered by
    /// endpoint, then by time. Without a region, all of them are merged. Steps that saw nothing
    /// are left out; the last one may be cut by the end of the range.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] if the points exceed [`Limits::points_max`], the minutes to merge
    /// [`Limits::merged_rows_max`], or the step [`STEP_MINUTES_MAX`].
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<HistoryPoint>, StoreError>;

    /// Uptime of each of these endpoints' series in buckets of 5 minutes, as
    /// [`LongUptime`](sextant_measure::long::LongUptime) is restored from it, ordered by series.
    ///
    /// A bucket that the range cuts holds only the minutes inside it. Series and buckets without
    /// a row are left out.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] if series times buckets exceed [`Limits::buckets_max`].
    async fn uptime(
        &self,
        endpoints: &[EndpointId],
        range: MinuteRange,
    ) -> Result<Vec<SeriesUptime>, StoreError>;

    /// What the agents reported of themselves, ordered by minute, then by agent.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] if there are more rows than [`Limits::rows_max`].
    async fn agents(&self, range: MinuteRange) -> Result<Vec<AgentRow>, StoreError>;

    /// What was ruled on a model's gates, in the order of its times, then of its places in the log.
    /// Rulings are kept for good.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] if there are more rows than [`Limits::rows_max`].
    async fn rulings(
        &self,
        model: &ModelId,
        range: MinuteRange,
    ) -> Result<Vec<RulingRow>, StoreError>;

    /// Single attempts at an endpoint, the newest first; of those that completed at one moment, by
    /// region and key.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] if the query asks for more rows than [`Limits::rows_max`].
    async fn attempts(&self, query: &AttemptQuery) -> Result<Vec<AttemptRow>, StoreError>;

    /// Incidents that were open in some minutes, those opened last first; of those opened at one
    /// moment, by rule and subject. Incidents are kept for good.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] if more are asked for than [`Limits::rows_max`].
    async fn incidents(&self, query: &IncidentQuery) -> Result<Vec<Incident>, StoreError>;

    /// Deletes what is older than the store's [`Retention`] allows at that moment.
    async fn enforce_retention(&self, now: Timestamp) -> Result<Expired, StoreError>;
}
