//! How bytes are kept in order and read again.
//!
//! [`EventLog`] is the seam between the stages: topics of partitions, each an ordered run of
//! records with offsets. Payloads are opaque here. [`sqlite`] keeps a log in a directory of the
//! one process that opens it; [`kafka`], a feature, is a log
//! that many processes share.
//!
//! What every back end promises (the contract suite in `testkit` holds it to this):
//!
//! - An append is answered once its records are durable, never earlier.
//! - Offsets rise within a partition, are never given twice, and outlive what is deleted.
//! - Append times never go back within a partition, whatever the clock does.
//! - A record whose checksum is wrong is never served; a reader learns its offset.
//! - A compacted topic keeps at least the latest record of each key. Superseded ones may still be
//!   read for a while, but never out of order.
//! - A committed position outlives the process.
//!
//! What is absent: the log knows no payload, derives no offset from what is left in it, and reads
//! no clock of its own.

mod error;
pub mod kafka;
mod record;
pub mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use crate::error::LogError;
pub use crate::record::{
    Appended, Bounds, Cleanup, Fetched, Headers, Offset, Position, RECORD_BYTES_MAX, ReadLimit,
    Record, StoredRecord, TopicSpec,
};

/// The time in microseconds since 1970, as the process sees it. It may step back.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Topics of partitions, each an ordered, durable run of records.
///
/// Used as `Arc<dyn EventLog>` by all stages of a process.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Creates the topics that are missing and checks those that exist.
    ///
    /// Nothing is created unless every existing topic agrees.
    ///
    /// # Errors
    /// [`LogError::SettingsDiffer`] names the first setting that differs, with both figures;
    /// [`LogError::Invalid`] a specification that no log could keep.
    async fn prepare(&self, topics: &[TopicSpec]) -> Result<(), LogError>;

    /// Appends the records in their order and returns once every one of them is durable.
    ///
    /// The call takes its records whole or not at all. On SQLite their offsets are contiguous; on
    /// a log that many processes write, other records may stand between them. A call that is
    /// dropped before its answer may have appended.
    ///
    /// # Errors
    /// After [`LogError::Unavailable`] the records may have been appended all the same: who tries
    /// again may append twice. All other errors mean that nothing was appended.
    /// [`LogError::Full`] passes when there is space again; [`LogError::TooLarge`] and
    /// [`LogError::Invalid`] never do.
    async fn append(
        &self,
        topic: &str,
        partition: u32,
        records: Vec<Record>,
    ) -> Result<Appended, LogError>;

    /// Reads records from `from` on, in order, up to the limit.
    ///
    /// Waits up to `wait` when there is nothing yet, and then returns nothing. Offsets that
    /// compaction has emptied are stepped over. May return fewer records than the log holds:
    /// read on at [`Fetched::next`].
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] when `from` was deleted by retention, or lies beyond the high
    /// watermark.
    async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Fetched, LogError>;

    /// The offsets between which the partition can be read.
    async fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, LogError>;

    /// The offset of the first record that was appended at or after the time (microseconds since
    /// 1970), or the high watermark if there is none.
    async fn offset_at(
        &self,
        topic: &str,
        partition: u32,
        time_us: i64,
    ) -> Result<Offset, LogError>;

    /// Stores where a consumer group stands, durably. The last commit stands, even if it goes back.
    async fn commit(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
        position: Position,
    ) -> Result<(), LogError>;

    /// Where a consumer group stands, if it ever committed.
    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Option<Position>, LogError>;

    /// Joins a consumer group, whose members share the topic's partitions.
    ///
    /// Each partition belongs to at most one member at a time. The membership ends when it is
    /// dropped.
    async fn join(&self, group: &str, topic: &str) -> Result<Box<dyn Membership>, LogError>;
}

/// A place in a consumer group.
#[async_trait]
pub trait Membership: Send {
    /// Waits for the next change of what this member owns.
    ///
    /// Calling it again after [`MembershipEvent::Revoked`] says that those partitions are let go:
    /// until then they are given to nobody else. May be dropped and called again: no event is lost.
    async fn next(&mut self) -> Result<MembershipEvent, LogError>;
}

/// What changed in a member's partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembershipEvent {
    /// These partitions are now owned, beside those owned already. None, if there are members
    /// enough without this one.
    Assigned(Vec<u32>),
    /// These partitions must be let go.
    Revoked(Vec<u32>),
}
