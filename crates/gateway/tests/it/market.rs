//! What servers say of one model.

use std::sync::Arc;

use sextant_catalog::{EndpointFacts, Pricing};
use sextant_gateway::{Decision, Gateway, Request, Tier};
use sextant_measure::id::{EndpointId, ModelId, ProviderId};
use sextant_measure::quantization::Quantization;
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_snapshot::routing::{MedianAndTail, RoutingFigures, RoutingRow};
use sextant_snapshot::row::AgentsSeen;
use sextant_snapshot::snapshot::Header;
use sextant_snapshot::stamp::{Stamp, Stamped};
use sextant_snapshot::version::{GatesPosition, StatisticsPosition, Version};
use sextant_wire::v1;
use sextant_wire::v1::watch_snapshot_response::Message;

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_356_003_000_000);

pub(crate) fn model() -> ModelId {
    ModelId::new("meta-llama/llama-4-scout").unwrap()
}

fn id(provider: &str) -> EndpointId {
    EndpointId {
        model: model(),
        provider: ProviderId::new(provider).unwrap(),
        quantization: Quantization::Bf16,
    }
}

/// A healthy endpoint with a TTFT p95, as it stands at an offset.
pub(crate) fn row(provider: &str, latency_p95_ms: u64, offset: u64) -> v1::EndpointStatistics {
    let tail = |p95| MedianAndTail {
        n: 1_000,
        p50: Some(p95),
        p95: Some(p95),
    };
    let row = RoutingRow {
        id: id(provider),
        published_at: NOW,
        agents: AgentsSeen::default(),
        global: RoutingFigures {
            status: Status::Healthy,
            uptime_1m: Ratio::new(100, 100),
            success_1m: Ratio::new(100, 100),
            latency_us: tail(latency_p95_ms * 1_000),
            throughput_mtps: tail(80_000),
            ..RoutingFigures::default()
        },
        regions: Vec::new(),
    };
    let stamp = Stamp {
        partition: 0,
        offset,
    };
    (&Stamped {
        stamp,
        value: Arc::new(row),
    })
        .into()
}

pub(crate) fn facts(provider: &str, price: &str) -> v1::EndpointFacts {
    let price = price.parse().unwrap();
    (&EndpointFacts {
        id: id(provider),
        native: true,
        price: Some(Pricing {
            input: price,
            output: price,
        }),
        batch_price: None,
    })
        .into()
}

/// The version of a log that has been read up to an offset.
pub(crate) fn version(log_id: u64, next_offset: u64) -> Version {
    let statistics = StatisticsPosition {
        log_id,
        next_offsets: vec![next_offset],
    };
    Version::new(1, GatesPosition::default(), statistics).unwrap()
}

fn header(version: Version) -> v1::SnapshotHeader {
    let header = Header {
        version,
        generated_at: NOW,
        partitions_whole: 1,
        partitions: 1,
        observer_suspected: false,
    };
    (&header).into()
}

/// Everything: `a` is quick, and `b` is cheap.
pub(crate) fn full(log_id: u64) -> v1::WatchSnapshotResponse {
    said(Message::Full(v1::Snapshot {
        header: Some(header(version(log_id, 10))),
        facts: vec![facts("a", "2"), facts("b", "1")],
        statistics: vec![row("a", 100, 1), row("b", 500, 2)],
        gates: Vec::new(),
    }))
}

/// One row that changed.
pub(crate) fn delta(log_id: u64, row: v1::EndpointStatistics) -> v1::WatchSnapshotResponse {
    let offset = row.offset.unwrap().offset;
    said(Message::Delta(v1::SnapshotDelta {
        header: Some(header(version(log_id, offset + 1))),
        statistics: vec![row],
        ..v1::SnapshotDelta::default()
    }))
}

pub(crate) fn heartbeat(seconds: i64) -> v1::WatchSnapshotResponse {
    said(Message::Heartbeat(v1::SnapshotHeartbeat {
        version: version(1, 10).to_string(),
        time_us: NOW.plus_micros(seconds * 1_000_000).as_micros(),
    }))
}

pub(crate) fn said(message: Message) -> v1::WatchSnapshotResponse {
    v1::WatchSnapshotResponse {
        message: Some(message),
    }
}

/// Providers in the order in which a gateway would try them.
pub(crate) fn chosen(gateway: &Gateway) -> Vec<String> {
    let decision = decide(gateway);
    let places = decision.candidates.iter();
    places
        .map(|place| decision.candidate(place).unwrap().id.provider.to_string())
        .collect()
}

pub(crate) fn decide(gateway: &Gateway) -> Decision {
    let mut decision = Decision::default();
    gateway.choose(&Request::new(model(), Tier::Realtime), 3, &mut decision);
    decision
}
