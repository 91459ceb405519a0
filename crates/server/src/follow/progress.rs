//! How far the log has been read, for those who look after the process.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use sextant_measure::time::Timestamp;
use sextant_snapshot::picture::PartitionStatus;
use sextant_snapshot::record::OwnerState;

use crate::health::{Check, LoopAge};

/// How far the log has been read. Written by the follower's tasks, read by anyone.
#[derive(Debug)]
pub struct Progress {
    owner_turned_at_us: AtomicI64,
    partitions: Vec<Partition>,
}

#[derive(Debug)]
struct Partition {
    turned_at_us: AtomicI64,
    /// When the log answered last; nothing answered yet at [`i64::MIN`].
    answered_at_us: AtomicI64,
    is_away: AtomicBool,
    next: AtomicU64,
    end: AtomicU64,
    is_caught_up: AtomicBool,
    is_whole: AtomicBool,
    is_claimed: AtomicBool,
}

impl Progress {
    pub(super) fn new(partitions: u32, now: Timestamp) -> Self {
        let partition = |_| Partition {
            turned_at_us: AtomicI64::new(now.as_micros()),
            answered_at_us: AtomicI64::new(i64::MIN),
            is_away: AtomicBool::new(false),
            next: AtomicU64::new(0),
            end: AtomicU64::new(0),
            is_caught_up: AtomicBool::new(false),
            is_whole: AtomicBool::new(false),
            is_claimed: AtomicBool::new(false),
        };
        Self {
            owner_turned_at_us: AtomicI64::new(now.as_micros()),
            partitions: (0..partitions).map(partition).collect(),
        }
    }

    /// Records of the log that have not been applied.
    pub fn lag_records(&self) -> u64 {
        self.partitions.iter().map(Partition::lag).sum()
    }

    pub(super) fn owner_turned(&self, now: Timestamp) {
        let us = now.as_micros();
        self.owner_turned_at_us.store(us, Ordering::Relaxed);
    }

    pub(super) fn turned(&self, partition: u32, now: Timestamp) {
        if let Some(partition) = self.get(partition) {
            let us = now.as_micros();
            partition.turned_at_us.store(us, Ordering::Relaxed);
        }
    }

    /// The log answered. Whether it had been away.
    pub(super) fn answered(&self, partition: u32, end: u64, now: Timestamp) -> bool {
        self.get(partition).is_some_and(|partition| {
            let us = now.as_micros();
            partition.answered_at_us.store(us, Ordering::Relaxed);
            partition.end.store(end, Ordering::Relaxed);
            partition.is_away.swap(false, Ordering::Relaxed)
        })
    }

    /// The log did not answer. Whether that is news.
    pub(super) fn failed(&self, partition: u32, now: Timestamp) -> bool {
        self.turned(partition, now);
        self.get(partition)
            .is_some_and(|partition| !partition.is_away.swap(true, Ordering::Relaxed))
    }

    pub(super) fn applied(&self, partition: u32, next: u64, is_caught_up: bool) {
        if let Some(partition) = self.get(partition) {
            partition.next.store(next, Ordering::Relaxed);
            partition
                .is_caught_up
                .fetch_or(is_caught_up, Ordering::Relaxed);
        }
    }

    pub(super) fn owned(&self, status: &PartitionStatus<'_>) {
        if let Some(partition) = self.get(status.partition) {
            let whole = status
                .progress
                .is_some_and(|progress| progress.state == OwnerState::Whole);
            partition.is_whole.store(whole, Ordering::Relaxed);
            let claimed = status.epoch.is_some();
            partition.is_claimed.store(claimed, Ordering::Relaxed);
        }
    }

    fn get(&self, partition: u32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }
}

impl Check for Progress {
    fn loops(&self, now: Timestamp) -> Vec<LoopAge> {
        let age = |name: String, turned_at_us: &AtomicI64| LoopAge {
            name,
            age_us: now.micros_since(Timestamp::from_micros(turned_at_us.load(Ordering::Relaxed))),
        };
        let owner = age("snapshot".to_owned(), &self.owner_turned_at_us);
        let oldest = self
            .partitions
            .iter()
            .enumerate()
            .min_by_key(|(_, partition)| partition.turned_at_us.load(Ordering::Relaxed));
        // Of a thousand alike the slowest says it all.
        let readers = oldest.map(|(index, partition)| {
            let name = format!("windows log, partition {index}");
            age(name, &partition.turned_at_us)
        });
        [Some(owner), readers].into_iter().flatten().collect()
    }

    fn missing(&self, now: Timestamp) -> Vec<String> {
        let partitions = self.partitions.iter().enumerate();
        partitions
            .filter_map(|(index, partition)| {
                let what = partition.missing(now)?;
                Some(format!("windows log, partition {index}: {what}"))
            })
            .collect()
    }
}

impl Partition {
    fn lag(&self) -> u64 {
        let (end, next) = (
            self.end.load(Ordering::Relaxed),
            self.next.load(Ordering::Relaxed),
        );
        end.saturating_sub(next)
    }

    fn missing(&self, now: Timestamp) -> Option<String> {
        if !self.is_caught_up.load(Ordering::Relaxed) {
            let answered_at = self.answered_at_us.load(Ordering::Relaxed);
            return Some(match self.is_away.load(Ordering::Relaxed) {
                true if answered_at == i64::MIN => "cannot be read".to_owned(),
                true => {
                    let age_us = now.micros_since(Timestamp::from_micros(answered_at));
                    format!("cannot be read since {} s", age_us / 1_000_000)
                }
                false => format!("{} records left to read", self.lag()),
            });
        }
        match (
            self.is_claimed.load(Ordering::Relaxed),
            self.is_whole.load(Ordering::Relaxed),
        ) {
            (_, true) => None,
            (true, false) => Some("its owner has not published everything yet".to_owned()),
            (false, false) => Some("nobody owns it".to_owned()),
        }
    }
}
