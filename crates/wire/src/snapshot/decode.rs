//! From messages to what a receiver's mirror takes; and requests.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use sextant_catalog::{EndpointFacts, Price, Pricing};
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region};
use sextant_measure::ratio::Ratio;
use sextant_measure::time::Timestamp;
use sextant_snapshot::change::Delta;
use sextant_snapshot::gates::Gate;
use sextant_snapshot::routing::{MedianAndTail, RegionRouting, RoutingFigures, RoutingRow};
use sextant_snapshot::row::AgentsSeen;
use sextant_snapshot::snapshot::{Header, Snapshot};
use sextant_snapshot::stamp::{Stamp, Stamped};

use crate::v1::watch_snapshot_response::Message as Push;
use crate::{DecodeError, definition, gates, v1};

/// Who asks for a snapshot says this, in either call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotRequest {
    /// The version last seen; empty for none.
    pub version: String,
    /// The models wanted; empty for all.
    pub models: Vec<String>,
}

impl SnapshotRequest {
    /// The request of a unary read.
    pub fn of_get(message: Bytes) -> Result<Self, DecodeError> {
        let request = v1::GetSnapshotRequest::decode(message)?;
        Ok(Self {
            version: String::new(),
            models: request.models,
        })
    }

    /// The request of a watch.
    pub fn of_watch(message: Bytes) -> Result<Self, DecodeError> {
        let request = v1::WatchSnapshotRequest::decode(message)?;
        Ok(Self {
            version: request.version,
            models: request.models,
        })
    }
}

/// Everything that a server has.
#[derive(Debug, Clone, PartialEq)]
pub struct Full {
    /// Statistics and gates, for a mirror.
    pub snapshot: Snapshot<RoutingRow>,
    /// The catalog's section.
    pub facts: Vec<EndpointFacts>,
}

/// What a watch says.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// Replaces everything.
    Full(Full),
    /// What changed.
    Delta {
        /// For a mirror.
        delta: Delta<RoutingRow>,
        /// Replaces the catalog's section, if that has changed.
        facts: Option<Vec<EndpointFacts>>,
    },
    /// Nothing is new.
    Heartbeat {
        /// The version that still stands.
        version: String,
        /// By the server's clock.
        at: Timestamp,
    },
}

impl TryFrom<v1::WatchSnapshotResponse> for Update {
    type Error = DecodeError;

    fn try_from(response: v1::WatchSnapshotResponse) -> Result<Self, DecodeError> {
        match response.message.ok_or(DecodeError::UnknownKind)? {
            Push::Full(full) => Ok(Self::Full(full.try_into()?)),
            Push::Delta(message) => {
                let (replaced, facts) = (message.facts_replaced, each(&message.facts, facts)?);
                Ok(Self::Delta {
                    delta: delta(&message)?,
                    facts: replaced.then_some(facts),
                })
            }
            Push::Heartbeat(heartbeat) => Ok(Self::Heartbeat {
                version: heartbeat.version,
                at: Timestamp::from_micros(heartbeat.time_us),
            }),
        }
    }
}

impl Full {
    /// What [`super::encode::held`] has written.
    pub fn read(held: Bytes) -> Result<Self, DecodeError> {
        v1::Snapshot::decode(held)?.try_into()
    }
}

impl TryFrom<v1::Snapshot> for Full {
    type Error = DecodeError;

    fn try_from(message: v1::Snapshot) -> Result<Self, DecodeError> {
        let rows = each(&message.statistics, row)?;
        let gates = each(&message.gates, gate)?;
        Ok(Self {
            snapshot: Snapshot::new(header(message.header.as_ref())?, rows, gates),
            facts: each(&message.facts, facts)?,
        })
    }
}

fn delta(message: &v1::SnapshotDelta) -> Result<Delta<RoutingRow>, DecodeError> {
    Ok(Delta {
        header: header(message.header.as_ref())?,
        catalog_changed: message.facts_replaced,
        rows: each(&message.statistics, row)?,
        removed: each(&message.removed, |removed| {
            Ok((
                endpoint(removed.endpoint.as_ref())?,
                stamp(removed.offset.as_ref())?,
            ))
        })?,
        gates: each(&message.gates, gate)?,
        gates_removed: each(&message.gates_removed, |gone| {
            let key = gates::key(&gone.operation, &gone.model, gone.quantization)?;
            Ok((key, gate_stamp(gone.offset)))
        })?,
    })
}

fn header(message: Option<&v1::SnapshotHeader>) -> Result<Header, DecodeError> {
    let message = message.ok_or_else(|| absent("header"))?;
    let version = message.version.parse();
    Ok(Header {
        version: version.map_err(|error| DecodeError::field("version", error))?,
        generated_at: Timestamp::from_micros(message.generated_at_us),
        partitions_whole: message.partitions_whole,
        partitions: message.partitions,
        observer_suspected: message.observer_suspected,
    })
}

