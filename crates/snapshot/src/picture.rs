//! What a reader of the windows log and of the gates log holds.
//!
//! The reader applies records in the order of each partition, says when it has reached a
//! partition's end, and says the time about once a second. A picture hands out snapshots of
//! everything, and what changed since a version; any picture can answer for a version that another
//! one gave out.
//!
//! A reader that has fallen behind by an hour ([`REMEMBER_US`], [`PartitionStatus::reached_at`])
//! reads from the start ([`Picture::begin_again`]): the log no longer has all tombstones that it has
//! yet to read.
//!
//! # Ownership
//!
//! A new owner of a partition appends a claim, whose offset is the owner's epoch. A record at
//! offset `o` with epoch `e` is ignored if a claim `c` with `e < c < o` is known: its writer had
//! been replaced before it wrote. Every record's epoch names a claim, also one that compaction has
//! deleted; if that one comes to be known late, rows that it makes stale are removed then. A claim
//! with another log id says that the log was made anew: nothing of the partition stands, and no
//! older version can be compared.
//!
//! A new claim leaves the rows as they are. The new owner replaces or removes each of them before
//! it calls itself whole; until then they age, and the coverage says so. A row that it has left
//! standing by then is of a key that it does not know of, and is removed.

use std::sync::Arc;

use sextant_measure::id::EndpointId;
use sextant_measure::time::Timestamp;
use xxhash_rust::xxh3::Xxh3Default;

use crate::change::{Change, Delta, FullReason};
use crate::error::SnapshotError;
use crate::gates::{GateRecord, Gates};
use crate::partition::{Contents, Partition};
use crate::record::{LogRecord, Progress};
use crate::row::{AgentRow, EndpointRow};
use crate::snapshot::{Header, ModelFilter, Snapshot};
use crate::stamp::{Stamp, Stamped};
use crate::version::{GatesPosition, PARTITIONS_MAX, StatisticsPosition, Version};

/// How long removals are remembered: as long as the log keeps its tombstones.
pub const REMEMBER_US: i64 = 60 * 60 * 1_000_000;

/// Gates that whoever follows their log holds. Servers take no more, so that all hold the same.
pub const GATES_MAX: usize = 20_000;

/// How much a picture holds at most. What is over is ignored and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Endpoints in a partition.
    pub rows_max: usize,
    /// Senders in a partition.
    pub agents_max: usize,
    /// Removals remembered in a partition. Over it the oldest is forgotten, and versions from
    /// before it get everything.
    pub removals_max: usize,
    /// Gates, and removals of gates.
    pub gates_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows_max: 100_000,
            agents_max: 20_000,
            removals_max: 100_000,
            gates_max: GATES_MAX,
        }
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Applied {
    /// It counts.
    Changed,
    /// It changes nothing.
    Ignored(Ignored),
}

/// Why a record changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Ignored {
    /// Its writer had been replaced before it wrote.
    Stale = 0,
    /// It has been read before.
    Repeated = 1,
    /// Its writer believes in another log.
    OtherLog = 2,
    /// The picture is full.
    NoRoom = 3,
    /// Its epoch isn't before its offset, which no claim's could be.
    EpochAhead = 4,
    /// The log has no such partition.
    NoPartition = 5,
}

impl Ignored {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Stale,
        Self::Repeated,
        Self::OtherLog,
        Self::NoRoom,
        Self::EpochAhead,
        Self::NoPartition,
    ];

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Repeated => "repeated",
            Self::OtherLog => "other_log",
            Self::NoRoom => "no_room",
            Self::EpochAhead => "epoch_ahead",
            Self::NoPartition => "no_partition",
        }
    }
}

/// What is known of a partition of the windows log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionStatus<'a> {
    /// Which one.
    pub partition: u32,
    /// What it calls the log; nothing before its first record.
    pub log_id: Option<u64>,
    /// The latest claim.
    pub epoch: Option<u64>,
    /// Who made it; nothing if only its successor's records have been read.
    pub owner: Option<&'a str>,
    /// How far the owner is; nothing before it has said so.
    pub progress: Option<Progress>,
    /// The offset to be read next.
    pub next_offset: u64,
    /// When the log took the last record that was read, or when its end was last reached.
    pub reached_at: Option<Timestamp>,
    /// Endpoints held.
    pub rows: usize,
    /// Senders held.
    pub agents: usize,
}

