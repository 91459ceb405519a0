//! What is sent, by seed: batches made ahead of time, and what each must add to the counts served.

use std::collections::{BTreeMap, HashMap};

use rand::prelude::*;
use rand_distr::{Distribution, LogNormal, Zipf};
use sextant_measure::id::{AgentId, ModelId, ProviderId, Region};
use sextant_measure::observation::{Definition, Measurement};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_tests::truth::Truth;
use sextant_wire::columns::{Columns, ColumnsBuilder, Row};
use sextant_wire::identity::Identity;
use sextant_wire::v1;

use crate::options::Options;

/// Observations of a batch.
pub(crate) const BATCH: usize = 1_000;
/// Batches that are sent over and over, each time under another number.
const BATCHES: usize = 128;
const PROVIDERS: u32 = 10;
/// Over which the observations of a batch complete, when nothing says how fast they come.
const SPAN_US: i64 = 100_000;
const SPAN_US_MAX: i64 = 1_000_000;

/// All that is sent.
pub(crate) struct Traffic {
    /// A batch names a series by its place.
    pub(crate) definitions: Vec<Definition>,
    /// Each series once.
    pub(crate) each_once: Vec<Batch>,
    /// Series by Zipf's law.
    pub(crate) popular: Vec<Batch>,
    endpoints: HashMap<(String, String), usize>,
}

/// A batch but for its number and its time.
pub(crate) struct Batch {
    columns: Columns,
    /// From the first observation's completion to the last one's.
    pub(crate) span_us: i64,
    /// What it adds to each endpoint.
    pub(crate) shares: Vec<Share>,
}

/// What a batch adds to an endpoint.
pub(crate) struct Share {
    pub(crate) endpoint: usize,
    pub(crate) counts: Counts,
    /// When the first of them completes, after the first of the batch.
    pub(crate) first_us: i64,
}

/// The counts of an endpoint that a snapshot tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) uptime: (u64, u64),
    pub(crate) success: (u64, u64),
    pub(crate) rate_limited: u64,
    pub(crate) latencies: u64,
    pub(crate) throughputs: u64,
}

struct Character {
    ttft_us: LogNormal<f64>,
    tokens_per_s: LogNormal<f64>,
}

impl Traffic {
    pub(crate) fn new(options: &Options) -> Self {
        let mut random = StdRng::seed_from_u64(options.seed);
        let definitions: Vec<_> = (0..options.series)
            .map(|series| definition(series, options.regions))
            .collect();
        let mut endpoints = HashMap::new();
        for definition in &definitions {
            let place = endpoints.len();
            endpoints.entry(key(definition)).or_insert(place);
        }
        let mut traffic = Self {
            definitions,
            each_once: Vec::new(),
            popular: Vec::new(),
            endpoints,
        };
        let characters: Vec<_> = (0..PROVIDERS)
            .map(|provider| Character::new(provider.into()))
            .collect();
        let span_us = options.rate.map_or(SPAN_US, |rate| {
            let seconds = BATCH as f64 * f64::from(options.senders) / f64::from(rate);
            ((seconds * 1e6) as i64).clamp(1, SPAN_US_MAX)
        });
        let mut ids: Vec<u32> = (0..options.series).collect();
        ids.shuffle(&mut random);
        let mut batch = |ids: &[u32]| traffic.batch(&mut random, &characters, ids, span_us);
        let each_once = ids.chunks(BATCH).map(&mut batch).collect();
        let zipf = Zipf::new(f64::from(options.series), 1.0).unwrap();
        let mut ranks = StdRng::seed_from_u64(options.seed.wrapping_add(1));
        let popular = (0..BATCHES).map(|_| {
            let draw = |_| ids[(zipf.sample(&mut ranks) as usize).clamp(1, ids.len()) - 1];
            let drawn: Vec<_> = (0..BATCH).map(draw).collect();
            batch(&drawn)
        });
        let popular = popular.collect();
        (traffic.each_once, traffic.popular) = (each_once, popular);
        traffic
    }

    /// How many endpoints there are; they are numbered from 0.
    pub(crate) fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    /// The number of an endpoint.
    pub(crate) fn endpoint(&self, model: &str, provider: &str) -> Option<usize> {
        let key = (model.to_owned(), provider.to_owned());
        self.endpoints.get(&key).copied()
    }

