//! The routing snapshot as JSON text.
//!
//! ```json
//! {"version": "…", "generated_at": "2026-11-22T14:29:58Z",
//!  "coverage": {"partitions_whole": 4, "partitions": 4}, "observer_suspected": false,
//!  "endpoints": [
//!   {"id": "meta-llama/llama-4-scout/deepinfra/fp8", "model": "meta-llama/llama-4-scout",
//!    "provider": "deepinfra", "quantization": "fp8", "native": false,
//!    "price": {"input": "0.08", "output": "0.3"}, "batch_price": null,
//!    "published_at": "2026-11-22T14:29:58Z", "offset": {"partition": 3, "offset": 8812},
//!    "agents": {"5m": 1, "1h": 1}, "global": {"status": "healthy", …}, "regions": {"local": {…}}}],
//!  "gates": [{"operation": "summarize", "model": "…", "quantization": "fp8", "verdict": "green",
//!             "author": "…", "since": "…", "offset": 7}]}
//! ```
//!
//! Prices are decimal USD per 1M tokens. An endpoint of the catalog that nothing was measured of
//! has `null` in place of its statistics. A number below its minimum is `null` beside its count.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sextant_catalog::Pricing;
use sextant_measure::figures::minimum;
use sextant_measure::id::EndpointId;
use sextant_measure::ratio::Ratio;
use sextant_snapshot::gates::Gate;
use sextant_snapshot::row::EndpointRow;
use sextant_snapshot::snapshot::Snapshot;
use sextant_snapshot::stamp::{Stamp, Stamped};

use crate::gates::RulingJson;
use crate::json::rfc3339;
use sextant_catalog::EndpointFacts;
use sextant_snapshot::routing::{MedianAndTail, RoutingFigures};

/// Everything: statistics, gates, and what the catalog says.
///
/// # Errors
/// None that these values could cause; the encoder's type has one all the same.
pub fn to_json<'a>(
    snapshot: &Snapshot,
    facts: impl IntoIterator<Item = &'a EndpointFacts>,
) -> serde_json::Result<Vec<u8>> {
    let mut endpoints: BTreeMap<&EndpointId, EndpointJson<'_>> = BTreeMap::new();
    // An endpoint that is only seen in traffic is native if its precision is.
    let mut native = BTreeSet::new();
    for facts in facts {
        if facts.native {
            native.insert((&facts.id.model, facts.id.quantization));
        }
        let endpoint = EndpointJson::new(&facts.id, Some(facts));
        endpoints.insert(&facts.id, endpoint);
    }
    for row in snapshot.rows() {
        let id = row.value.id();
        let endpoint = endpoints.entry(id);
        let endpoint = endpoint.or_insert_with(|| EndpointJson::new(id, None));
        endpoint.native |= native.contains(&(&id.model, id.quantization));
        endpoint.measured(row);
    }
    let header = snapshot.header();
    serde_json::to_vec(&SnapshotJson {
        version: header.version.to_string(),
        generated_at: rfc3339(header.generated_at),
        coverage: Coverage {
            partitions_whole: header.partitions_whole,
            partitions: header.partitions,
        },
        observer_suspected: header.observer_suspected,
        endpoints: endpoints.into_values().collect(),
        gates: snapshot.gates().iter().map(gate).collect(),
    })
}

#[derive(Serialize)]
struct SnapshotJson<'a> {
    version: String,
    generated_at: String,
    coverage: Coverage,
    observer_suspected: bool,
    endpoints: Vec<EndpointJson<'a>>,
    gates: Vec<GateJson<'a>>,
}

#[derive(Serialize)]
struct Coverage {
    partitions_whole: u32,
    partitions: u32,
}

#[derive(Serialize)]
struct EndpointJson<'a> {
    id: String,
    model: &'a str,
    provider: &'a str,
    quantization: &'static str,
    native: bool,
    price: Option<PriceJson>,
    batch_price: Option<PriceJson>,
    published_at: Option<String>,
    offset: Option<OffsetJson>,
    agents: Option<AgentsJson>,
    global: Option<FiguresJson>,
    regions: BTreeMap<&'a str, FiguresJson>,
}

#[derive(Serialize)]
struct PriceJson {
    input: String,
    output: String,
}

#[derive(Serialize)]
struct OffsetJson {
    partition: u32,
    offset: u64,
}