/// What a reader of the logs holds.
#[derive(Debug)]
pub struct Picture {
    partitions: Vec<Partition>,
    contents: Contents,
    gates: Gates,
    ignored: [u64; Ignored::ALL.len()],
}

impl Picture {
    /// An empty picture of a windows log with so many partitions.
    ///
    /// # Errors
    /// [`SnapshotError::Partitions`] if no log has so many.
    pub fn new(partitions: u32, limits: Limits) -> Result<Self, SnapshotError> {
        let count = usize::try_from(partitions).unwrap_or(usize::MAX);
        if !(1..=PARTITIONS_MAX).contains(&count) {
            return Err(SnapshotError::Partitions(count));
        }
        let partition = |index| Partition::new(index, limits);
        Ok(Self {
            partitions: (0..partitions).map(partition).collect(),
            contents: Contents::new(),
            gates: Gates::new(0, limits.gates_max),
            ignored: Default::default(),
        })
    }

    /// Applies a record of the windows log.
    pub fn apply(&mut self, record: LogRecord) -> Applied {
        let applied = match self.partition_mut(record.partition) {
            Some((partition, contents)) => partition.apply(record, contents),
            None => Applied::Ignored(Ignored::NoPartition),
        };
        self.count(applied)
    }

    /// Says what the gates log is called, before its first record is applied. A log with another
    /// name than before was made anew, and no gate of the former one stands. Whether it is one.
    pub fn open_gates(&mut self, log_id: u64) -> bool {
        self.gates.open(log_id)
    }

    /// Applies a record of the gates log.
    pub fn apply_gate(&mut self, record: GateRecord) -> Applied {
        let applied = self.gates.apply(record);
        self.count(applied)
    }

    /// There was nothing more to read in this partition of the windows log at this time, when its
    /// next record would have had this offset, so that versions of before can be resumed even if
    /// nothing had been written for long. Whether the version has moved.
    pub fn reached_end(&mut self, partition: u32, next: u64, now: Timestamp) -> bool {
        self.partition_mut(partition)
            .is_some_and(|(partition, _)| partition.reached_end(next, now))
    }

    /// The same of the gates log.
    pub fn reached_end_of_gates(&mut self, next: u64, now: Timestamp) -> bool {
        self.gates.reached_end(next, now)
    }

    /// Forgets all of a partition, which is about to be read from its start.
    pub fn begin_again(&mut self, partition: u32) {
        if let Some((partition, contents)) = self.partition_mut(partition) {
            partition.start_again(contents);
        }
    }

    /// Forgets all gates: their log is about to be read from its start.
    pub fn begin_gates_again(&mut self) {
        self.gates.clear();
    }

    /// Forgets removals that are over an hour old. To be called about once a second.
    pub fn expire(&mut self, now: Timestamp) {
        let until = now.plus_micros(-REMEMBER_US);
        for partition in &mut self.partitions {
            partition.forget(until, &mut self.contents);
        }
        self.gates.forget(until);
    }

    /// How far each section is. It moves with what is handed out: senders, and owners that say how
    /// far they are and are as whole as before, leave it as it is.
    pub fn version(&self, catalog_revision: u64) -> Version {
        let mut log_id = Xxh3Default::new();
        for partition in &self.partitions {
            log_id.update(&[u8::from(partition.log_id().is_some())]);
            log_id.update(&partition.log_id().unwrap_or_default().to_le_bytes());
        }
        Version {
            catalog: catalog_revision,
            gates: GatesPosition {
                log_id: self.gates.log_id(),
                next_offset: self.gates.position(),
            },
            statistics: StatisticsPosition {
                log_id: log_id.digest(),
                next_offsets: self.partitions.iter().map(Partition::position).collect(),
            },
        }
    }

