//! How long to leave the target alone after something went wrong.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use crate::options::Options;

/// Longest that a target may ask for: it must not be able to silence a sender.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);

/// How long to leave the target alone after something went wrong.
#[derive(Debug)]
pub(crate) struct Pause {
    schedule: ExponentialBuilder,
    backoff: ExponentialBackoff,
    until: Option<Instant>,
}

impl Pause {
    pub(crate) fn new(options: &Options) -> Self {
        let schedule = ExponentialBuilder::new()
            .with_min_delay(options.retry_delay_min)
            .with_max_delay(options.retry_delay_max)
            .without_max_times()
            .with_jitter();
        Self {
            schedule,
            backoff: schedule.build(),
            until: None,
        }
    }

    /// Something went wrong. Many batches that fail together are one failure.
    pub(crate) fn begin(&mut self, now: Instant, retry_after: Option<Duration>) {
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        let wait = if self.is_over(now) {
            asked.max(self.backoff.next().unwrap_or_default())
        } else {
            asked
        };
        self.until = self.until.max(Some(now + wait));
    }

    /// Something went well: the next failure is a first one.
    pub(crate) fn forget(&mut self) {
        self.backoff = self.schedule.build();
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now)
    }

    pub(crate) fn until(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);

    #[test]
    fn waits_grow_with_each_failure_and_stop_growing() {
        let (mut pause, mut now) = (pause(), Instant::now());
        for wanted in [100, 200, 400, 800, 1_000, 1_000] {
            let wait = begun(&mut pause, now, None);
            let wanted = Duration::from_millis(wanted);
            assert!((wanted..=wanted * 2).contains(&wait), "{wait:?}");
            now += wait;
        }
        pause.forget();
        assert!(begun(&mut pause, now, None) <= FIRST * 2);
    }

    #[test]
    fn failures_at_once_are_one_failure() {
        let (mut pause, now) = (pause(), Instant::now());
        let wait = begun(&mut pause, now, None);
        for _ in 0..64 {
            assert_eq!(begun(&mut pause, now, None), wait);
        }
    }

    #[test]
    fn what_the_target_asks_for_is_kept_up_to_five_minutes() {
        let (mut pause, now) = (pause(), Instant::now());
        let asked = Duration::from_secs(40);
        assert_eq!(begun(&mut pause, now, Some(asked)), asked);
        let later = Duration::from_secs(50);
        assert_eq!(begun(&mut pause, now, Some(later)), later);
        assert_eq!(begun(&mut pause, now, Some(asked)), later);
        assert_eq!(begun(&mut pause, now, Some(Duration::MAX)), RETRY_AFTER_MAX);
    }

    fn begun(pause: &mut Pause, now: Instant, retry_after: Option<Duration>) -> Duration {
        pause.begin(now, retry_after);
        pause.until().unwrap() - now
    }

    fn pause() -> Pause {
        Pause::new(&Options {
            retry_delay_min: FIRST,
            retry_delay_max: Duration::from_secs(1),
            ..Options::new("a".parse().unwrap())
        })
    }
}
