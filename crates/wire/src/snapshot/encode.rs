//! From a server's values to bytes, each encoded once and shared by all who read it.

use bytes::Bytes;
use prost::Message;
use sextant_catalog::{Price, Pricing};
use sextant_measure::figures::Figures;
use sextant_measure::id::EndpointId;
use sextant_measure::time::Timestamp;
use sextant_snapshot::change::Delta;
use sextant_snapshot::gates::{Gate, GateKey};
use sextant_snapshot::row::EndpointRow;
use sextant_snapshot::snapshot::{Header, Snapshot};
use sextant_snapshot::stamp::{Stamp, Stamped};

use crate::v1;
use crate::v1::watch_snapshot_response::Message as Push;
use sextant_catalog::EndpointFacts;
use sextant_snapshot::routing::{RoutingFigures, RoutingRow};

/// Everything, as a message of a watch.
///
/// The answer to a unary read has the same bytes: in both the snapshot is field 1, and a test
/// holds them to it.
pub fn full<'a>(snapshot: &Snapshot, facts: impl IntoIterator<Item = &'a EndpointFacts>) -> Bytes {
    push(Push::Full(v1::Snapshot {
        header: Some(snapshot.header().into()),
        facts: facts.into_iter().map(Into::into).collect(),
        statistics: snapshot.rows().iter().map(Into::into).collect(),
        gates: snapshot.gates().iter().map(Into::into).collect(),
    }))
}

/// Everything that a receiver holds, as [`super::decode::Full::read`] reads it.
pub fn held<'a>(
    snapshot: &Snapshot<RoutingRow>,
    facts: impl IntoIterator<Item = &'a EndpointFacts>,
) -> Bytes {
    let held = v1::Snapshot {
        header: Some(snapshot.header().into()),
        facts: facts.into_iter().map(Into::into).collect(),
        statistics: snapshot.rows().iter().map(Into::into).collect(),
        gates: snapshot.gates().iter().map(Into::into).collect(),
    };
    held.encode_to_vec().into()
}

/// What changed, as a message of a watch. `facts` are all of the catalog's; they are sent if the
/// catalog has changed.
pub fn delta<'a>(delta: &Delta, facts: impl IntoIterator<Item = &'a EndpointFacts>) -> Bytes {
    let facts = facts.into_iter().filter(|_| delta.catalog_changed);
    push(Push::Delta(v1::SnapshotDelta {
        header: Some((&delta.header).into()),
        facts_replaced: delta.catalog_changed,
        facts: facts.map(Into::into).collect(),
        statistics: delta.rows.iter().map(Into::into).collect(),
        removed: delta.removed.iter().map(removed).collect(),
        gates: delta.gates.iter().map(Into::into).collect(),
        gates_removed: delta.gates_removed.iter().map(gate_removed).collect(),
    }))
}

/// Nothing new since this version.
pub fn heartbeat(version: &str, now: Timestamp) -> Bytes {
    push(Push::Heartbeat(v1::SnapshotHeartbeat {
        version: version.to_owned(),
        time_us: now.as_micros(),
    }))
}

fn push(message: Push) -> Bytes {
    let response = v1::WatchSnapshotResponse {
        message: Some(message),
    };
    response.encode_to_vec().into()
}

impl From<&Header> for v1::SnapshotHeader {
    fn from(header: &Header) -> Self {
        Self {
            version: header.version.to_string(),
            generated_at_us: header.generated_at.as_micros(),
            partitions_whole: header.partitions_whole,
            partitions: header.partitions,
            observer_suspected: header.observer_suspected,
        }
    }
}

impl From<&EndpointId> for v1::EndpointKey {
    fn from(id: &EndpointId) -> Self {
        Self {
            model: id.model.to_string(),
            provider: id.provider.to_string(),
            quantization: v1::Quantization::from(id.quantization).into(),
        }
    }
}

impl From<Stamp> for v1::RowOffset {
    fn from(stamp: Stamp) -> Self {
        Self {
            partition: stamp.partition,
            offset: stamp.offset,
        }
    }
}

