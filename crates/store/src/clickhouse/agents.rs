//! What one partition knew of an agent in one minute, as a row of `agent_rows`.

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use sextant_measure::id::AgentId;

use super::counted;
use crate::{AgentRow, Revision};

/// A row of `agent_rows`.
#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(super) struct AgentColumns {
    agent: String,
    partition: u32,
    minute: u32,
    epoch: u64,
    revision: u64,
    recorded: u64,
    dropped: Vec<(String, u64)>,
    acknowledged: u64,
    refused: u64,
    clock_offset_us: i64,
    early: u64,
    clashes: u64,
}

pub(super) const TABLE: &str = "agent_rows";

impl From<&AgentRow> for AgentColumns {
    fn from(row: &AgentRow) -> Self {
        let dropped = row.dropped.iter();
        Self {
            agent: row.agent.to_string(),
            partition: row.partition,
            minute: counted::seconds(row.minute),
            epoch: row.revision.epoch,
            revision: row.revision.n,
            recorded: row.recorded,
            dropped: dropped.map(|(reason, n)| (reason.clone(), *n)).collect(),
            acknowledged: row.acknowledged,
            refused: row.refused,
            clock_offset_us: row.clock_offset_us,
            early: row.early,
            clashes: row.clashes,
        }
    }
}

impl AgentColumns {
    /// The row; none if it is not what was written.
    pub(super) fn decode(self) -> Option<AgentRow> {
        Some(AgentRow {
            agent: AgentId::new(&self.agent).ok()?,
            minute: counted::minute(self.minute)?,
            partition: self.partition,
            revision: Revision {
                epoch: self.epoch,
                n: self.revision,
            },
            recorded: self.recorded,
            dropped: self.dropped.into_iter().collect(),
            acknowledged: self.acknowledged,
            refused: self.refused,
            clock_offset_us: self.clock_offset_us,
            early: self.early,
            clashes: self.clashes,
        })
    }
}