#[derive(Serialize)]
struct AgentsJson {
    #[serde(rename = "5m")]
    five_minutes: u8,
    #[serde(rename = "1h")]
    one_hour: u8,
}

#[derive(Serialize)]
struct FiguresJson {
    status: &'static str,
    uptime_1m: RatioJson,
    uptime_30m: UptimeJson,
    success_1m: RatioJson,
    success_30m: RatioJson,
    rate_limited_1m: RatioJson,
    rate_limited_30m: RatioJson,
    latency_ms: PercentilesJson,
    throughput_tps: PercentilesJson,
}

#[derive(Serialize)]
struct RatioJson {
    ratio: Option<f64>,
    n: u64,
}

#[derive(Serialize)]
struct UptimeJson {
    ratio: Option<f64>,
    lower: Option<f64>,
    n: u64,
}

#[derive(Serialize)]
struct PercentilesJson {
    p50: Option<f64>,
    p95: Option<f64>,
    n: u64,
}

#[derive(Serialize)]
struct GateJson<'a> {
    #[serde(flatten)]
    ruling: RulingJson<'a>,
    offset: u64,
}

impl<'a> EndpointJson<'a> {
    fn new(id: &'a EndpointId, facts: Option<&EndpointFacts>) -> Self {
        Self {
            id: format!("{}/{}/{}", id.model, id.provider, id.quantization),
            model: id.model.as_str(),
            provider: id.provider.as_str(),
            quantization: id.quantization.name(),
            native: facts.is_some_and(|facts| facts.native),
            price: facts.and_then(|facts| facts.price).map(PriceJson::from),
            batch_price: facts
                .and_then(|facts| facts.batch_price)
                .map(PriceJson::from),
            published_at: None,
            offset: None,
            agents: None,
            global: None,
            regions: BTreeMap::new(),
        }
    }

    fn measured(&mut self, row: &'a Stamped<EndpointRow>) {
        let Stamp { partition, offset } = row.stamp;
        let row = &row.value;
        self.published_at = Some(rfc3339(row.published_at()));
        self.offset = Some(OffsetJson { partition, offset });
        self.agents = Some(AgentsJson {
            five_minutes: row.agents().five_minutes,
            one_hour: row.agents().one_hour,
        });
        self.global = Some(RoutingFigures::from(row.global()).into());
        let regions = row.regions().iter();
        self.regions = regions
            .map(|held| {
                let figures = RoutingFigures::from(&held.figures);
                (held.region.as_str(), figures.into())
            })
            .collect();
    }
}

impl From<Pricing> for PriceJson {
    fn from(pricing: Pricing) -> Self {
        Self {
            input: pricing.input.to_decimal(),
            output: pricing.output.to_decimal(),
        }
    }
}

impl From<RoutingFigures> for FiguresJson {
    fn from(figures: RoutingFigures) -> Self {
        let uptime = figures.uptime_30m;
        Self {
            status: figures.status.name(),
            uptime_1m: figures.uptime_1m.into(),
            uptime_30m: UptimeJson {
                ratio: uptime.value_with(minimum::RATIO),
                lower: figures.uptime_30m_lower(),
                n: uptime.whole,
            },
            success_1m: figures.success_1m.into(),
            success_30m: figures.success_30m.into(),
            rate_limited_1m: figures.rate_limited_1m.into(),
            rate_limited_30m: figures.rate_limited_30m.into(),
            latency_ms: figures.latency_us.into(),
            throughput_tps: figures.throughput_mtps.into(),
        }
    }
}

impl From<Ratio> for RatioJson {
    fn from(ratio: Ratio) -> Self {
        Self {
            ratio: ratio.value_with(minimum::RATIO),
            n: ratio.whole,
        }
    }
}

impl From<MedianAndTail> for PercentilesJson {
    /// Microseconds become milliseconds, and thousandths of a token per second tokens per second.
    #[expect(
        clippy::cast_precision_loss,
        reason = "at most one hour or 100,000 tokens/s, far below 2^52"
    )]
    fn from(percentiles: MedianAndTail) -> Self {
        let thousandth = |value: u64| value as f64 / 1_000.0;
        Self {
            p50: percentiles.p50.map(thousandth),
            p95: percentiles.p95.map(thousandth),
            n: percentiles.n,
        }
    }
}

fn gate(gate: &Stamped<Gate>) -> GateJson<'_> {
    GateJson {
        ruling: gate.value.ruling().into(),
        offset: gate.stamp.offset,
    }
}