    /// What holds for all of it, now.
    pub fn header(&self, catalog_revision: u64, now: Timestamp) -> Header {
        let whole = self.partitions.iter().filter(|p| p.is_whole()).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Header {
            version: self.version(catalog_revision),
            generated_at: now,
            partitions_whole: count(whole),
            partitions: count(self.partitions.len()),
            observer_suspected: self.contents.providers.observer_suspected(),
        }
    }

    /// Everything, now.
    pub fn snapshot(&self, catalog_revision: u64, now: Timestamp) -> Snapshot {
        let header = self.header(catalog_revision, now);
        let rows = self.contents.rows.iter().map(stamped).collect();
        let gates = self.gates.iter().collect();
        // To compare all rows would cost more than all the rest.
        if self.contents.rows.has_shared_key() {
            Snapshot::new(header, rows, gates)
        } else {
            Snapshot::of_sorted(header, rows, gates)
        }
    }

    /// What of these models changed since the version, which this picture or any other of the same
    /// logs gave out. It takes time by how much changed, not by how much there is.
    pub fn since(
        &self,
        version: Option<&Version>,
        models: &ModelFilter,
        catalog_revision: u64,
        now: Timestamp,
    ) -> Change {
        let header = self.header(catalog_revision, now);
        let Some(version) = version else {
            return Change::Full(FullReason::Unknown);
        };
        if let Some(reason) = self.full_reason(version, &header.version, now) {
            return Change::Full(reason);
        }
        let wanted = |model: &_| models.admits(model);
        let (mut rows, mut removed) = (Vec::new(), Vec::new());
        let positions = version.statistics.next_offsets.iter();
        for (partition, position) in self.partitions.iter().zip(positions) {
            partition.since(*position, wanted, &mut rows, &mut removed);
        }
        let (gates, gates_removed) = self.gates.since(version.gates.next_offset, wanted);
        Change::Delta(Delta {
            catalog_changed: version.catalog != catalog_revision,
            header,
            rows,
            removed,
            gates,
            gates_removed,
        })
    }

    /// The row of an endpoint, in whichever partition it was published last.
    pub fn row(&self, id: &EndpointId) -> Option<&Arc<EndpointRow>> {
        let rows = self.contents.rows.of_key(id);
        rows.max_by_key(|row| row.published_at())
    }

    /// All senders, in the order of their names.
    pub fn agents(&self) -> impl Iterator<Item = Stamped<AgentRow>> {
        self.contents.agents.iter().map(stamped)
    }

    /// What is known of each partition of the windows log.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = PartitionStatus<'_>> {
        self.partitions.iter().map(Partition::status)
    }

    /// How many records were ignored for this reason, in both logs.
    pub fn ignored(&self, reason: Ignored) -> u64 {
        self.ignored
            .get(reason as usize)
            .copied()
            .unwrap_or_default()
    }

    fn full_reason(
        &self,
        version: &Version,
        present: &Version,
        now: Timestamp,
    ) -> Option<FullReason> {
        if !version.statistics.same_log(&present.statistics)
            || version.gates.log_id != present.gates.log_id
        {
            return Some(FullReason::OtherLog);
        }
        let positions = &version.statistics.next_offsets;
        let mut partitions = self.partitions.iter().zip(positions);
        let resumes = partitions
            .all(|(partition, position)| partition.resumes_from(*position, now))
            && self.gates.resumes_from(version.gates.next_offset, now);
        (!resumes).then_some(FullReason::TooOld)
    }

    fn partition_mut(&mut self, index: u32) -> Option<(&mut Partition, &mut Contents)> {
        let partition = self.partitions.get_mut(usize::try_from(index).ok()?)?;
        Some((partition, &mut self.contents))
    }

    fn count(&mut self, applied: Applied) -> Applied {
        if let Applied::Ignored(reason) = applied
            && let Some(count) = self.ignored.get_mut(reason as usize)
        {
            *count += 1;
        }
        applied
    }
}

fn stamped<T>((partition, offset, value): (u32, u64, &Arc<T>)) -> Stamped<T> {
    Stamped {
        stamp: Stamp { partition, offset },
        value: Arc::clone(value),
    }
}
