//! How long to listen before asking.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};

/// How late a view may well be.
const LISTENING: Duration = Duration::from_secs(5);
/// How many may be waiting, roughly: the exponential's steepness is its logarithm, so that agents by
/// tens and by hundreds are both served well.
const GROUP: f64 = 64.0;

/// Between a quarter and a half of the interval, or from 5 s on if that is less: most agents near the
/// end, few near the beginning (RFC 5401, truncated exponential backoff).
pub(super) fn backoff(interval: Duration, rng: &mut StdRng) -> Duration {
    let least = LISTENING.min(interval / 4);
    let steepness = GROUP.ln() + 1.0;
    let drawn: f64 = rng.random_range(0.0..1.0);
    // From 0 to 1, by the inverse of (e^(λx) - 1) / (e^λ - 1).
    let share = (drawn * steepness.exp_m1()).ln_1p() / steepness;
    least
        + (interval / 2)
            .saturating_sub(least)
            .mul_f64(share.clamp(0.0, 1.0))
}

/// Anywhere in the interval.
pub(super) fn anywhere(interval: Duration, rng: &mut StdRng) -> Duration {
    interval.mul_f64(rng.random_range(0.0..1.0))
}

/// The interval, give or take a share of it.
pub(super) fn about(interval: Duration, jitter: f64, rng: &mut StdRng) -> Duration {
    interval.mul_f64(rng.random_range(1.0 - jitter..=1.0 + jitter))
}

/// Whether it happens, one time in so many.
pub(super) fn one_in(many: u32, rng: &mut StdRng) -> bool {
    rng.next_u32().is_multiple_of(many)
}
