//! Observations as an edge would report them, by seed, as NDJSON.

use std::path::{Path, PathBuf};

use rand::prelude::*;
use rand_distr::{Distribution, LogNormal};
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region};
use sextant_measure::observation::{Definition, Measurement, Observation};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_wire::json::to_json;

pub const MODEL: &str = "example/model-70b";
/// 2026-01-01 00:00:00 UTC: an arbitrary moment, since replays move it to now.
const START_US: i64 = 1_767_225_600_000_000;

/// How a provider behaves: median time to first token in ms, tokens per second, answers that are
/// good, rate limited, and broken, in percent.
const PROVIDERS: [(&str, f64, f64, u32, u32); 5] = [
    ("swift", 180.0, 190.0, 99, 0),
    ("steady", 420.0, 60.0, 97, 2),
    ("slow", 2_400.0, 12.0, 96, 0),
    ("flooded", 900.0, 33.0, 13, 86),
    ("broken", 500.0, 40.0, 60, 5),
];

/// `each` observations of each provider, over the last `seconds`, in order of completion.
pub fn observations(seed: u64, each: u32, seconds: i64) -> Vec<Observation> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut all = Vec::new();
    for (provider, ttft_ms, speed, good, limited) in PROVIDERS {
        let ttft = LogNormal::new(f64::ln(ttft_ms * 1_000.0), 0.35).unwrap();
        let speed = LogNormal::new(f64::ln(speed), 0.2).unwrap();
        for _ in 0..each {
            let at = START_US + random.random_range(0..seconds * 1_000_000);
            let draw = random.random_range(0..100);
            let outcome = match draw {
                _ if draw < good => Outcome::Ok,
                _ if draw < good + limited => Outcome::RateLimited,
                _ => Outcome::from_code(random.random_range(1..13)).unwrap(),
            };
            let measurement = measurement(&mut random, &ttft, &speed, outcome, at);
            all.push(observation(provider, measurement));
        }
    }
    all.sort_by_key(|observation| observation.measurement.completed_at);
    all
}

/// The endpoints that they are of.
pub fn all_endpoints() -> impl Iterator<Item = EndpointId> {
    PROVIDERS.into_iter().map(|(provider, ..)| EndpointId {
        model: ModelId::new(MODEL).unwrap(),
        provider: ProviderId::new(provider).unwrap(),
        quantization: Quantization::Fp8,
    })
}

/// The same with a name for each.
pub fn named(mut observations: Vec<Observation>) -> Vec<Observation> {
    for (n, observation) in observations.iter_mut().enumerate() {
        observation.request_id = Some(format!("request-{n}").parse().unwrap());
    }
    observations
}

/// The same, so that the last one completes now.
pub fn rebased(mut observations: Vec<Observation>) -> Vec<Observation> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let now = Timestamp::from_micros(now.as_micros() as i64);
    let last = observations
        .iter()
        .map(|it| it.measurement.completed_at)
        .max();
    let ahead = now.micros_since(last.unwrap());
    for observation in &mut observations {
        let measurement = &mut observation.measurement;
        measurement.completed_at = measurement.completed_at.plus_micros(ahead);
    }
    observations
}

/// Writes them as `sextant replay` reads them.
pub fn write(folder: &Path, observations: &[Observation]) -> PathBuf {
    let lines: Vec<_> = observations
        .iter()
        .map(|o| to_json(o).to_string())
        .collect();
    let file = folder.join("observations.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    file
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small and positive"
)]
fn measurement(
    random: &mut StdRng,
    ttft: &LogNormal<f64>,
    speed: &LogNormal<f64>,
    outcome: Outcome,
    at: i64,
) -> Measurement {
    let tokens = random.random_range(4..300_u32);
    let ttft_us = ttft.sample(random) as u64;
    let rest_us = (f64::from(tokens) / speed.sample(random) * 1e6) as u64;
    let answered = outcome == Outcome::Ok;
    Measurement {
        completed_at: Timestamp::from_micros(at),
        outcome,
        source: if random.random_bool(0.05) {
            Source::Probe
        } else {
            Source::Live
        },
        streamed: true,
        ttft_us: answered.then_some(ttft_us),
        duration_us: Some(ttft_us + rest_us),
        input_tokens: Some(550),
        output_tokens: answered.then_some(tokens),
        status_code: None,
        attempt: 1,
        is_final: true,
    }
}

fn observation(provider: &str, measurement: Measurement) -> Observation {
    Observation {
        definition: Definition {
            model: ModelId::new(MODEL).unwrap(),
            provider: ProviderId::new(provider).unwrap(),
            quantization: Some(Quantization::Fp8),
            region: Some(Region::new("us-west-2").unwrap()),
        },
        measurement,
        request_id: None,
        tier: None,
        operation: None,
    }
}
