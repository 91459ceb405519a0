//! How far the log has been read, for those who look after the process.
//!
//! Ages are told by monotonic time: a wall clock that is set makes no loop look stuck, and none that
//! is stuck look alive.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use sextant_measure::time::Timestamp;
use sextant_snapshot::picture::PartitionStatus;
use sextant_snapshot::record::OwnerState;
use tokio::time::Instant;

use super::source::Source;
use crate::health::{Check, LoopAge};

/// How far the log has been read. Written by the follower's tasks, read by anyone.
#[derive(Debug)]
pub struct Progress {
    begun: Instant,
    owner_turned: Moment,
    /// In the order of [`Source::all`].
    followed: Vec<Followed>,
}

/// A moment in microseconds since the follower began; [`i64::MIN`] if it has not been yet.
#[derive(Debug)]
struct Moment(AtomicI64);

#[derive(Debug)]
struct Followed {
    source: Source,
    turned: Moment,
    /// When the log answered last.
    answered: Moment,
    is_away: AtomicBool,
    next: AtomicU64,
    end: AtomicU64,
    is_caught_up: AtomicBool,
    is_whole: AtomicBool,
    is_claimed: AtomicBool,
    /// What its owner had read of the observations, of the records that have been applied;
    /// [`i64::MIN`] before it says so.
    applied_as_of: AtomicI64,
    /// The same, of what is served.
    as_of: AtomicI64,
}

impl Progress {
    pub(super) fn new(partitions: u32) -> Self {
        let followed = |source| Followed {
            source,
            turned: Moment::begun(),
            answered: Moment::never(),
            is_away: AtomicBool::new(false),
            next: AtomicU64::new(0),
            end: AtomicU64::new(0),
            is_caught_up: AtomicBool::new(false),
            is_whole: AtomicBool::new(false),
            is_claimed: AtomicBool::new(false),
            applied_as_of: AtomicI64::new(i64::MIN),
            as_of: AtomicI64::new(i64::MIN),
        };
        Self {
            begun: Instant::now(),
            owner_turned: Moment::begun(),
            followed: Source::all(partitions).map(followed).collect(),
        }
    }

    /// Records of the logs that have not been applied.
    pub fn lag_records(&self) -> u64 {
        self.followed.iter().map(Followed::lag).sum()
    }

    /// What has been applied is what is served.
    pub(super) fn published(&self) {
        for followed in &self.followed {
            let as_of = followed.applied_as_of.load(Ordering::Relaxed);
            followed.as_of.store(as_of, Ordering::Relaxed);
        }
    }

    /// Partitions of the windows log whose numbers are whole, of so many.
    pub(crate) fn coverage(&self, is_meant: impl Fn(u32) -> bool) -> (u32, u32) {
        let each = self.meant(is_meant);
        each.fold((0, 0), |(whole, all), followed| {
            let is_whole = followed.is_whole.load(Ordering::Relaxed);
            (whole + u32::from(is_whole), all + 1)
        })
    }

    /// All that was reported until then is in the numbers of these partitions of the windows log.
    /// Nothing if no owner of any has said so yet.
    pub fn as_of(&self, is_meant: impl Fn(u32) -> bool) -> Option<Timestamp> {
        let meant = self.meant(is_meant);
        let each = meant.map(|followed| followed.as_of.load(Ordering::Relaxed));
        let earliest = each.filter(|as_of| *as_of != i64::MIN).min();
        earliest.map(Timestamp::from_micros)
    }

    pub(super) fn owner_turned(&self) {
        self.owner_turned.set(self.age_us());
    }

    pub(super) fn turned(&self, source: Source) {
        if let Some(followed) = self.get(source) {
            followed.turned.set(self.age_us());
        }
    }

    /// The log answered. Whether it had been away.
    pub(super) fn answered(&self, source: Source, end: u64) -> bool {
        self.get(source).is_some_and(|followed| {
            followed.answered.set(self.age_us());
            followed.end.store(end, Ordering::Relaxed);
            followed.is_away.swap(false, Ordering::Relaxed)
        })
    }

