//! What is seen of all windows at one moment.

use std::sync::Arc;

use async_trait::async_trait;
use sextant_measure::id::EndpointId;
use sextant_measure::time::Timestamp;
use sextant_snapshot::row::{AgentRow, EndpointRow};

/// Sees all windows.
#[async_trait]
pub trait Sight: Send + Sync + 'static {
    /// What stands in them now; nothing before they have been read to their end.
    async fn look(&self) -> Option<View>;
}

/// What is seen of all windows at one moment.
#[derive(Debug, Clone)]
pub struct View {
    /// All that was reported until then is in it; nothing if no owner has said so yet.
    pub as_of: Option<Timestamp>,
    /// Whether every partition has an owner that has published everything.
    pub is_whole: bool,
    /// More than half of all providers with enough data are down.
    pub observer_suspected: bool,
    rows: Vec<Arc<EndpointRow>>,
    agents: Vec<Arc<AgentRow>>,
}

impl View {
    /// A view of rows in any order, each endpoint once.
    pub fn new(rows: Vec<Arc<EndpointRow>>, agents: Vec<Arc<AgentRow>>) -> Self {
        let mut rows = rows;
        rows.sort_unstable_by(|a, b| a.id().cmp(b.id()));
        let mut agents = agents;
        // Several partitions may know an agent; the one that has heard of it last knows best.
        agents.sort_unstable_by(|a, b| {
            let by_name = a.agent.cmp(&b.agent);
            by_name.then_with(|| b.heard_at.cmp(&a.heard_at))
        });
        agents.dedup_by(|b, a| a.agent == b.agent);
        Self {
            as_of: None,
            is_whole: true,
            observer_suspected: false,
            rows,
            agents,
        }
    }

    /// All rows, in the order of their endpoints.
    pub fn rows(&self) -> &[Arc<EndpointRow>] {
        &self.rows
    }

    /// All agents, in the order of their names.
    pub fn agents(&self) -> &[Arc<AgentRow>] {
        &self.agents
    }

    /// The row of an endpoint.
    pub fn row(&self, id: &EndpointId) -> Option<&EndpointRow> {
        let found = self.rows.binary_search_by(|row| row.id().cmp(id));
        let row = found.ok().and_then(|place| self.rows.get(place));
        row.map(Arc::as_ref)
    }
}
