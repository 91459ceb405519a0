//! The routing snapshot as JSON text: [`full`], and what changed since a version, [`delta`].
//!
//! ```json
//! {"version": "…", "generated_at": "2026-11-22T14:29:58Z",
//!  "coverage": {"partitions_whole": 4, "partitions": 4}, "observer_suspected": false,
//!  "endpoints": [
//!   {"id": "meta-llama/llama-4-scout/deepinfra/fp8", "model": "meta-llama/llama-4-scout",
//!    "provider": "deepinfra", "quantization": "fp8", "listed": true, "native": false,
//!    "price": {"input": "0.08", "output": "0.3"}, "batch_price": null,
//!    "published_at": "2026-11-22T14:29:58Z", "offset": {"partition": 3, "offset": 8812},
//!    "agents": {"5m": 1, "1h": 1}, "global": {"status": "healthy", …}, "regions": {"local": {…}}}],
//!  "gates": [{"operation": "summarize", "model": "…", "quantization": "fp8", "verdict": "green",
//!             "author": "…", "since": "…", "offset": 7}]}
//! ```
//!
//! Prices are decimal USD per 1M tokens. An endpoint of the catalog (`listed`) that nothing was
//! measured of has `null` in place of its statistics. A number below its minimum is `null` beside
//! its count.
//!
//! A change has the same header, the endpoints and gates that are new or have changed, as they stand
//! above, and three keys more:
//!
//! ```json
//! {…, "removed": [{"id": "…", "model": "…", "provider": "…", "quantization": "fp8",
//!                  "offset": {"partition": 3, "offset": 8813}}],
//!  "gates_removed": [{"operation": "…", "model": "…", "quantization": "fp8", "offset": 8}],
//!  "catalog": null}
//! ```
//!
//! What is held with a higher offset of the same partition stays as it is, a removal too. An endpoint
//! that is removed has lost its statistics; a listed one stays, with `null` in their place. Where
//! `catalog` isn't `null` it replaces all that the catalog says: the endpoints named there are the
//! listed ones, with these prices; of the others those are native whose model and quantization have
//! a listed native one.

mod figures;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sextant_catalog::{EndpointFacts, Pricing};
use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_snapshot::change::Delta;
use sextant_snapshot::gates::{Gate, GateKey};
use sextant_snapshot::routing::RoutingFigures;
use sextant_snapshot::row::EndpointRow;
use sextant_snapshot::snapshot::{Header, Snapshot};
use sextant_snapshot::stamp::{Stamp, Stamped};

use self::figures::FiguresJson;
use crate::gates::RulingJson;
use crate::json::rfc3339;

/// Everything: statistics, gates, and what the catalog says. The text is appended.
///
/// # Errors
/// None that these values could cause; the encoder's type has one all the same.
pub fn full<'a>(
    text: &mut Vec<u8>,
    snapshot: &Snapshot,
    facts: impl IntoIterator<Item = &'a EndpointFacts>,
) -> serde_json::Result<()> {
    let listed = Listed::new(facts);
    let each = listed.facts.values();
    let mut endpoints: BTreeMap<_, _> = each
        .map(|facts| (&facts.id, EndpointJson::new(&facts.id, &listed)))
        .collect();
    for row in snapshot.rows() {
        let id = row.value.id();
        let endpoint = endpoints.entry(id);
        let endpoint = endpoint.or_insert_with(|| EndpointJson::new(id, &listed));
        endpoint.measured(row);
    }
    let all = SnapshotJson {
        header: snapshot.header().into(),
        endpoints: endpoints.into_values().collect(),
        gates: snapshot.gates().iter().map(gate).collect(),
    };
    serde_json::to_writer(text, &all)
}

/// What changed since a version. `facts` are all of the catalog's. The text is appended.
///
/// # Errors
/// As [`full`].
pub fn delta<'a>(
    text: &mut Vec<u8>,
    delta: &Delta,
    facts: impl IntoIterator<Item = &'a EndpointFacts>,
) -> serde_json::Result<()> {
    let listed = Listed::new(facts);
    let changed = delta.rows.iter().map(|row| {
        let mut endpoint = EndpointJson::new(row.value.id(), &listed);
        endpoint.measured(row);
        endpoint
    });
    let facts = || listed.facts.values().map(|facts| FactsJson::from(*facts));
    let change = DeltaJson {
        header: (&delta.header).into(),
        endpoints: changed.collect(),
        removed: delta.removed.iter().map(removed).collect(),
        gates: delta.gates.iter().map(gate).collect(),
        gates_removed: delta.gates_removed.iter().map(gate_removed).collect(),
        catalog: delta.catalog_changed.then(|| facts().collect()),
    };
    serde_json::to_writer(text, &change)
}

/// Nothing new since this version. The text is appended.
///
/// # Errors
/// As [`full`].
pub fn heartbeat(text: &mut Vec<u8>, version: &str, now: Timestamp) -> serde_json::Result<()> {
    let time = rfc3339(now);
    serde_json::to_writer(text, &HeartbeatJson { version, time })
}

