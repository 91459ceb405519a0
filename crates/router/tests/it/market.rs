//! A model that a few providers serve, as a snapshot and the catalog say it.

use std::sync::Arc;
use std::time::Duration;

use sextant_catalog::{EndpointFacts, Pricing};
use sextant_measure::id::{EndpointId, ModelId, Operation, ProviderId, Region};
use sextant_measure::quantization::Quantization;
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_router::board::Board;
use sextant_router::choose;
use sextant_router::decision::Decision;
use sextant_router::freshness::Ages;
use sextant_router::request::Request;
use sextant_router::tier::Tier;
use sextant_snapshot::gates::{Gate, GateKey, Verdict};
use sextant_snapshot::routing::{MedianAndTail, RegionRouting, RoutingFigures, RoutingRow};
use sextant_snapshot::row::AgentsSeen;
use sextant_snapshot::snapshot::{Header, Snapshot};
use sextant_snapshot::stamp::{Stamp, Stamped};
use sextant_snapshot::version::{GatesPosition, StatisticsPosition, Version};

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_356_003_000_000);

/// An endpoint of the model.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) provider: String,
    pub(crate) quantization: Quantization,
    pub(crate) native: bool,
    /// Whether the catalog has it.
    pub(crate) listed: bool,
    /// USD per 1M tokens, in and out.
    pub(crate) price: Option<(&'static str, &'static str)>,
    pub(crate) batch_price: Option<(&'static str, &'static str)>,
    pub(crate) figures: Option<RoutingFigures>,
    pub(crate) regions: Vec<(&'static str, RoutingFigures)>,
    pub(crate) age: Duration,
}

pub(crate) fn model() -> ModelId {
    ModelId::new("meta-llama/llama-4-scout").unwrap()
}

/// Healthy, with a TTFT p95 in milliseconds and 80 tokens a second.
pub(crate) fn figures(latency_p95_ms: u64) -> RoutingFigures {
    let all = Ratio::new(1_000, 1_000);
    let last_minute = Ratio::new(100, 100);
    RoutingFigures {
        status: Status::Healthy,
        uptime_1m: last_minute,
        uptime_30m: all,
        success_1m: last_minute,
        success_30m: all,
        rate_limited_1m: Ratio::new(0, 100),
        rate_limited_30m: Ratio::new(0, 1_000),
        latency_us: tail(latency_p95_ms * 1_000),
        throughput_mtps: tail(80_000),
    }
}

pub(crate) fn tail(p95: u64) -> MedianAndTail {
    MedianAndTail {
        n: 1_000,
        p50: Some(p95),
        p95: Some(p95),
    }
}

/// Native bf16 at 1 USD both ways, with a TTFT p95.
pub(crate) fn offer(provider: &str, latency_p95_ms: u64) -> Offer {
    Offer {
        provider: provider.to_owned(),
        quantization: Quantization::Bf16,
        native: true,
        listed: true,
        price: Some(("1", "1")),
        batch_price: None,
        figures: Some(figures(latency_p95_ms)),
        regions: Vec::new(),
        age: Duration::ZERO,
    }
}

impl Offer {
    pub(crate) fn id(&self) -> EndpointId {
        EndpointId {
            model: model(),
            provider: ProviderId::new(&self.provider).unwrap(),
            quantization: self.quantization,
        }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut RoutingFigures)) -> Self {
        change(self.figures.as_mut().unwrap());
        self
    }

    pub(crate) fn priced(mut self, input: &'static str, output: &'static str) -> Self {
        self.price = Some((input, output));
        self
    }

    pub(crate) fn at(mut self, quantization: Quantization, native: bool) -> Self {
        (self.quantization, self.native) = (quantization, native);
        self
    }

    fn facts(&self) -> EndpointFacts {
        EndpointFacts {
            id: self.id(),
            native: self.native,
            price: self.price.map(pricing),
            batch_price: self.batch_price.map(pricing),
        }
    }

    fn row(&self, n: usize) -> Option<Stamped<RoutingRow>> {
        let regions = self.regions.iter().map(|(region, figures)| RegionRouting {
            region: Region::new(region).unwrap(),
            figures: *figures,
        });
        let age_us = i64::try_from(self.age.as_micros()).unwrap();
        let row = RoutingRow {
            id: self.id(),
            published_at: NOW.plus_micros(-age_us),
            agents: AgentsSeen::default(),
            global: self.figures?,
            regions: regions.collect(),
        };
        Some(Stamped {
            stamp: Stamp {
                partition: 0,
                offset: u64::try_from(n).unwrap(),
            },
            value: Arc::new(row),
        })
    }
}