    fn batch(
        &self,
        random: &mut StdRng,
        characters: &[Character],
        ids: &[u32],
        span_us: i64,
    ) -> Batch {
        let mut moments: Vec<i64> = ids
            .iter()
            .map(|_| random.random_range(0..span_us))
            .collect();
        moments.sort_unstable();
        moments[0] = 0;
        let mut columns = ColumnsBuilder::default();
        let mut truths: BTreeMap<usize, (Truth, i64)> = BTreeMap::new();
        for (id, at_us) in ids.iter().zip(&moments) {
            let definition = &self.definitions[*id as usize];
            let measurement = characters[(id % PROVIDERS) as usize].measure(random, *at_us);
            columns.push(&Row {
                endpoint: *id,
                measurement,
                tier: None,
                operation: None,
                request_id: None,
            });
            let endpoint = self.endpoints[&key(definition)];
            let (truth, _) = truths.entry(endpoint).or_insert((Truth::default(), *at_us));
            truth.add(&measurement);
        }
        let share = |(endpoint, (truth, first_us)): (usize, (Truth, i64))| Share {
            endpoint,
            counts: Counts::from(&truth),
            first_us,
        };
        Batch {
            columns: columns.finish(),
            span_us: moments.last().copied().unwrap_or_default(),
            shares: truths.into_iter().map(share).collect(),
        }
    }
}

impl Batch {
    /// How many observations it holds.
    pub(crate) fn observations(&self) -> u64 {
        self.columns.len() as u64
    }

    /// As it is sent under a number, its first observation completed at `first_at_us`.
    pub(crate) fn numbered(&self, agent: &AgentId, sequence: u64, first_at_us: i64) -> v1::Batch {
        let identity = Identity {
            agent: agent.clone(),
            epoch: 1,
            sequence,
        };
        let batch = sextant_wire::batch::Batch {
            identity: Some(identity),
            sequence,
            sent_at: Timestamp::from_micros(first_at_us + self.span_us),
            clock_offset_us: 0,
            totals: None,
            columns: self.columns.clone(),
        };
        let mut message = v1::Batch::from(batch);
        let times = message.columns.as_mut().map(|it| &mut it.completed_at_us);
        if let Some(first) = times.and_then(|times| times.first_mut()) {
            // The others stand as differences.
            *first += first_at_us;
        }
        message
    }
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.uptime.0 += other.uptime.0;
        self.uptime.1 += other.uptime.1;
        self.success.0 += other.success.0;
        self.success.1 += other.success.1;
        self.rate_limited += other.rate_limited;
        self.latencies += other.latencies;
        self.throughputs += other.throughputs;
    }
}

impl From<&Truth> for Counts {
    fn from(truth: &Truth) -> Self {
        Self {
            uptime: truth.uptime,
            success: truth.success,
            rate_limited: truth.rate_limited,
            latencies: truth.ttft_ms.len() as u64,
            throughputs: truth.tokens_per_second.len() as u64,
        }
    }
}

impl Character {
    fn new(provider: f64) -> Self {
        Self {
            ttft_us: LogNormal::new(f64::ln(180_000.0 + 150_000.0 * provider), 0.4).unwrap(),
            tokens_per_s: LogNormal::new(f64::ln(190.0 - 17.0 * provider), 0.3).unwrap(),
        }
    }

    fn measure(&self, random: &mut StdRng, at_us: i64) -> Measurement {
        let outcome = match random.random_range(0..100) {
            0..96 => Outcome::Ok,
            96 | 97 => Outcome::RateLimited,
            _ => Outcome::from_code(random.random_range(1..13)).unwrap(),
        };
        let is_probe = random.random_bool(0.02);
        let tokens = random.random_range(4..800_u32);
        let ttft_us = self.ttft_us.sample(random) as u64;
        let rest_us = (f64::from(tokens) / self.tokens_per_s.sample(random) * 1e6) as u64;
        let is_ok = outcome == Outcome::Ok;
        Measurement {
            completed_at: Timestamp::from_micros(at_us),
            outcome,
            source: if is_probe {
                Source::Probe
            } else {
                Source::Live
            },
            streamed: true,
            ttft_us: is_ok.then_some(ttft_us),
            duration_us: Some(ttft_us + rest_us),
            input_tokens: Some(random.random_range(50..8_000)),
            output_tokens: is_ok.then_some(tokens),
            status_code: is_ok.then_some(200),
            attempt: 1,
            is_final: true,
        }
    }
}

/// Ten providers a model, so many regions an endpoint.
fn definition(series: u32, regions: u32) -> Definition {
    let (endpoint, region) = (series / regions, series % regions);
    let (model, provider) = (endpoint / PROVIDERS, endpoint % PROVIDERS);
    let model = format!("author-{}/model-{model}-instruct", model / 20);
    Definition {
        model: ModelId::new(&model).unwrap(),
        provider: ProviderId::new(&format!("provider-{provider}")).unwrap(),
        quantization: Some(Quantization::Fp8),
        region: Some(Region::new(&format!("region-{region}")).unwrap()),
    }
}

fn key(definition: &Definition) -> (String, String) {
    (
        definition.model.to_string(),
        definition.provider.to_string(),
    )
}
