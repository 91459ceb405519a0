//! The numbers that observations must give, from all of them at once and by the definitions alone.

use std::collections::BTreeMap;

use sextant_measure::observation::{Measurement, Observation};
use sextant_measure::outcome::{Outcome, Source};

/// What is true of one provider.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Truth {
    pub live: u64,
    pub probes: u64,
    pub ok: u64,
    pub rate_limited: u64,
    pub uptime: (u64, u64),
    pub success: (u64, u64),
    pub ttft_ms: Vec<f64>,
    pub duration_ms: Vec<f64>,
    pub tokens_per_second: Vec<f64>,
}

/// What is true of each provider.
pub fn by_provider(observations: &[Observation]) -> BTreeMap<String, Truth> {
    let mut truths: BTreeMap<String, Truth> = BTreeMap::new();
    for observation in observations {
        let provider = observation.definition.provider.to_string();
        truths
            .entry(provider)
            .or_default()
            .add(&observation.measurement);
    }
    for truth in truths.values_mut() {
        for values in [
            &mut truth.ttft_ms,
            &mut truth.duration_ms,
            &mut truth.tokens_per_second,
        ] {
            values.sort_by(f64::total_cmp);
        }
    }
    truths
}

/// The value of rank ceil(q n), from 1.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a few hundred values"
)]
pub fn nearest_rank(sorted: &[f64], q: f64) -> f64 {
    let rank = (q * sorted.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted[rank - 1]
}

impl Truth {
    /// Counts an observation.
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn add(&mut self, m: &Measurement) {
        let live = m.source == Source::Live;
        let ms = |us: u64| us as f64 / 1_000.0;
        let good = m.outcome == Outcome::Ok;
        let bad = matches!(
            m.outcome,
            Outcome::ProviderError
                | Outcome::Timeout
                | Outcome::TransportError
                | Outcome::StreamError
                | Outcome::EmptyResponse
        ) || (live && m.outcome == Outcome::ProviderRefused);
        let limited = matches!(m.outcome, Outcome::RateLimited | Outcome::GeoBlocked);
        self.live += u64::from(live);
        self.probes += u64::from(!live);
        self.uptime.0 += u64::from(good);
        self.uptime.1 += u64::from(good || bad);
        if live {
            self.ok += u64::from(good);
            self.rate_limited += u64::from(m.outcome == Outcome::RateLimited);
            self.success.0 += u64::from(good);
            self.success.1 += u64::from(good || bad || limited);
            let counts_ttft = matches!(
                m.outcome,
                Outcome::Ok | Outcome::StreamError | Outcome::ClientCancelled
            );
            self.ttft_ms
                .extend(m.ttft_us.filter(|_| counts_ttft).map(ms));
            if good {
                let duration_us = m.duration_us.unwrap();
                self.duration_ms.push(ms(duration_us));
                let tokens = m
                    .output_tokens
                    .filter(|tokens| *tokens >= 16)
                    .map(f64::from);
                self.tokens_per_second
                    .extend(tokens.map(|n| n * 1e6 / duration_us as f64));
            }
        }
    }
}
