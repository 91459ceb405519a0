//! How much of something may come in a time.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// Lets through what keeps a quota.
#[derive(Debug)]
pub struct Limiter(
    RateLimiter<
        governor::state::NotKeyed,
        governor::state::InMemoryState,
        Monotonic,
        governor::middleware::NoOpMiddleware<Duration>,
    >,
);

/// Time since the limiter was made. The wall clock may step back; a quota must not.
#[derive(Debug, Clone)]
struct Monotonic(Instant);

/// It comes too early, by this much; or, without a figure, it is more than the quota ever takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFast(pub Option<Duration>);

impl Limiter {
    /// With the whole quota at hand.
    pub fn new(quota: Quota) -> Self {
        Self(RateLimiter::direct_with_clock(
            quota,
            Monotonic(Instant::now()),
        ))
    }

    /// Takes `n` from the quota, all or nothing.
    ///
    /// # Errors
    /// The quota has less left.
    pub fn take(&self, n: u32) -> Result<(), TooFast> {
        let Some(n) = NonZeroU32::new(n) else {
            return Ok(());
        };
        let decision = self.0.check_n(n).map_err(|_| TooFast(None))?;
        decision.map_err(|wait| TooFast(Some(wait.wait_time_from(self.0.clock().now()))))
    }
}

impl Clock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
