//! How long to leave a receiver alone after it failed.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

const DELAY_MIN: Duration = Duration::from_secs(1);
/// Longest that a receiver may ask for, lest it never be asked again.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// How long to leave a receiver alone after it failed: twice as long each time, up to a most, with
/// jitter.
#[derive(Debug)]
pub(super) struct Pause {
    delay_max: Duration,
    backoff: ExponentialBackoff,
    until: Option<Instant>,
}

impl Pause {
    /// Waits of at most `wait_max`.
    pub(super) fn new(wait_max: Duration) -> Self {
        // Jitter makes a wait up to twice as long.
        let delay_max = wait_max / 2;
        let schedule = ExponentialBuilder::new()
            .with_min_delay(DELAY_MIN.min(delay_max))
            .with_max_delay(delay_max)
            .without_max_times()
            .with_jitter();
        Self {
            delay_max,
            backoff: schedule.build(),
            until: None,
        }
    }

    /// It failed, and asks to be left alone so long itself.
    pub(super) fn begin(&mut self, now: Instant, retry_after: Option<Duration>) {
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        let wait = self.backoff.next().unwrap_or(self.delay_max).max(asked);
        self.until = Some(now + wait);
    }

    /// It works: the next failure is a first one.
    pub(super) fn end(&mut self) {
        *self = Self::new(self.delay_max * 2);
    }

    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(pause: &mut Pause, retry_after: Option<Duration>) -> Duration {
        let now = Instant::now();
        pause.begin(now, retry_after);
        pause.until().unwrap() - now
    }

    #[test]
    fn waits_grow_and_stop_growing() {
        let mut pause = Pause::new(Duration::from_secs(8));
        for least in [1, 2, 4, 4, 4] {
            let least = Duration::from_secs(least);
            let wait = waits(&mut pause, None);
            assert!((least..=least * 2).contains(&wait), "{wait:?}");
        }
        pause.end();
        assert_eq!(pause.until(), None);
        assert!(waits(&mut pause, None) <= Duration::from_secs(2));
    }

    #[test]
    fn a_receiver_is_left_alone_as_long_as_it_asks_but_not_for_ever() {
        let mut pause = Pause::new(Duration::from_secs(8));
        let asked = Duration::from_secs(100);
        assert_eq!(waits(&mut pause, Some(asked)), asked);
        assert_eq!(waits(&mut pause, Some(Duration::MAX)), RETRY_AFTER_MAX);
    }
}
