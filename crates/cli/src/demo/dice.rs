//! Chance that can be looked up: what falls depends on where one asks, not on what was asked
//! before. So any stretch of simulated time can be made alone, and comes out the same.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::{Rng, RngExt as _};
use rand_distr::{Distribution as _, Exp1, StandardNormal};

/// The dice that lie at one place of a world.
pub(super) fn at(seed: u64, place: [u64; 3]) -> StdRng {
    let [a, b, c] = place;
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, a, b, c]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    StdRng::from_seed(key)
}

/// A log-normal value: half of all are below the median; sigma is the spread of its logarithm.
pub(super) fn log_normal(dice: &mut impl Rng, median: f64, sigma: f64) -> f64 {
    let normal: f64 = StandardNormal.sample(dice);
    median * (sigma * normal).exp()
}

/// How long until the next event of a Poisson process with this rate.
pub(super) fn wait(dice: &mut impl Rng, rate: f64) -> f64 {
    let wait: f64 = Exp1.sample(dice);
    wait / rate
}

/// Whether something with this probability happens.
pub(super) fn happens(dice: &mut impl Rng, probability: f64) -> bool {
    dice.random::<f64>() < probability
}

/// One of some weighted things; `None` for what their weights leave of 1.
pub(super) fn one_of<T: Copy>(dice: &mut impl Rng, weighted: &[(T, f64)]) -> Option<T> {
    let mut left = dice.random::<f64>();
    for (thing, weight) in weighted {
        if left < *weight {
            return Some(*thing);
        }
        left -= weight;
    }
    None
}

/// Whole units of a value that is known to be small.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and what is simulated is far from either end"
)]
pub(super) fn whole(value: f64) -> u64 {
    value as u64
}