/// What the catalog says.
struct Listed<'a> {
    facts: BTreeMap<&'a EndpointId, &'a EndpointFacts>,
    /// An endpoint is native if its precision is, be it listed or only seen in traffic.
    native: BTreeSet<(&'a ModelId, Quantization)>,
}

impl<'a> Listed<'a> {
    fn new(facts: impl IntoIterator<Item = &'a EndpointFacts>) -> Self {
        let facts = facts.into_iter().map(|facts| (&facts.id, facts));
        let facts: BTreeMap<_, _> = facts.collect();
        let native = facts.values().filter(|facts| facts.native);
        let native = native.map(|facts| (&facts.id.model, facts.id.quantization));
        Self {
            native: native.collect(),
            facts,
        }
    }
}

#[derive(Serialize)]
struct SnapshotJson<'a> {
    #[serde(flatten)]
    header: HeaderJson,
    endpoints: Vec<EndpointJson<'a>>,
    gates: Vec<GateJson<'a>>,
}

#[derive(Serialize)]
struct DeltaJson<'a> {
    #[serde(flatten)]
    header: HeaderJson,
    endpoints: Vec<EndpointJson<'a>>,
    removed: Vec<RemovedJson<'a>>,
    gates: Vec<GateJson<'a>>,
    gates_removed: Vec<GateRemovedJson<'a>>,
    catalog: Option<Vec<FactsJson<'a>>>,
}

#[derive(Serialize)]
struct HeartbeatJson<'a> {
    version: &'a str,
    time: String,
}

#[derive(Serialize)]
struct HeaderJson {
    version: String,
    generated_at: String,
    coverage: Coverage,
    observer_suspected: bool,
}

#[derive(Serialize)]
struct Coverage {
    partitions_whole: u32,
    partitions: u32,
}

#[derive(Serialize)]
struct IdJson<'a> {
    id: String,
    model: &'a str,
    provider: &'a str,
    quantization: &'static str,
}

#[derive(Serialize)]
struct FactsJson<'a> {
    #[serde(flatten)]
    id: IdJson<'a>,
    native: bool,
    price: Option<PriceJson>,
    batch_price: Option<PriceJson>,
}

#[derive(Serialize)]
struct RemovedJson<'a> {
    #[serde(flatten)]
    id: IdJson<'a>,
    offset: OffsetJson,
}

#[derive(Serialize)]
struct GateRemovedJson<'a> {
    operation: &'a str,
    model: &'a str,
    quantization: &'static str,
    offset: u64,
}

#[derive(Serialize)]
struct EndpointJson<'a> {
    #[serde(flatten)]
    id: IdJson<'a>,
    listed: bool,
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
struct GateJson<'a> {
    #[serde(flatten)]
    ruling: RulingJson<'a>,
    offset: u64,
}

impl<'a> EndpointJson<'a> {
    /// What the catalog says of it.
    fn new(id: &'a EndpointId, listed: &Listed<'_>) -> Self {
        let facts = listed.facts.get(id);
        Self {
            id: id.into(),
            listed: facts.is_some(),
            native: listed.native.contains(&(&id.model, id.quantization)),
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
        let (stamp, row) = (row.stamp, &row.value);
        self.published_at = Some(rfc3339(row.published_at()));
        self.offset = Some(stamp.into());
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

impl From<&Header> for HeaderJson {
    fn from(header: &Header) -> Self {
        Self {
            version: header.version.to_string(),
            generated_at: rfc3339(header.generated_at),
            coverage: Coverage {
                partitions_whole: header.partitions_whole,
                partitions: header.partitions,
            },
            observer_suspected: header.observer_suspected,
        }
    }
}

impl<'a> From<&'a EndpointId> for IdJson<'a> {
    fn from(id: &'a EndpointId) -> Self {
        Self {
            id: format!("{}/{}/{}", id.model, id.provider, id.quantization),
            model: id.model.as_str(),
            provider: id.provider.as_str(),
            quantization: id.quantization.name(),
        }
    }
}

impl<'a> From<&'a EndpointFacts> for FactsJson<'a> {
    fn from(facts: &'a EndpointFacts) -> Self {
        Self {
            id: (&facts.id).into(),
            native: facts.native,
            price: facts.price.map(PriceJson::from),
            batch_price: facts.batch_price.map(PriceJson::from),
        }
    }
}

impl From<Stamp> for OffsetJson {
    fn from(stamp: Stamp) -> Self {
        let Stamp { partition, offset } = stamp;
        Self { partition, offset }
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

fn gate(gate: &Stamped<Gate>) -> GateJson<'_> {
    GateJson {
        ruling: gate.value.ruling().into(),
        offset: gate.stamp.offset,
    }
}

fn removed((id, stamp): &(EndpointId, Stamp)) -> RemovedJson<'_> {
    RemovedJson {
        id: id.into(),
        offset: (*stamp).into(),
    }
}

fn gate_removed((key, stamp): &(GateKey, Stamp)) -> GateRemovedJson<'_> {
    GateRemovedJson {
        operation: key.operation.as_str(),
        model: key.model.as_str(),
        quantization: key.quantization.name(),
        offset: stamp.offset,
    }
}