pub(crate) fn pricing((input, output): (&str, &str)) -> Pricing {
    Pricing {
        input: input.parse().unwrap(),
        output: output.parse().unwrap(),
    }
}

/// All offers, with verdicts for operations.
pub(crate) struct Market {
    pub(crate) offers: Vec<Offer>,
    pub(crate) gates: Vec<(&'static str, Quantization, Verdict)>,
    pub(crate) observer_suspected: bool,
}

impl Market {
    pub(crate) fn new(offers: impl IntoIterator<Item = Offer>) -> Self {
        Self {
            offers: offers.into_iter().collect(),
            gates: Vec::new(),
            observer_suspected: false,
        }
    }

    pub(crate) fn board(&self) -> Board {
        let (snapshot, facts) = self.parts();
        laid_out(&snapshot, &facts)
    }

    /// What a gateway receives.
    pub(crate) fn parts(&self) -> (Snapshot<RoutingRow>, Vec<EndpointFacts>) {
        let statistics = StatisticsPosition {
            log_id: 1,
            next_offsets: vec![1],
        };
        let header = Header {
            version: Version::new(1, GatesPosition::default(), statistics).unwrap(),
            generated_at: NOW,
            partitions_whole: 1,
            partitions: 1,
            observer_suspected: self.observer_suspected,
        };
        let rows = self.offers.iter().enumerate();
        let rows = rows.filter_map(|(n, offer)| offer.row(n)).collect();
        let gates = self.gates.iter().enumerate().map(|(n, gate)| {
            let (operation, quantization, verdict) = *gate;
            let key = GateKey {
                operation: Operation::new(operation).unwrap(),
                model: model(),
                quantization,
            };
            let gate = Gate::new(key, verdict, "ops".to_owned(), NOW).unwrap();
            Stamped {
                stamp: Stamp {
                    partition: 0,
                    offset: u64::try_from(n).unwrap(),
                },
                value: Arc::new(gate),
            }
        });
        let snapshot = Snapshot::new(header, rows, gates.collect());
        let listed = self.offers.iter().filter(|offer| offer.listed);
        (snapshot, listed.map(Offer::facts).collect())
    }
}

pub(crate) fn laid_out(snapshot: &Snapshot<RoutingRow>, facts: &[EndpointFacts]) -> Board {
    Board::new(snapshot, facts, Ages::default())
}

pub(crate) fn request(tier: Tier) -> Request {
    Request::new(model(), tier)
}

pub(crate) fn chosen(board: &Board, request: &Request, seed: u64) -> Decision {
    chosen_after(board, Duration::ZERO, request, seed)
}

pub(crate) fn chosen_after(
    board: &Board,
    since: Duration,
    request: &Request,
    seed: u64,
) -> Decision {
    let mut decision = Decision::default();
    let since_us = i64::try_from(since.as_micros()).unwrap();
    let view = board.at(NOW.plus_micros(since_us), since);
    choose(view, request, seed, &mut decision);
    decision
}

/// Tags and reasons, in order.
pub(crate) fn order(decision: &Decision) -> Vec<(String, &'static str)> {
    let places = decision.candidates.iter();
    let named = places.map(|place| {
        let tag = decision.candidate(place).unwrap().id.tag();
        (tag, place.reason.name())
    });
    named.collect()
}

pub(crate) fn left_out(decision: &Decision) -> Vec<(String, &'static str)> {
    let excluded = decision.excluded.iter();
    let named = excluded.map(|one| {
        let tag = decision.left_out(one).unwrap().id.tag();
        (tag, one.reason.name())
    });
    named.collect()
}

/// Providers alone, in order.
pub(crate) fn providers(decision: &Decision) -> Vec<String> {
    let places = decision.candidates.iter();
    places
        .map(|place| decision.candidate(place).unwrap().id.provider.to_string())
        .collect()
}
