//! A provider: how fast it answers, how much it can serve, and what befalls it.

use std::ops::Range;

use rand::RngExt;
use rand::rngs::StdRng;
use rand_distr::{Distribution, LogNormal};
use sextant_measure::outcome::Outcome;
use sextant_measure::quantization::Quantization;

/// Standard normal quantile of 95 %.
const Z95: f64 = 1.644_854;
/// A gateway gives up on the first token after this long.
const FIRST_TOKEN_TIMEOUT_S: f64 = 10.0;
/// How long an error takes to come.
const ERROR_S: f64 = 0.25;
/// How long a 429 takes to come.
const RATE_LIMITED_S: f64 = 0.06;

/// What there is to know of a provider.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) quantization: Quantization,
    /// USD per 1M tokens, in and out.
    pub(crate) price: (&'static str, &'static str),
    /// Time to first token, in seconds: p50 and p95.
    pub(crate) ttft_s: (f64, f64),
    /// Tokens per second after the first, in the median.
    pub(crate) pace: f64,
    pub(crate) beyond: Beyond,
    /// What it can serve, in requests per second.
    pub(crate) capacity: f64,
    pub(crate) script: Vec<Event>,
}

/// What it does with more than it can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// It answers 429 at once.
    RateLimits,
    /// It lets requests wait for their first token.
    Queues,
}

/// Something that happens to a provider, in seconds from the beginning of the scenario.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) span_s: Range<f64>,
    pub(crate) trouble: Trouble,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Trouble {
    /// Every attempt ends in a server error.
    Errors,
    /// No attempt is answered.
    Silence,
    /// It can serve this many requests per second.
    Capacity(f64),
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// Seconds from the dispatch to the end.
    pub(crate) took_s: f64,
    /// Seconds to the first token, if there was one.
    pub(crate) ttft_s: Option<f64>,
    pub(crate) tokens: u32,
}

/// A provider at work.
#[derive(Debug, Clone)]
pub(crate) struct AtWork {
    provider: Provider,
    ttft: LogNormal<f64>,
    pace: LogNormal<f64>,
    /// Requests that it has taken on beyond what it served since.
    load: f64,
    at_s: f64,
}

impl Provider {
    fn trouble(&self, at_s: f64) -> Option<Trouble> {
        let mut script = self.script.iter();
        let now = |event: &&Event| event.span_s.contains(&at_s);
        script.find(now).map(|event| event.trouble)
    }
}

impl AtWork {
    pub(crate) fn new(provider: Provider) -> Self {
        let (p50, p95) = provider.ttft_s;
        Self {
            ttft: LogNormal::new(p50.ln(), (p95 / p50).ln() / Z95).unwrap(),
            pace: LogNormal::new(provider.pace.ln(), 0.15).unwrap(),
            provider,
            load: 0.0,
            at_s: f64::NEG_INFINITY,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.provider.name
    }

    /// It goes on as another that answers as fast.
    pub(crate) fn becomes(&mut self, provider: Provider) {
        self.provider = provider;
    }

    /// What comes of an attempt that is dispatched now. Never earlier than the one before.
    pub(crate) fn answer(&mut self, at_s: f64, rng: &mut StdRng) -> Answer {
        let trouble = self.provider.trouble(at_s);
        let capacity = match trouble {
            Some(Trouble::Errors) => return Answer::none(Outcome::ProviderError, ERROR_S),
            Some(Trouble::Silence) => {
                return Answer::none(Outcome::Timeout, FIRST_TOKEN_TIMEOUT_S);
            }
            Some(Trouble::Capacity(capacity)) => capacity,
            None => self.provider.capacity,
        };
        self.load = (self.load - (at_s - self.at_s) * capacity).max(0.0);
        self.at_s = at_s;
        let waits_s = match self.provider.beyond {
            // A second's worth at once, as a limiter with a bucket allows.
            Beyond::RateLimits if self.load + 1.0 > capacity => {
                return Answer::none(Outcome::RateLimited, RATE_LIMITED_S);
            }
            Beyond::RateLimits => 0.0,
            Beyond::Queues => self.load / capacity,
        };
        let ttft_s = self.ttft.sample(rng) + waits_s;
        if ttft_s > FIRST_TOKEN_TIMEOUT_S {
            return Answer::none(Outcome::Timeout, FIRST_TOKEN_TIMEOUT_S);
        }
        self.load += 1.0;
        let tokens = rng.random_range(100..400);
        Answer {
            outcome: Outcome::Ok,
            took_s: ttft_s + f64::from(tokens) / self.pace.sample(rng),
            ttft_s: Some(ttft_s),
            tokens,
        }
    }
}

impl Answer {
    fn none(outcome: Outcome, took_s: f64) -> Self {
        Self {
            outcome,
            took_s,
            ttft_s: None,
            tokens: 0,
        }
    }
}
