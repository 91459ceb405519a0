//! Records of the observations log.

use bytes::Bytes;
use prost::Message;
use sextant_measure::id::{AgentId, EndpointId, Region, SeriesId};
use sextant_measure::observation::{Definition, Measurement};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use xxhash_rust::xxh3::Xxh3;

use crate::batch::{Totals, agent_id};
use crate::columns::{Columns, ColumnsBuilder, Row};
use crate::identity::Identity;
use crate::{DecodeError, v1};

/// A record of the observations log.
#[derive(Debug, Clone, PartialEq)]
pub enum ObservationsRecord {
    /// Observations.
    Part(Box<Part>),
    /// What a sender said of itself.
    Agent(AgentReport),
}

/// The observations of one batch that belong to one partition.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Whose batch it was.
    pub identity: Identity,
    /// The collector gave the identity itself: nothing is deduplicated.
    pub anonymous: bool,
    /// Of the observations as the sender recorded them.
    pub content_hash: u64,
    /// By the collector's clock.
    pub received_at: Timestamp,
    /// How many were ahead of the collector's clock.
    pub early: u32,
    /// What the endpoint column's entries are indices of.
    pub series: Vec<SeriesId>,
    /// Completion times are corrected and never later than `received_at`.
    pub columns: Columns,
}

/// What a sender said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentReport {
    /// Who.
    pub agent: AgentId,
    /// Of which life.
    pub epoch: u64,
    /// By the collector's clock.
    pub received_at: Timestamp,
    /// What the sender adds to its clock, in microseconds.
    pub clock_offset_us: i64,
    /// What it has done.
    pub totals: Totals,
}

impl ObservationsRecord {
    /// From the bytes of a record.
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        use v1::observations_record::Record;
        match v1::ObservationsRecord::decode(bytes.clone())?.record {
            Some(Record::Part(part)) => Ok(Self::Part(Box::new(part.try_into()?))),
            Some(Record::Agent(agent)) => Ok(Self::Agent(agent.try_into()?)),
            None => Err(DecodeError::UnknownKind),
        }
    }

    /// The bytes of a record.
    pub fn encode(self) -> Bytes {
        use v1::observations_record::Record;
        let record = Some(match self {
            Self::Part(part) => Record::Part((*part).into()),
            Self::Agent(agent) => Record::Agent(agent.into()),
        });
        v1::ObservationsRecord { record }.encode_to_vec().into()
    }
}

impl TryFrom<v1::ObservationPart> for Part {
    type Error = DecodeError;

    fn try_from(part: v1::ObservationPart) -> Result<Self, DecodeError> {
        let series = part
            .endpoints
            .iter()
            .map(series_id)
            .collect::<Result<Vec<_>, _>>()?;
        let columns = Columns::try_from(part.columns.unwrap_or_default())?;
        if columns
            .endpoints()
            .iter()
            .any(|index| *index as usize >= series.len())
        {
            return Err(DecodeError::field(
                "columns.endpoint",
                "an index past the endpoints",
            ));
        }
        Ok(Self {
            identity: Identity {
                agent: agent_id(&part.agent_id)?,
                epoch: part.epoch,
                sequence: part.sequence,
            },
            anonymous: part.anonymous,
            content_hash: part.content_hash,
            received_at: Timestamp::from_micros(part.received_at_us),
            early: part.early,
            series,
            columns,
        })
    }
}

impl From<Part> for v1::ObservationPart {
    fn from(part: Part) -> Self {
        Self {
            agent_id: part.identity.agent.to_string(),
            epoch: part.identity.epoch,
            sequence: part.identity.sequence,
            anonymous: part.anonymous,
            content_hash: part.content_hash,
            received_at_us: part.received_at.as_micros(),
            early: part.early,
            endpoints: part.series.iter().map(endpoint_message).collect(),
            columns: Some(part.columns.into()),
        }
    }
}

impl TryFrom<v1::AgentReport> for AgentReport {
    type Error = DecodeError;

