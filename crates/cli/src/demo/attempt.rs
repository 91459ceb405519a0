//! One simulated attempt at an endpoint.

use std::time::Duration;

use rand::{Rng, RngExt as _};
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::time::Timestamp;

use super::character::Character;
use super::dice;

/// How long a gateway waits for a silent provider.
const PATIENCE: Duration = Duration::from_secs(30);
/// Share of answers that are streamed.
const STREAMED: f64 = 0.95;
const OUTPUT_TOKENS_MEDIAN: f64 = 260.0;
const OUTPUT_TOKENS_SIGMA: f64 = 0.8;
const OUTPUT_TOKENS_MAX: f64 = 4_096.0;
const INPUT_TOKENS_MEDIAN: f64 = 900.0;
const INPUT_TOKENS_SIGMA: f64 = 1.0;
const INPUT_TOKENS_MAX: f64 = 32_000.0;
/// What a probe asks for.
const PROBE_TOKENS: f64 = 8.0;
/// How long a provider takes to say no, and its spread.
const REFUSAL_S: f64 = 0.03;
const REFUSAL_SIGMA: f64 = 0.4;

/// What surrounds an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    pub(super) completed_at: Timestamp,
    pub(super) source: Source,
    /// The endpoint's load; 1 is the usual one.
    pub(super) load: f64,
    pub(super) outage: bool,
    /// How long the way to the endpoint and back takes.
    pub(super) way_s: f64,
}

/// Makes an attempt.
pub(super) fn make(character: &Character, now: &Circumstances, dice: &mut impl Rng) -> Measurement {
    let live = now.source == Source::Live;
    let outcome = character.outcome(live, now.outage, dice);
    let answer = Answer::draw(character, now, dice);
    // How much of the answer was seen, from its first token (0) to its last (1).
    let seen = match outcome {
        Outcome::Ok => Some(1.0),
        Outcome::StreamError | Outcome::ClientCancelled => Some(dice.random()),
        _ => None,
    };
    let ttft_s = answer.ttft_s;
    let duration_s = match outcome {
        Outcome::Timeout => PATIENCE.as_secs_f64(),
        Outcome::EmptyResponse | Outcome::ContentFiltered => ttft_s,
        _ => seen.map_or_else(
            || now.way_s + dice::log_normal(dice, REFUSAL_S, REFUSAL_SIGMA),
            |seen| ttft_s + seen * answer.tokens / answer.decode_tps,
        ),
    };
    let streamed = dice::happens(dice, STREAMED);
    Measurement {
        completed_at: now.completed_at,
        outcome,
        source: now.source,
        streamed,
        ttft_us: seen.filter(|_| streamed).map(|_| micros(ttft_s)),
        duration_us: Some(micros(duration_s)),
        input_tokens: Some(input_tokens(live, dice)),
        output_tokens: Some(seen.map_or(0, |seen| tokens(seen * answer.tokens).max(1))),
        status_code: status_code(outcome),
        attempt: 1,
        is_final: true,
    }
}

/// What the endpoint says if nothing keeps it from it.
struct Answer {
    ttft_s: f64,
    decode_tps: f64,
    tokens: f64,
}

impl Answer {
    fn draw(character: &Character, now: &Circumstances, dice: &mut impl Rng) -> Self {
        let thinking_s = dice::log_normal(dice, character.ttft_s, character.ttft_sigma);
        let decode_tps = dice::log_normal(dice, character.decode_tps, character.decode_sigma);
        let tokens = dice::log_normal(dice, OUTPUT_TOKENS_MEDIAN, OUTPUT_TOKENS_SIGMA);
        Self {
            ttft_s: now.way_s + thinking_s * now.load,
            decode_tps: decode_tps / now.load,
            tokens: match now.source {
                Source::Live => tokens.clamp(1.0, OUTPUT_TOKENS_MAX),
                Source::Probe => PROBE_TOKENS,
            },
        }
    }
}

fn input_tokens(live: bool, dice: &mut impl Rng) -> u32 {
    let asked = dice::log_normal(dice, INPUT_TOKENS_MEDIAN, INPUT_TOKENS_SIGMA);
    let asked = if live { asked } else { PROBE_TOKENS };
    tokens(asked.clamp(1.0, INPUT_TOKENS_MAX))
}

fn status_code(outcome: Outcome) -> Option<u16> {
    match outcome {
        Outcome::Timeout | Outcome::TransportError | Outcome::GatewayError => None,
        Outcome::ProviderError => Some(503),
        Outcome::RateLimited => Some(429),
        Outcome::ClientError => Some(400),
        Outcome::ProviderRefused => Some(401),
        Outcome::GeoBlocked => Some(403),
        Outcome::Ok
        | Outcome::StreamError
        | Outcome::EmptyResponse
        | Outcome::ContentFiltered
        | Outcome::ClientCancelled => Some(200),
    }
}

fn micros(seconds: f64) -> u64 {
    dice::whole(seconds * 1e6)
}

fn tokens(count: f64) -> u32 {
    u32::try_from(dice::whole(count)).unwrap_or(u32::MAX)
}
