//! Gateways that send one model's requests, and the course of events.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp};
use sextant_measure::id::ModelId;
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::time::Timestamp;
use sextant_router::choose;
use sextant_router::decision::Decision;
use sextant_router::request::Request;
use sextant_router::tier::Tier;

use super::history::{Attempt, History};
use super::pipeline::Pipeline;
use super::provider::{Answer, AtWork};
use super::scenarios::{REQUESTS_PER_S, Scenario, providers};

pub(crate) const GATEWAYS: i64 = 50;
/// Attempts that a gateway makes for one request.
const ATTEMPTS_MAX: usize = 3;
/// By then all providers are known well, and half an hour of them is.
const KNOWN_AFTER_US: i64 = 1_800_000_000;
/// When a scenario begins.
const BEGIN: Timestamp = Timestamp::from_micros(1_795_356_000_000_000);

/// Gateways and providers at a moment.
#[derive(Debug)]
pub(crate) struct World {
    seed: u64,
    rng: StdRng,
    request: Request,
    decision: Decision,
    at_work: Vec<AtWork>,
    pipeline: Pipeline,
    /// What comes next, by its time and the order in which it was made.
    coming: BTreeMap<(Timestamp, u64), What>,
    made: u64,
    history: History,
}

#[derive(Debug, Clone)]
enum What {
    Publication,
    /// A gateway gets a request.
    Request(i64),
    /// An attempt has ended; these are left to try if need be.
    End(Ended),
}

#[derive(Debug, Clone)]
struct Ended {
    measurement: Measurement,
    provider: usize,
    left: Vec<usize>,
}

impl World {
    /// Half an hour in which all providers were well, and at the beginning of which nobody knew
    /// any. The same seed gives the same world.
    pub(crate) fn known(seed: u64) -> Self {
        let model = ModelId::new("meta-llama/llama-4-scout").unwrap();
        let providers = providers();
        let begin = BEGIN.plus_micros(-KNOWN_AFTER_US);
        let mut world = Self {
            seed,
            rng: StdRng::seed_from_u64(seed),
            request: Request::new(model.clone(), Tier::Realtime),
            decision: Decision::default(),
            pipeline: Pipeline::new(&model, &providers, begin),
            at_work: providers.into_iter().map(AtWork::new).collect(),
            coming: BTreeMap::new(),
            made: 0,
            history: History::default(),
        };
        world.schedule(begin, What::Publication);
        for gateway in 0..GATEWAYS {
            world.schedule_request(begin, gateway);
        }
        world.run_until(BEGIN);
        world.history = History::default();
        world
    }

    /// Plays a scenario from there.
    pub(crate) fn play(&self, scenario: &Scenario) -> History {
        let mut world = Self {
            seed: self.seed,
            rng: StdRng::seed_from_u64(!self.seed),
            request: self.request.clone(),
            decision: Decision::default(),
            pipeline: self.pipeline.clone(),
            at_work: self.at_work.clone(),
            coming: self.coming.clone(),
            made: self.made,
            history: History::default(),
        };
        let providers = scenario.providers.iter().cloned();
        for (at_work, provider) in world.at_work.iter_mut().zip(providers) {
            at_work.becomes(provider);
        }
        world.run_until(BEGIN.plus_micros(micros(scenario.lasts_s)));
        world.history
    }

    fn run_until(&mut self, end: Timestamp) {
        while let Some(next) = self.coming.first_entry()
            && next.key().0 < end
        {
            let ((at, _), what) = next.remove_entry();
            self.happens(at, what);
        }
    }

    fn happens(&mut self, at: Timestamp, what: What) {
        match what {
            What::Publication => {
                self.pipeline.publish(at);
                self.schedule(at.plus_micros(1_000_000), What::Publication);
            }
            What::Request(gateway) => {
                self.schedule_request(at, gateway);
                let order = self.choose(gateway, at);
                self.attempt(at, &order, 1);
            }
            What::End(ended) => {
                self.pipeline.report(ended.provider, ended.measurement);
                if !ended.measurement.is_final {
                    self.attempt(at, &ended.left, ended.measurement.attempt + 1);
                }
            }
        }
    }

    /// The providers to try, in order.
    fn choose(&mut self, gateway: i64, at: Timestamp) -> Vec<usize> {
        let view = self.pipeline.view(gateway, at);
        let seed = self.rng.random();
        choose(view, &self.request, seed, &mut self.decision);
        let names = || self.at_work.iter().map(AtWork::name);
        let place = |choice| {
            let candidate = self.decision.candidate(choice).unwrap();
            names().position(|name| name == candidate.id.provider.as_str())
        };
        let candidates = self.decision.candidates.iter().take(ATTEMPTS_MAX);
        candidates.map(|choice| place(choice).unwrap()).collect()
    }

    fn attempt(&mut self, at: Timestamp, order: &[usize], attempt: u32) {
        let (&provider, left) = order.split_first().unwrap();
        let answer = self.at_work[provider].answer(seconds(at), &mut self.rng);
        let is_final = answer.outcome == Outcome::Ok || left.is_empty();
        self.history.note(Attempt {
            at_s: seconds(at),
            took_s: answer.took_s,
            provider,
            outcome: answer.outcome,
            n: attempt,
            is_final,
        });
        let measurement = measurement(at, &answer, attempt, is_final);
        let ended = Ended {
            measurement,
            provider,
            left: left.to_vec(),
        };
        self.schedule(measurement.completed_at, What::End(ended));
    }

    fn schedule_request(&mut self, after: Timestamp, gateway: i64) {
        let per_s = REQUESTS_PER_S / f64::from(i32::try_from(GATEWAYS).unwrap());
        let pause_s = Exp::new(per_s).unwrap().sample(&mut self.rng);
        self.schedule(after.plus_micros(micros(pause_s)), What::Request(gateway));
    }

    fn schedule(&mut self, at: Timestamp, what: What) {
        self.made += 1;
        self.coming.insert((at, self.made), what);
    }
}

fn measurement(at: Timestamp, answer: &Answer, attempt: u32, is_final: bool) -> Measurement {
    let us = |s: f64| u64::try_from(micros(s)).unwrap();
    let is_ok = answer.outcome == Outcome::Ok;
    Measurement {
        completed_at: at.plus_micros(micros(answer.took_s)),
        outcome: answer.outcome,
        source: Source::Live,
        streamed: true,
        ttft_us: answer.ttft_s.map(us),
        duration_us: is_ok.then(|| us(answer.took_s)),
        input_tokens: None,
        output_tokens: is_ok.then_some(answer.tokens),
        status_code: None,
        attempt,
        is_final,
    }
}

/// Seconds since the beginning of the scenario.
fn seconds(at: Timestamp) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "hours in microseconds are exact"
    )]
    let micros = at.micros_since(BEGIN) as f64;
    micros / 1e6
}

#[expect(clippy::cast_possible_truncation, reason = "minutes in microseconds")]
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}