    fn try_from(report: v1::AgentReport) -> Result<Self, DecodeError> {
        Ok(Self {
            agent: agent_id(&report.agent_id)?,
            epoch: report.epoch,
            received_at: Timestamp::from_micros(report.received_at_us),
            clock_offset_us: report.clock_offset_us,
            totals: report.totals.unwrap_or_default().try_into()?,
        })
    }
}

impl From<AgentReport> for v1::AgentReport {
    fn from(report: AgentReport) -> Self {
        Self {
            agent_id: report.agent.to_string(),
            epoch: report.epoch,
            received_at_us: report.received_at.as_micros(),
            clock_offset_us: report.clock_offset_us,
            totals: Some(report.totals.into()),
        }
    }
}

/// Gathers a partition's share of a batch and hashes it as its sender recorded it: names, values
/// and order, but neither stamps nor clock offsets, so that a retry hashes alike.
pub struct PartBuilder {
    columns: ColumnsBuilder,
    hasher: Xxh3,
}

impl Default for PartBuilder {
    fn default() -> Self {
        Self {
            columns: ColumnsBuilder::default(),
            hasher: Xxh3::new(),
        }
    }
}

impl PartBuilder {
    /// Adds an observation under the part's own endpoint index.
    ///
    /// `definition_hash` is of what the sender named; `completed_at` is the corrected time, while
    /// `row` still has the recorded one.
    pub fn push(
        &mut self,
        row: &Row<'_>,
        definition_hash: u64,
        endpoint: u32,
        completed_at: Timestamp,
    ) {
        self.hash(row, definition_hash);
        let measurement = Measurement {
            completed_at,
            ..row.measurement
        };
        self.columns.push(&Row {
            endpoint,
            measurement,
            ..*row
        });
    }

    /// The columns and the content hash.
    pub fn finish(self) -> (Columns, u64) {
        (self.columns.finish(), self.hasher.digest())
    }

    fn hash(&mut self, row: &Row<'_>, definition_hash: u64) {
        let m = &row.measurement;
        let plus_one = |value: Option<u64>| value.map_or(0, |value| value.wrapping_add(1));
        let flags = u64::from(m.outcome.code())
            | u64::from(m.source.code()) << 8
            | u64::from(m.streamed) << 16
            | u64::from(m.is_final) << 17
            // Which of the texts follow, so that one never passes for the other.
            | u64::from(row.operation.is_some()) << 18
            | u64::from(row.request_id.is_some()) << 19
            | row.tier.map_or(0, |tier| u64::from(tier.code()) + 1) << 24
            | u64::from(m.status_code.unwrap_or(0)) << 32;
        let words = [
            definition_hash,
            u64::from_le_bytes(m.completed_at.as_micros().to_le_bytes()),
            flags,
            u64::from(m.attempt),
            plus_one(m.ttft_us),
            plus_one(m.duration_us),
            plus_one(m.input_tokens.map(u64::from)),
            plus_one(m.output_tokens.map(u64::from)),
        ];
        let mut bytes = [0; 64];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        self.hasher.update(&bytes);
        for text in [row.operation, row.request_id].into_iter().flatten() {
            self.hasher.update(text.as_bytes());
            self.hasher.update(b"\0");
        }
    }
}

fn series_id(endpoint: &v1::Endpoint) -> Result<SeriesId, DecodeError> {
    let definition = Definition::try_from(endpoint)
        .map_err(|refusal| DecodeError::field("endpoints", refusal))?;
    Ok(SeriesId {
        endpoint: EndpointId {
            model: definition.model,
            provider: definition.provider,
            quantization: definition.quantization.unwrap_or(Quantization::Unknown),
        },
        region: definition.region.unwrap_or_default(),
    })
}

fn endpoint_message(series: &SeriesId) -> v1::Endpoint {
    v1::Endpoint::from(&Definition {
        model: series.endpoint.model.clone(),
        provider: series.endpoint.provider.clone(),
        quantization: Some(series.endpoint.quantization),
        region: Some(Region::clone(&series.region)),
    })
}
