//! How a simulated endpoint behaves.

use std::f64::consts::TAU;

use rand::{Rng, RngExt as _};
use sextant_measure::outcome::Outcome;

use super::dice;

/// How far the load swings around its mean.
const SWING: f64 = 0.15;
const SWING_PERIOD_S: std::ops::Range<f64> = 420.0..780.0;
/// How much an endpoint differs from others of its kind.
const VARIATION_SIGMA: f64 = 0.1;

/// How failures that are the provider's own divide up.
const FAILURES: [(Outcome, f64); 5] = [
    (Outcome::ProviderError, 0.40),
    (Outcome::StreamError, 0.25),
    (Outcome::Timeout, 0.15),
    (Outcome::TransportError, 0.12),
    (Outcome::EmptyResponse, 0.08),
];

/// What callers do, to any provider.
const CALLERS: [(Outcome, f64); 3] = [
    (Outcome::ClientCancelled, 0.010),
    (Outcome::ClientError, 0.005),
    (Outcome::ContentFiltered, 0.002),
];

/// What an outage looks like from outside; the rest still comes through.
const OUTAGE: [(Outcome, f64); 3] = [
    (Outcome::ProviderError, 0.60),
    (Outcome::Timeout, 0.25),
    (Outcome::TransportError, 0.07),
];

/// How a simulated endpoint behaves. Times exclude the way between it and an agent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Character {
    /// Its part of all live traffic; nothing for an idle one, which only probes touch.
    pub(super) traffic: f64,
    /// Median time to first token, and its spread.
    pub(super) ttft_s: f64,
    pub(super) ttft_sigma: f64,
    /// Median speed after the first token, in tokens per second, and its spread.
    pub(super) decode_tps: f64,
    pub(super) decode_sigma: f64,
    /// Share of 429s.
    pub(super) rate_limited: f64,
    /// Share of failures outside of outages.
    pub(super) failing: f64,
    /// Length of its longest outage.
    pub(super) outage_s_max: f64,
    swing_period_s: f64,
    swing_phase: f64,
}

const STEADY: Character = Character {
    traffic: 4.0,
    ttft_s: 0.34,
    ttft_sigma: 0.35,
    decode_tps: 105.0,
    decode_sigma: 0.25,
    rate_limited: 0.008,
    failing: 0.002,
    outage_s_max: 15.0,
    swing_period_s: 600.0,
    swing_phase: 0.0,
};

/// The kinds, in the order in which they are dealt to a model's endpoints: a steady one, one that
/// is idle, one that is fast and turns many away, and one that is slow and sometimes away itself.
const KINDS: [Character; 4] = [
    STEADY,
    Character {
        traffic: 0.0,
        ttft_s: 0.42,
        failing: 0.0004,
        outage_s_max: 0.0,
        ..STEADY
    },
    Character {
        traffic: 3.0,
        ttft_s: 0.12,
        ttft_sigma: 0.30,
        decode_tps: 560.0,
        decode_sigma: 0.20,
        rate_limited: 0.06,
        outage_s_max: 25.0,
        ..STEADY
    },
    Character {
        traffic: 2.0,
        ttft_s: 1.6,
        ttft_sigma: 0.50,
        decode_tps: 72.0,
        decode_sigma: 0.30,
        failing: 0.006,
        outage_s_max: 150.0,
        ..STEADY
    },
];

impl Character {
    /// The character of a model's endpoint: of the kind that `index` says, no two quite alike.
    pub(super) fn dealt(index: usize, dice: &mut impl Rng) -> Self {
        let kind = KINDS.get(index % KINDS.len()).unwrap_or(&STEADY);
        Self {
            ttft_s: dice::log_normal(dice, kind.ttft_s, VARIATION_SIGMA),
            decode_tps: dice::log_normal(dice, kind.decode_tps, VARIATION_SIGMA),
            swing_period_s: dice.random_range(SWING_PERIOD_S),
            swing_phase: dice.random(),
            ..*kind
        }
    }

    /// Whether only probes touch it.
    pub(super) fn is_idle(&self) -> bool {
        self.traffic == 0.0
    }

    /// Its load at a moment; 1 on average.
    pub(super) fn load(&self, at_s: f64) -> f64 {
        let turns = at_s / self.swing_period_s + self.swing_phase;
        1.0 + SWING * (TAU * turns.fract()).sin()
    }

    /// How an attempt ends.
    pub(super) fn outcome(&self, live: bool, outage: bool, dice: &mut impl Rng) -> Outcome {
        if outage && let Some(outcome) = dice::one_of(dice, &OUTAGE) {
            return outcome;
        }
        if live && let Some(outcome) = dice::one_of(dice, &CALLERS) {
            return outcome;
        }
        if live && dice::happens(dice, self.rate_limited) {
            return Outcome::RateLimited;
        }
        if dice::happens(dice, self.failing) {
            return dice::one_of(dice, &FAILURES).unwrap_or(Outcome::ProviderError);
        }
        Outcome::Ok
    }
}
