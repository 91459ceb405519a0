//! An endpoint that may be chosen, and its numbers as a router needs them.

use std::time::Duration;

use sextant_catalog::{EndpointFacts, Pricing};
use sextant_measure::figures::minimum;
use sextant_measure::id::{EndpointId, Region};
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_snapshot::routing::{RoutingFigures, RoutingRow};

use crate::freshness::Freshness;
use crate::tier::Tier;

/// An endpoint that may be chosen.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which endpoint.
    pub id: EndpointId,
    /// Whether it is at the model's native precision.
    pub native: bool,
    price: Option<Pricing>,
    batch_price: Option<Pricing>,
    /// When its row was published; nothing if it has none.
    published_at: Option<Timestamp>,
    global: Numbers,
    /// In ascending order.
    regions: Box<[(Region, Numbers)]>,
}

/// What decides of what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// As of the last step edge.
    pub status: Status,
    /// Uptime over 1 minute.
    pub uptime_1m: Ratio,
    /// Live success over 1 minute.
    pub success_1m: Ratio,
    /// TTFT p95, in microseconds.
    pub latency_p95_us: Option<u64>,
    /// Throughput p95, in thousandths of a token per second.
    pub throughput_p95_mtps: Option<u64>,
}

impl Candidate {
    /// An endpoint with what the catalog says of it, and what was measured.
    pub(crate) fn new(
        id: EndpointId,
        native: bool,
        facts: Option<&EndpointFacts>,
        row: Option<&RoutingRow>,
    ) -> Self {
        let regions = row.into_iter().flat_map(|row| &row.regions);
        let regions = regions.map(|held| (held.region.clone(), (&held.figures).into()));
        Self {
            id,
            native,
            price: facts.and_then(|facts| facts.price),
            batch_price: facts.and_then(|facts| facts.batch_price),
            published_at: row.map(|row| row.published_at),
            global: row.map(|row| (&row.global).into()).unwrap_or_default(),
            regions: regions.collect(),
        }
    }

    /// What it costs in a tier, if that is known.
    pub fn price(&self, tier: Tier) -> Option<Pricing> {
        match tier {
            Tier::Batch => self.batch_price.or(self.price),
            Tier::Realtime | Tier::Standard => self.price,
        }
    }

    /// How old its numbers are; nothing if it has none.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        let age_us = now.micros_since(self.published_at?).max(0);
        Some(Duration::from_micros(age_us.unsigned_abs()))
    }

    /// Its numbers as seen from a region: each of them from there if there is enough for it, else
    /// from all regions.
    pub fn numbers(&self, region: Option<&Region>) -> Numbers {
        let near = region.and_then(|region| {
            let found = self.regions.binary_search_by(|(held, _)| held.cmp(region));
            self.regions.get(found.ok()?)
        });
        near.map_or(self.global, |(_, near)| near.or(&self.global))
    }
}

impl Numbers {
    fn or(&self, global: &Self) -> Self {
        let ratio = |near: Ratio, all: Ratio| if has_enough(near) { near } else { all };
        Self {
            status: match self.status {
                Status::Unknown => global.status,
                known => known,
            },
            uptime_1m: ratio(self.uptime_1m, global.uptime_1m),
            success_1m: ratio(self.success_1m, global.success_1m),
            latency_p95_us: self.latency_p95_us.or(global.latency_p95_us),
            throughput_p95_mtps: self.throughput_p95_mtps.or(global.throughput_p95_mtps),
        }
    }

    /// The same, at an age.
    #[must_use]
    pub(crate) fn at(self, freshness: Freshness) -> Self {
        match freshness {
            Freshness::Fresh => Self {
                status: self.status.worse(self.last_minute()),
                ..self
            },
            Freshness::Aged => Self {
                status: match self.status.worse(self.last_minute()) {
                    Status::Healthy => Status::Unknown,
                    status => status,
                },
                ..self
            },
            Freshness::Stale => Self::default(),
        }
    }

    /// What the last minute alone makes of it: a router acts faster than a window of half an hour.
    fn last_minute(&self) -> Status {
        let fails = |ratio: Ratio| has_enough(ratio) && !ratio.at_least_percent(80);
        if fails(self.uptime_1m) {
            Status::Down
        } else if fails(self.success_1m) {
            Status::Degraded
        } else {
            Status::Healthy
        }
    }

    /// Whether there is enough to compare it by.
    pub(crate) fn suffice(&self) -> bool {
        self.status != Status::Unknown && self.latency_p95_us.is_some()
    }

    /// The share of live requests that succeeded in the last minute; nothing if there were too few.
    pub(crate) fn success(&self) -> Option<f64> {
        self.success_1m.value_with(minimum::RATIO)
    }
}

fn has_enough(ratio: Ratio) -> bool {
    ratio.whole >= minimum::RATIO
}

impl From<&RoutingFigures> for Numbers {
    fn from(figures: &RoutingFigures) -> Self {
        Self {
            status: figures.status,
            uptime_1m: figures.uptime_1m,
            success_1m: figures.success_1m,
            latency_p95_us: figures.latency_us.p95,
            throughput_p95_mtps: figures.throughput_mtps.p95,
        }
    }
}
