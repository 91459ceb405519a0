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
        let high_watermark = self.high_watermark(partition)?;
        let earliest = match &self.place {
            Place::Main { .. } => 0,
            Place::Hours(hours) => read(hours).first().map_or(0, |hour| hour.first(partition)),
        };
        // Read after the earliest offset, which may move up to it but never past.
        let high_watermark = Offset(*high_watermark.borrow());
        Ok(Bounds {
            earliest: Offset(earliest),
            high_watermark,
        })
    }

    /// Where the offset stands, and what follows it there below `end`.
    pub(super) fn extent_at(&self, partition: u32, offset: u64, end: u64) -> Option<Extent> {
        let extents = self.extents_since(i64::MIN, partition, end);
        let mut extent = extents.into_iter().find(|extent| offset < extent.end)?;
        extent.from = extent.from.max(offset);
        Some(extent)
    }

    /// The partition's extents below `end`, in order, but for those of earlier hours.
    pub(super) fn extents_since(&self, hour: i64, partition: u32, end: u64) -> Vec<Extent> {
        let slot = self.slot(partition);
        let hours = match &self.place {
            Place::Main { path, .. } => {
                let path = Arc::clone(path);
                return vec![Extent {
                    path,
                    slot,
                    from: 0,
                    end,
                    is_dense: false,
                }];
            }
            Place::Hours(hours) => read(hours),
        };
        let starts = hours.iter().map(|hour| hour.first(partition));
        // An hour reaches up to the next one, so that a missing file shows as missing records.
        let ends = starts
            .clone()
            .skip(1)
            .map(|start| start.min(end))
            .chain([end]);
        let runs = hours.iter().zip(starts.zip(ends));
        runs.filter(|(held, (from, end))| held.number >= hour && from < end)
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

impl Hour {
    fn first(&self, partition: u32) -> u64 {
        self.first
            .get(partition as usize)
            .copied()
            .unwrap_or_default()
    }
}
