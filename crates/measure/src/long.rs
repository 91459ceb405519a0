//! Uptime over 6 hours and one day, from buckets of 5 minutes.

use std::collections::VecDeque;

use crate::ratio::Ratio;
use crate::time::{Minute, Timestamp};

/// Minutes in a bucket.
pub const MINUTES_PER_BUCKET: u32 = 5;
/// Buckets in 6 hours, the last one open.
pub const BUCKETS_6H: u32 = 72;
/// Buckets in one day, the last one open.
pub const BUCKETS_1D: u32 = 288;

/// Good and counted observations per 5 minutes of completion time.
///
/// What completed before `live_from` comes from the store, by [`LongUptime::restore`]; all else
/// is filed as it is read. The two never overlap, so nothing counts twice.
#[derive(Debug, Clone)]
pub struct LongUptime {
    live_from: Minute,
    restored: bool,
    buckets: VecDeque<(u32, Ratio)>,
}

impl LongUptime {
    /// Empty; what completed before `live_from` is awaited from the store.
    pub const fn awaiting(live_from: Minute) -> Self {
        Self {
            live_from,
            restored: false,
            buckets: VecDeque::new(),
        }
    }

    /// Empty, with nothing in the store that it could await.
    pub const fn fresh() -> Self {
        Self {
            live_from: Minute::from_index(0),
            restored: true,
            buckets: VecDeque::new(),
        }
    }

    /// The first minute that is not awaited from the store.
    pub const fn live_from(&self) -> Minute {
        self.live_from
    }

    /// Whether the store's part is in.
    pub const fn is_restored(&self) -> bool {
        self.restored
    }

    /// Adds an observation that completed in `minute`.
    pub fn file(&mut self, minute: Minute, uptime: Ratio) {
        if minute >= self.live_from {
            self.add(minute, uptime);
        }
    }

    /// Adds the store's minutes, all at once; those from `live_from` on are ignored.
    pub fn restore(&mut self, minutes: impl IntoIterator<Item = (Minute, Ratio)>) {
        if self.restored {
            return;
        }
        self.restored = true;
        for (minute, uptime) in minutes {
            if minute < self.live_from {
                self.add(minute, uptime);
            }
        }
    }

    /// Drops what no window at `now` or later can reach.
    pub fn advance(&mut self, now: Timestamp) {
        let first = first_bucket(now, BUCKETS_1D);
        while self
            .buckets
            .front()
            .is_some_and(|(bucket, _)| *bucket < first)
        {
            self.buckets.pop_front();
        }
    }

    /// Uptime over the 6 hours up to `now`; `None` until the store's part is in.
    pub fn six_hours(&self, now: Timestamp) -> Option<Ratio> {
        self.over(now, BUCKETS_6H)
    }

    /// Uptime over the day up to `now`; `None` until the store's part is in.
    pub fn one_day(&self, now: Timestamp) -> Option<Ratio> {
        self.over(now, BUCKETS_1D)
    }

    /// Whether no observation of the last day is left.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    fn over(&self, now: Timestamp, buckets: u32) -> Option<Ratio> {
        let (first, last) = (first_bucket(now, buckets), bucket(now.minute()));
        let inside = |(bucket, _): &&(u32, Ratio)| (first..=last).contains(bucket);
        let sum = self
            .buckets
            .iter()
            .filter(inside)
            .fold(Ratio::default(), |sum, b| sum + b.1);
        self.restored.then_some(sum)
    }

    fn add(&mut self, minute: Minute, uptime: Ratio) {
        let bucket = bucket(minute);
        let at = self.buckets.partition_point(|(other, _)| *other < bucket);
        match self.buckets.get_mut(at) {
            Some((found, sum)) if *found == bucket => *sum = *sum + uptime,
            _ => self.buckets.insert(at, (bucket, uptime)),
        }
    }
}

fn bucket(minute: Minute) -> u32 {
    minute.index() / MINUTES_PER_BUCKET
}

fn first_bucket(now: Timestamp, buckets: u32) -> u32 {
    bucket(now.minute()).saturating_sub(buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(index: u32) -> Minute {
        Minute::from_index(index)
    }

    #[test]
    fn a_bucket_counts_for_exactly_72_and_288_buckets() {
        let mut long = LongUptime::fresh();
        long.file(minute(10_004), Ratio::new(1, 2));
        let at = |index: u32| minute(index).start();
        assert_eq!(long.six_hours(at(10_004)), Some(Ratio::new(1, 2)));
        assert_eq!(
            long.six_hours(at(10_000 + 71 * 5 + 4)),
            Some(Ratio::new(1, 2))
        );
        assert_eq!(long.six_hours(at(10_000 + 72 * 5)), Some(Ratio::default()));
        assert_eq!(long.one_day(at(10_000 + 287 * 5)), Some(Ratio::new(1, 2)));
        assert_eq!(long.one_day(at(10_000 + 288 * 5)), Some(Ratio::default()));
        long.advance(at(10_000 + 288 * 5));
        assert!(long.is_empty());
    }

    #[test]
    fn the_store_and_the_log_never_overlap() {
        let mut long = LongUptime::awaiting(minute(1_002));
        long.file(minute(1_001), Ratio::new(1, 1));
        long.file(minute(1_002), Ratio::new(0, 1));
        assert_eq!(long.one_day(minute(1_003).start()), None);
        long.restore([
            (minute(1_001), Ratio::new(5, 5)),
            (minute(1_002), Ratio::new(9, 9)),
        ]);
        long.restore([(minute(1_001), Ratio::new(5, 5))]);
        assert_eq!(long.one_day(minute(1_003).start()), Some(Ratio::new(5, 6)));
    }
}
