//! A topic as its writer and its readers share it.

use std::path::Path;
use std::sync::{Arc, RwLock};

use tokio::sync::watch;

use super::file::Slot;
use super::state::read;
use crate::{Bounds, Cleanup, LogError, Offset, TopicSpec};

/// A topic of the log that is open.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) spec: TopicSpec,
    pub(super) place: Place,
    high_watermarks: Vec<watch::Sender<u64>>,
}

/// Where a topic's records are.
#[derive(Debug)]
pub(super) enum Place {
    /// In the main file, in consecutive slots.
    Main {
        path: Arc<Path>,
        /// The slot of partition 0.
        first_slot: usize,
    },
    /// In files of their own, one an hour, oldest first; partition and slot are the same number.
    Hours(RwLock<Vec<Hour>>),
}

/// One hour's file of a topic.
#[derive(Debug)]
pub(super) struct Hour {
    /// Which hour since 1970.
    pub(super) number: i64,
    pub(super) path: Arc<Path>,
    /// Each partition's first offset that the file may hold.
    pub(super) first: Vec<u64>,
}

/// Records that stand together: a run of one partition's offsets in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) path: Arc<Path>,
    pub(super) slot: usize,
    pub(super) from: u64,
    /// One past the last.
    pub(super) end: u64,
    /// Whether every offset in it should hold a record.
    pub(super) is_dense: bool,
}

impl Topic {
    /// A topic with the slots of its partitions as the newest file has them.
    pub(super) fn new(spec: TopicSpec, place: Place, slots: &[Slot]) -> Self {
        let high_watermarks = slots
            .iter()
            .map(|slot| watch::Sender::new(slot.next))
            .collect();
        Self {
            spec,
            place,
            high_watermarks,
        }
    }

    pub(super) fn is_compacted(&self) -> bool {
        matches!(self.spec.cleanup, Cleanup::Compact { .. })
    }

    /// The partition's slot in the file that takes its records.
    pub(super) fn slot(&self, partition: u32) -> usize {
        match self.place {
            Place::Main { first_slot, .. } => first_slot + partition as usize,
            Place::Hours(_) => partition as usize,
        }
    }

    /// Tells readers that everything below the offset is durable.
    pub(super) fn publish(&self, partition: u32, next: u64) {
        if let Some(high_watermark) = self.high_watermarks.get(partition as usize) {
            high_watermark.send_replace(next);
        }
    }

    /// Follows what is durable.
    pub(super) fn follow(&self, partition: u32) -> Result<watch::Receiver<u64>, LogError> {
        self.high_watermark(partition).map(watch::Sender::subscribe)
    }

    pub(super) fn bounds(&self, partition: u32) -> Result<Bounds, LogError> {
        self.place.look(|hours| self.bounds_among(hours, partition))
    }

    /// Where the offset stands, and what follows it there, with the bounds. All are as of one
    /// moment: were a file dropped between one look and the next, a reader would pass over its
    /// records unseen.
    pub(super) fn locate(
        &self,
        partition: u32,
        offset: Offset,
    ) -> Result<(Bounds, Option<Extent>), LogError> {
        self.place.look(|hours| {
            let bounds = self.bounds_among(hours, partition)?;
            bounds.check(offset)?;
            let extents = self.extents_among(hours, partition, bounds.high_watermark);
            let extent = extents.into_iter().find(|extent| offset.0 < extent.end);
            let extent = extent.map(|extent| Extent {
                from: extent.from.max(offset.0),
                ..extent
            });
            Ok((bounds, extent))
        })
    }

    /// The partition's extents below `end`, in order, but for those of earlier hours.
    pub(super) fn extents_since(&self, hour: i64, partition: u32, end: Offset) -> Vec<Extent> {
        self.place.look(|hours| {
            let earlier = hours.partition_point(|held| held.number < hour);
            self.extents_among(hours.get(earlier..).unwrap_or_default(), partition, end)
        })
    }

    fn bounds_among(&self, hours: &[Hour], partition: u32) -> Result<Bounds, LogError> {
        let earliest = hours.first().map_or(0, |hour| hour.first(partition));
        // Read after the earliest offset, which may move up to it but never past.
        let high_watermark = *self.high_watermark(partition)?.borrow();
        Ok(Bounds {
            earliest: Offset(earliest),
            high_watermark: Offset(high_watermark),
        })
    }

    fn extents_among(&self, hours: &[Hour], partition: u32, end: Offset) -> Vec<Extent> {
        let slot = self.slot(partition);
        if let Place::Main { path, .. } = &self.place {
            return vec![Extent {
                path: Arc::clone(path),
                slot,
                from: 0,
                end: end.0,
                is_dense: false,
            }];
        }
        let starts = hours.iter().map(|hour| hour.first(partition));
        // An hour reaches up to the next one, so that a missing file shows as missing records.
        let ends = starts
            .clone()
            .skip(1)
            .map(|start| start.min(end.0))
            .chain([end.0]);
        let runs = hours.iter().zip(starts.zip(ends));
        runs.filter(|(_, (from, end))| from < end)
            .map(|(held, (from, end))| Extent {
                path: Arc::clone(&held.path),
                slot,
                from,
                end,
                is_dense: true,
            })
            .collect()
    }

    fn high_watermark(&self, partition: u32) -> Result<&watch::Sender<u64>, LogError> {
        self.high_watermarks
            .get(partition as usize)
            .ok_or_else(|| LogError::UnknownPartition {
                topic: self.spec.name.clone(),
                partition,
                partitions: self.spec.partitions,
            })
    }
}

impl Place {
    /// Looks at the hours, which stay as they are meanwhile; a compacted topic has none.
    fn look<T>(&self, look: impl FnOnce(&[Hour]) -> T) -> T {
        match self {
            Self::Main { .. } => look(&[]),
            Self::Hours(hours) => look(&read(hours)),
        }
    }
}

impl Hour {
    fn first(&self, partition: u32) -> u64 {
        self.first
            .get(partition as usize)
            .copied()
            .unwrap_or_default()
    }
}
