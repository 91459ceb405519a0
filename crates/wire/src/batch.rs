//! What a sender hands over at once.

use std::collections::BTreeMap;

use prost::Message as _;
use sextant_measure::id::{AgentId, is_text};
use sextant_measure::observation::Definition;
use sextant_measure::time::Timestamp;

use crate::columns::Columns;
use crate::identity::Identity;
use crate::{DecodeError, v1};

/// Reasons for drops that a sender may name.
pub const DROP_REASONS_MAX: usize = 16;

/// Observations of one sender.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// `None`: anonymous, and nothing is deduplicated.
    pub identity: Option<Identity>,
    /// The number to answer under, also for an anonymous batch.
    pub sequence: u64,
    /// By the sender's clock.
    pub sent_at: Timestamp,
    /// What the sender has learnt to add to its clock, in microseconds.
    pub clock_offset_us: i64,
    /// What the sender has done since its epoch began.
    pub totals: Option<Totals>,
    /// The observations; endpoints are definition ids.
    pub columns: Columns,
}

/// What a sender has done since its epoch began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Handed to it.
    pub recorded: u64,
    /// Acknowledged by a collector.
    pub acknowledged: u64,
    /// Refused by a collector, one by one.
    pub refused: u64,
    /// Given up, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// Tells that a sender lives and what it has lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who.
    pub agent: AgentId,
    /// Of which life.
    pub epoch: u64,
    /// By the sender's clock.
    pub sent_at: Timestamp,
    /// What the sender has learnt to add to its clock, in microseconds.
    pub clock_offset_us: i64,
    /// What it has done.
    pub totals: Totals,
}

/// A definition as it is sent.
pub fn definition_message(id: u32, definition: &Definition) -> v1::Definition {
    v1::Definition {
        id,
        endpoint: Some(definition.into()),
    }
}

/// Bytes that a message of a stream takes, without its frame.
pub fn message_bytes(request: &v1::ReportRequest) -> usize {
    request.encoded_len()
}

impl TryFrom<v1::Batch> for Batch {
    type Error = DecodeError;

    fn try_from(batch: v1::Batch) -> Result<Self, DecodeError> {
        let identity = match batch.agent_id.as_str() {
            "" => None,
            agent => Some(Identity {
                agent: agent_id(agent)?,
                epoch: batch.epoch,
                sequence: batch.sequence,
            }),
        };
        Ok(Self {
            identity,
            sequence: batch.sequence,
            sent_at: Timestamp::from_micros(batch.sent_at_us),
            clock_offset_us: batch.clock_offset_us,
            totals: batch.totals.map(Totals::try_from).transpose()?,
            columns: batch.columns.unwrap_or_default().try_into()?,
        })
    }
}

impl From<Batch> for v1::Batch {
    fn from(batch: Batch) -> Self {
        let (agent_id, epoch) = match &batch.identity {
            Some(identity) => (identity.agent.to_string(), identity.epoch),
            None => (String::new(), 0),
        };
        Self {
            agent_id,
            epoch,
            sequence: batch
                .identity
                .map_or(batch.sequence, |identity| identity.sequence),
            sent_at_us: batch.sent_at.as_micros(),
            clock_offset_us: batch.clock_offset_us,
            totals: batch.totals.map(Into::into),
            columns: Some(batch.columns.into()),
        }
    }
}

impl TryFrom<v1::Heartbeat> for Heartbeat {
    type Error = DecodeError;

    fn try_from(heartbeat: v1::Heartbeat) -> Result<Self, DecodeError> {
        Ok(Self {
            agent: agent_id(&heartbeat.agent_id)?,
            epoch: heartbeat.epoch,
            sent_at: Timestamp::from_micros(heartbeat.sent_at_us),
            clock_offset_us: heartbeat.clock_offset_us,
            totals: heartbeat.totals.unwrap_or_default().try_into()?,
        })
    }
}

impl From<Heartbeat> for v1::Heartbeat {
    fn from(heartbeat: Heartbeat) -> Self {
        Self {
            agent_id: heartbeat.agent.to_string(),
            epoch: heartbeat.epoch,
            sent_at_us: heartbeat.sent_at.as_micros(),
            clock_offset_us: heartbeat.clock_offset_us,
            totals: Some(heartbeat.totals.into()),
        }
    }
}

impl TryFrom<v1::Totals> for Totals {
    type Error = DecodeError;

    fn try_from(totals: v1::Totals) -> Result<Self, DecodeError> {
        if totals.dropped.len() > DROP_REASONS_MAX {
            return Err(DecodeError::field("totals.dropped", "more than 16 reasons"));
        }
        if !totals.dropped.keys().all(|reason| is_text(reason)) {
            return Err(DecodeError::field(
                "totals.dropped",
                sextant_measure::id::IdError::Text,
            ));
        }
        Ok(Self {
            recorded: totals.recorded,
            acknowledged: totals.acknowledged,
            refused: totals.refused,
            dropped: totals.dropped.into_iter().collect(),
        })
    }
}

impl From<Totals> for v1::Totals {
    fn from(totals: Totals) -> Self {
        Self {
            recorded: totals.recorded,
            acknowledged: totals.acknowledged,
            refused: totals.refused,
            dropped: totals.dropped.into_iter().collect(),
        }
    }
}

pub(crate) fn agent_id(text: &str) -> Result<AgentId, DecodeError> {
    AgentId::new(text).map_err(|error| DecodeError::field("agent_id", error))
}