    /// The log did not answer. Whether that is news.
    pub(super) fn failed(&self, source: Source) -> bool {
        self.turned(source);
        self.get(source)
            .is_some_and(|followed| !followed.is_away.swap(true, Ordering::Relaxed))
    }

    pub(super) fn applied(&self, source: Source, next: u64, is_caught_up: bool) {
        if let Some(followed) = self.get(source) {
            followed.next.store(next, Ordering::Relaxed);
            followed
                .is_caught_up
                .fetch_or(is_caught_up, Ordering::Relaxed);
        }
    }

    pub(super) fn owned(&self, status: &PartitionStatus<'_>) {
        if let Some(followed) = self.get(Source::Windows(status.partition)) {
            let whole = status
                .progress
                .is_some_and(|progress| progress.state == OwnerState::Whole);
            followed.is_whole.store(whole, Ordering::Relaxed);
            let claimed = status.epoch.is_some();
            followed.is_claimed.store(claimed, Ordering::Relaxed);
            if let Some(progress) = status.progress {
                let as_of = progress.position_at.as_micros();
                followed.applied_as_of.fetch_max(as_of, Ordering::Relaxed);
            }
        }
    }

    /// Microseconds since the follower began.
    fn age_us(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// Those partitions of the windows log.
    fn meant(&self, is_meant: impl Fn(u32) -> bool) -> impl Iterator<Item = &Followed> {
        let followed = self.followed.iter();
        followed.filter(move |followed| match followed.source {
            Source::Windows(partition) => is_meant(partition),
            Source::Gates => false,
        })
    }

    fn get(&self, source: Source) -> Option<&Followed> {
        match source {
            Source::Gates => self.followed.last(),
            Source::Windows(partition) => self.followed.get(usize::try_from(partition).ok()?),
        }
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
        // Of a thousand alike the slowest says it all; of equals the first.
        let followed = self.followed.iter().rev();
        let oldest = followed.max_by_key(|followed| followed.turned.age_us(now));
        let readers = oldest.map(|followed| age(followed.source.to_string(), &followed.turned));
        [Some(owner), readers].into_iter().flatten().collect()
    }

    fn missing(&self, _: Timestamp) -> Vec<String> {
        let now = self.age_us();
        let followed = self.followed.iter();
        followed
            .filter_map(|followed| Some(format!("{}: {}", followed.source, followed.missing(now)?)))
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

impl Followed {
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
            _ if self.source == Source::Gates => None,
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
        progress.turned(Source::Gates);
        progress.turned(Source::Windows(1));
        assert_eq!(ages_s(&progress, hours[0]), [0, 20], "of all the slowest");
        progress.turned(Source::Windows(0));
        assert_eq!(ages_s(&progress, hours[2]), [0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_away_is_so_since_it_answered_last() {
        let progress = Progress::new(1);
        let wall = Timestamp::default();
        for (source, name) in [
            (Source::Windows(0), "windows log, partition 0"),
            (Source::Gates, "gates log"),
        ] {
            let missing = || progress.missing(wall).concat();
            progress.failed(source);
            assert!(missing().contains(&format!("{name}: cannot be read")));
            progress.answered(source, 5);
            progress.failed(source);
            tokio::time::advance(Duration::from_secs(7)).await;
            assert!(missing().contains(&format!("{name}: cannot be read since 7 s")));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_gates_log_is_there_once_it_is_read_to_its_end() {
        let progress = Progress::new(1);
        progress.applied(Source::Windows(0), 0, true);
        progress.answered(Source::Gates, 3);
        let missing = progress.missing(Timestamp::default());
        assert_eq!(missing[1], "gates log: 3 records left to read");
        progress.applied(Source::Gates, 3, true);
        assert_eq!(progress.missing(Timestamp::default()).len(), 1);
    }
}
