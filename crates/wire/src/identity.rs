//! Who sent a batch, and which one it is.

use sextant_measure::id::AgentId;

/// How far the newest sequence may be ahead of the oldest unacknowledged one.
pub const SEQUENCES_IN_FLIGHT_MAX: u64 = 1024;

/// The header, over HTTP and gRPC alike, that says where a sender is: for observations that name no
/// region. It is no part of what a batch is known by.
pub const REGION_HEADER: &str = "sextant-region";

/// (agent, epoch, sequence): a batch that is sent again under the same identity counts once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Who sent it.
    pub agent: AgentId,
    /// Random, kept as long as the sender's sequence is.
    pub epoch: u64,
    /// Counts up within the epoch.
    pub sequence: u64,
}
