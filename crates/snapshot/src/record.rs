//! Records of the windows log, as values.

use sextant_measure::id::{AgentId, EndpointId};
use sextant_measure::time::Timestamp;

use crate::key::Key;
use crate::row::{AgentRow, EndpointRow};

/// A record of the windows log and what stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The partition it stands in.
    pub partition: u32,
    /// Its place there.
    pub offset: u64,
    /// When the log took it.
    pub appended_at: Timestamp,
    /// The offset of its writer's claim. A claim's own is its offset, whatever is given here: its
    /// writer could not know it.
    pub epoch: u64,
    /// The random name of the log, drawn by the partition's first claim and repeated in every
    /// record.
    pub log_id: u64,
    /// What it says.
    pub entry: Entry,
}

/// What a record of the windows log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A new owner takes the partition.
    Claim {
        /// Its name, for people.
        owner: String,
    },
    /// How far the owner is.
    Progress(Progress),
    /// The numbers of an endpoint.
    Endpoint(EndpointRow),
    /// The totals of a sender.
    Agent(AgentRow),
    /// There is no such endpoint any more.
    EndpointGone(EndpointId),
    /// There is no such sender any more.
    AgentGone(AgentId),
}

impl Entry {
    /// What the record is about: what compaction goes by.
    pub fn key(&self) -> Key {
        match self {
            Self::Claim { .. } => Key::Claim,
            Self::Progress(_) => Key::Progress,
            Self::Endpoint(row) => Key::Endpoint(row.id().clone()),
            Self::Agent(row) => Key::Agent(row.agent.clone()),
            Self::EndpointGone(id) => Key::Endpoint(id.clone()),
            Self::AgentGone(id) => Key::Agent(id.clone()),
        }
    }
}

/// Whether an owner has published everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnerState {
    /// It reads back what the windows hold; old rows stand and age.
    Rebuilding,
    /// Every key of the partition has a row or a tombstone of its epoch.
    Whole,
}

/// How far an owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Whether it has published everything.
    pub state: OwnerState,
    /// The append time that it has reached in the observations log.
    pub position_at: Timestamp,
    /// When it said so.
    pub at: Timestamp,
}