fn row(message: &v1::EndpointStatistics) -> Result<Stamped<RoutingRow>, DecodeError> {
    let global = figures(message.global.as_ref());
    let regions = each(&message.regions, |held| {
        Ok(RegionRouting {
            region: Region::new(&held.region).map_err(|e| DecodeError::field("region", e))?,
            figures: held
                .figures
                .as_ref()
                .map_or(global, |own| figures(Some(own))),
        })
    })?;
    let row = RoutingRow {
        id: endpoint(message.endpoint.as_ref())?,
        published_at: Timestamp::from_micros(message.published_at_us),
        agents: AgentsSeen {
            five_minutes: u8::try_from(message.agents_5m).unwrap_or(u8::MAX),
            one_hour: u8::try_from(message.agents_1h).unwrap_or(u8::MAX),
        },
        global,
        regions,
    };
    Ok(Stamped {
        stamp: stamp(message.offset.as_ref())?,
        value: Arc::new(row),
    })
}

fn figures(message: Option<&v1::RoutingFigures>) -> RoutingFigures {
    let Some(message) = message else {
        return RoutingFigures::default();
    };
    let ratio = |ratio: Option<v1::Ratio>| ratio.map(Ratio::from).unwrap_or_default();
    RoutingFigures {
        status: crate::figures::status(message.status),
        uptime_1m: ratio(message.uptime_1m),
        uptime_30m: ratio(message.uptime_30m),
        success_1m: ratio(message.success_1m),
        success_30m: ratio(message.success_30m),
        rate_limited_1m: ratio(message.rate_limited_1m),
        rate_limited_30m: ratio(message.rate_limited_30m),
        latency_us: MedianAndTail {
            n: message.latency_n,
            p50: message.latency_p50_us,
            p95: message.latency_p95_us,
        },
        throughput_mtps: MedianAndTail {
            n: message.throughput_n,
            p50: message.throughput_p50_mtps,
            p95: message.throughput_p95_mtps,
        },
    }
}

fn facts(message: &v1::EndpointFacts) -> Result<EndpointFacts, DecodeError> {
    let (input, output) = (&message.input_usd_per_mtok, &message.output_usd_per_mtok);
    let (batch_input, batch_output) = (
        &message.batch_input_usd_per_mtok,
        &message.batch_output_usd_per_mtok,
    );
    Ok(EndpointFacts {
        id: endpoint(message.endpoint.as_ref())?,
        native: message.native,
        price: pricing(input, output)?,
        batch_price: pricing(batch_input, batch_output)?,
    })
}

fn pricing(input: &str, output: &str) -> Result<Option<Pricing>, DecodeError> {
    if input.is_empty() && output.is_empty() {
        return Ok(None);
    }
    let price = |text: &str| {
        text.parse::<Price>()
            .map_err(|error| DecodeError::field("price", error))
    };
    Ok(Some(Pricing {
        input: price(input)?,
        output: price(output)?,
    }))
}

fn gate(message: &v1::Gate) -> Result<Stamped<Gate>, DecodeError> {
    let key = gates::key(&message.operation, &message.model, message.quantization)?;
    let verdict = gates::verdict_of(message.verdict)?;
    let since = Timestamp::from_micros(message.since_us);
    let gate = Gate::new(key, verdict, message.author.clone(), since);
    Ok(Stamped {
        stamp: gate_stamp(message.offset),
        value: Arc::new(gate.map_err(|error| DecodeError::field("author", error))?),
    })
}

fn endpoint(message: Option<&v1::EndpointKey>) -> Result<EndpointId, DecodeError> {
    let key = message.ok_or_else(|| absent("endpoint"))?;
    Ok(EndpointId {
        model: ModelId::new(&key.model).map_err(|e| DecodeError::field("model", e))?,
        provider: ProviderId::new(&key.provider).map_err(|e| DecodeError::field("provider", e))?,
        quantization: definition::disclosed(key.quantization)?,
    })
}

fn stamp(message: Option<&v1::RowOffset>) -> Result<Stamp, DecodeError> {
    let place = message.ok_or_else(|| absent("offset"))?;
    Ok(Stamp {
        partition: place.partition,
        offset: place.offset,
    })
}

/// The gates log has one partition.
fn gate_stamp(offset: u64) -> Stamp {
    Stamp {
        partition: 0,
        offset,
    }
}

fn each<M, T>(
    messages: &[M],
    one: impl FnMut(&M) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    messages.iter().map(one).collect()
}

fn absent(field: &'static str) -> DecodeError {
    DecodeError::field(field, "absent")
}
