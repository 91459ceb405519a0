//! How far the log has been read, for those who look after the process.
//!
//! Ages are told by monotonic time: a wall clock that is set makes no loop look stuck, and none that
//! is stuck look alive.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use sextant_measure::time::Timestamp;
use sextant_snapshot::picture::PartitionStatus;
use sextant_snapshot::record::OwnerState;
use tokio::time::Instant;

use crate::health::{Check, LoopAge};

/// How far the log has been read. Written by the follower's tasks, read by anyone.
#[derive(Debug)]
pub struct Progress {
    begun: Instant,
    owner_turned: Moment,
    partitions: Vec<Partition>,
}

/// A moment in microseconds since the follower began; [`i64::MIN`] if it has not been yet.
#[derive(Debug)]
struct Moment(AtomicI64);

#[derive(Debug)]
struct Partition {
    turned: Moment,
    /// When the log answered last.
    answered: Moment,
    is_away: AtomicBool,
    next: AtomicU64,
    end: AtomicU64,
    is_caught_up: AtomicBool,
    is_whole: AtomicBool,
    is_claimed: AtomicBool,
}

impl Progress {
    pub(super) fn new(partitions: u32) -> Self {
        let partition = |_| Partition {
            turned: Moment::begun(),
            answered: Moment::never(),
            is_away: AtomicBool::new(false),
            next: AtomicU64::new(0),
            end: AtomicU64::new(0),
            is_caught_up: AtomicBool::new(false),
            is_whole: AtomicBool::new(false),
            is_claimed: AtomicBool::new(false),
        };
        Self {
            begun: Instant::now(),
            owner_turned: Moment::begun(),
            partitions: (0..partitions).map(partition).collect(),
        }
    }

    /// Records of the log that have not been applied.
    pub fn lag_records(&self) -> u64 {
        self.partitions.iter().map(Partition::lag).sum()
    }

    pub(super) fn owner_turned(&self) {
        self.owner_turned.set(self.age_us());
    }

    pub(super) fn turned(&self, partition: u32) {
        if let Some(partition) = self.get(partition) {
            partition.turned.set(self.age_us());
        }
    }

    /// The log answered. Whether it had been away.
    pub(super) fn answered(&self, partition: u32, end: u64) -> bool {
        self.get(partition).is_some_and(|partition| {
            partition.answered.set(self.age_us());
            partition.end.store(end, Ordering::Relaxed);
            partition.is_away.swap(false, Ordering::Relaxed)
        })
    }

    /// The log did not answer. Whether that is news.
    pub(super) fn failed(&self, partition: u32) -> bool {
        self.turned(partition);
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

    /// Microseconds since the follower began.
    fn age_us(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    fn get(&self, partition: u32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }
}

impl Check for Progress {
    fn loops(&self, _: Timestamp) -> Vec<LoopAge> {
        let now = self.age_us();
        let age = |name: String, turned: &Moment| LoopAge {
            name,
            age_us: turned.age_us(now).unwrap_or(now),
        };
        let owner = age("snapshot".to_owned(), &self.owner_turned);
        let oldest = self
            .partitions
            .iter()
            .enumerate()
            .max_by_key(|(_, partition)| partition.turned.age_us(now));
        // Of a thousand alike the slowest says it all.
        let readers = oldest.map(|(index, partition)| {
            let name = format!("windows log, partition {index}");
            age(name, &partition.turned)
        });
        [Some(owner), readers].into_iter().flatten().collect()
    }

    fn missing(&self, _: Timestamp) -> Vec<String> {
        let now = self.age_us();
        let partitions = self.partitions.iter().enumerate();
        partitions
            .filter_map(|(index, partition)| {
                let what = partition.missing(now)?;
                Some(format!("windows log, partition {index}: {what}"))
            })
            .collect()
    }
}

impl Moment {
    const fn begun() -> Self {
        Self(AtomicI64::new(0))
    }

    const fn never() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }

    fn set(&self, now: i64) {
        self.0.store(now, Ordering::Relaxed);
    }

    fn age_us(&self, now: i64) -> Option<i64> {
        let at = self.0.load(Ordering::Relaxed);
        (at != i64::MIN).then(|| now.saturating_sub(at).max(0))
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

    fn missing(&self, now: i64) -> Option<String> {
        if !self.is_caught_up.load(Ordering::Relaxed) {
            let is_away = self.is_away.load(Ordering::Relaxed);
            return Some(match (is_away, self.answered.age_us(now)) {
                (true, None) => "cannot be read".to_owned(),
                (true, Some(age_us)) => format!("cannot be read since {} s", age_us / 1_000_000),
                (false, _) => format!("{} records left to read", self.lag()),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ages_s(progress: &Progress, wall: Timestamp) -> Vec<i64> {
        let loops = progress.loops(wall);
        loops
            .iter()
            .map(|turned| turned.age_us / 1_000_000)
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_that_is_set_makes_no_loop_older_or_younger() {
        let progress = Progress::new(2);
        tokio::time::advance(Duration::from_secs(20)).await;
        let hours = [-1, 0, 1].map(|hours| Timestamp::from_micros(hours * 3_600_000_000));
        for wall in hours {
            assert_eq!(ages_s(&progress, wall), [20, 20]);
        }
        progress.owner_turned();
        progress.turned(1);
        assert_eq!(ages_s(&progress, hours[0]), [0, 20], "of two the slowest");
        progress.turned(0);
        assert_eq!(ages_s(&progress, hours[2]), [0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_away_is_so_since_it_answered_last() {
        let progress = Progress::new(1);
        progress.failed(0);
        let wall = Timestamp::default();
        let log = "windows log, partition 0";
        assert_eq!(progress.missing(wall), [format!("{log}: cannot be read")]);
        progress.answered(0, 5);
        progress.failed(0);
        tokio::time::advance(Duration::from_secs(7)).await;
        let since = format!("{log}: cannot be read since 7 s");
        assert_eq!(progress.missing(wall), [since]);
    }
}