impl From<&EndpointFacts> for v1::EndpointFacts {
    fn from(facts: &EndpointFacts) -> Self {
        let usd = |pricing: Option<Pricing>, price: fn(Pricing) -> Price| {
            pricing.map_or_else(String::new, |pricing| price(pricing).to_decimal())
        };
        Self {
            endpoint: Some((&facts.id).into()),
            native: facts.native,
            input_usd_per_mtok: usd(facts.price, |pricing| pricing.input),
            output_usd_per_mtok: usd(facts.price, |pricing| pricing.output),
            batch_input_usd_per_mtok: usd(facts.batch_price, |pricing| pricing.input),
            batch_output_usd_per_mtok: usd(facts.batch_price, |pricing| pricing.output),
        }
    }
}

impl From<&Stamped<EndpointRow>> for v1::EndpointStatistics {
    fn from(row: &Stamped<EndpointRow>) -> Self {
        let (stamp, row) = (row.stamp, &row.value);
        let (regions, agents) = (row.regions(), row.agents());
        let is_several = regions.len() > 1;
        Self {
            endpoint: Some(row.id().into()),
            offset: Some(stamp.into()),
            published_at_us: row.published_at().as_micros(),
            agents_5m: agents.five_minutes.into(),
            agents_1h: agents.one_hour.into(),
            global: Some(figures(row.global())),
            regions: regions
                .iter()
                .map(|held| v1::RegionRoutingFigures {
                    region: held.region.to_string(),
                    figures: is_several.then(|| figures(&held.figures)),
                })
                .collect(),
        }
    }
}

impl From<&Stamped<RoutingRow>> for v1::EndpointStatistics {
    fn from(row: &Stamped<RoutingRow>) -> Self {
        let (stamp, row) = (row.stamp, &row.value);
        let is_several = row.regions.len() > 1;
        Self {
            endpoint: Some((&row.id).into()),
            offset: Some(stamp.into()),
            published_at_us: row.published_at.as_micros(),
            agents_5m: row.agents.five_minutes.into(),
            agents_1h: row.agents.one_hour.into(),
            global: Some((&row.global).into()),
            regions: row
                .regions
                .iter()
                .map(|held| v1::RegionRoutingFigures {
                    region: held.region.to_string(),
                    figures: is_several.then(|| (&held.figures).into()),
                })
                .collect(),
        }
    }
}

impl From<&RoutingFigures> for v1::RoutingFigures {
    fn from(figures: &RoutingFigures) -> Self {
        Self {
            status: v1::Status::from(figures.status).into(),
            uptime_1m: Some(figures.uptime_1m.into()),
            uptime_30m: Some(figures.uptime_30m.into()),
            uptime_30m_lower: figures.uptime_30m_lower(),
            success_1m: Some(figures.success_1m.into()),
            success_30m: Some(figures.success_30m.into()),
            rate_limited_1m: Some(figures.rate_limited_1m.into()),
            rate_limited_30m: Some(figures.rate_limited_30m.into()),
            latency_n: figures.latency_us.n,
            latency_p50_us: figures.latency_us.p50,
            latency_p95_us: figures.latency_us.p95,
            throughput_n: figures.throughput_mtps.n,
            throughput_p50_mtps: figures.throughput_mtps.p50,
            throughput_p95_mtps: figures.throughput_mtps.p95,
        }
    }
}

impl From<&Stamped<Gate>> for v1::Gate {
    fn from(gate: &Stamped<Gate>) -> Self {
        let (offset, gate) = (gate.stamp.offset, &gate.value);
        Self {
            operation: gate.key().operation.to_string(),
            model: gate.key().model.to_string(),
            quantization: v1::Quantization::from(gate.key().quantization).into(),
            verdict: v1::Verdict::from(gate.verdict()).into(),
            author: gate.author().to_owned(),
            since_us: gate.since().as_micros(),
            offset,
        }
    }
}

fn figures(figures: &Figures) -> v1::RoutingFigures {
    (&RoutingFigures::from(figures)).into()
}

fn removed((id, stamp): &(EndpointId, Stamp)) -> v1::RemovedEndpoint {
    v1::RemovedEndpoint {
        endpoint: Some(id.into()),
        offset: Some((*stamp).into()),
    }
}

fn gate_removed((key, stamp): &(GateKey, Stamp)) -> v1::RemovedGate {
    v1::RemovedGate {
        operation: key.operation.to_string(),
        model: key.model.to_string(),
        quantization: v1::Quantization::from(key.quantization).into(),
        offset: stamp.offset,
    }
}
