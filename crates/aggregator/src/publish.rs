//! What an owner publishes, and what it hands to the store.

use std::collections::HashMap;

use sextant_measure::id::EndpointId;
use sextant_measure::time::Timestamp;
use sextant_snapshot::SnapshotError;
use sextant_snapshot::record::Entry;
use sextant_store::{Revision, Rows, SeriesUptime};

use crate::endpoint::Endpoint;
use crate::partition::Partition;

/// A series outside the catalog is gone after this long without an observation.
const UNKNOWN_GONE_AFTER_US: i64 = 45 * 60 * 1_000_000;
/// A series of the catalog is gone after this long without an observation.
const LISTED_GONE_AFTER_US: i64 = 24 * 60 * 60 * 1_000_000;

impl Partition {
    /// What changed since the last call, as it is at `at`, to which everything has been read.
    pub(crate) fn publish(&mut self, at: Timestamp) -> Result<Vec<Entry>, SnapshotError> {
        self.advance(at);
        let at = at.max(self.now().start());
        let mut entries = self.take_gone(at);
        for endpoint in &mut self.endpoints {
            entries.extend(endpoint.publish(at)?.map(Entry::Endpoint));
        }
        entries.extend(self.agents.publish(at).into_iter().map(Entry::Agent));
        Ok(entries)
    }

    /// What was published may not have reached the log: all of it is due again.
    pub(crate) fn unpublish(&mut self) {
        self.endpoints.iter_mut().for_each(Endpoint::unpublish);
        self.agents.unpublish();
    }

    /// The rows that the store is to get at `now`; with `all`, also those not yet due.
    pub(crate) fn take_rows(&mut self, now: Timestamp, revision: Revision, all: bool) -> Rows {
        let due = if all {
            self.unstored.all()
        } else {
            self.unstored.due(now)
        };
        let endpoints = self.endpoints.iter_mut();
        let minutes = endpoints.flat_map(|endpoint| endpoint.take_minutes(&due, revision));
        let rows = Rows {
            minutes: minutes.collect(),
            windows: self.ended.take(),
            agents: self.agents.take_rows(revision),
        };
        self.unstored.handed_over(&due, now);
        rows
    }

    /// Endpoints whose long windows still await the store.
    pub(crate) fn awaiting_store(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints
            .iter()
            .filter(|endpoint| endpoint.awaits_store())
    }

    /// Adds what the store knows of these endpoints from before the log was read.
    pub(crate) fn restore(&mut self, asked: &[EndpointId], found: Vec<SeriesUptime>) {
        let mut by_endpoint: HashMap<EndpointId, Vec<SeriesUptime>> = HashMap::new();
        for uptime in found {
            by_endpoint
                .entry(uptime.series.endpoint.clone())
                .or_default()
                .push(uptime);
        }
        for id in asked {
            let place = self.index.get(id).copied();
            if let Some(endpoint) = place.and_then(|place| self.endpoints.get_mut(place)) {
                endpoint.restore(by_endpoint.get(id).map_or(&[], Vec::as_slice));
            }
        }
    }

    fn take_gone(&mut self, now: Timestamp) -> Vec<Entry> {
        let gone = |endpoint: &&Endpoint| {
            let listed = self.catalog.endpoint(&endpoint.id).is_some();
            let after = if listed {
                LISTED_GONE_AFTER_US
            } else {
                UNKNOWN_GONE_AFTER_US
            };
            now.micros_since(endpoint.last_observed) >= after
        };
        let ids: Vec<_> = self
            .endpoints
            .iter()
            .filter(gone)
            .map(|e| e.id.clone())
            .collect();
        for id in &ids {
            self.remove(id);
        }
        let agents = self.agents.take_gone(now);
        let endpoints = ids.into_iter().map(Entry::EndpointGone);
        endpoints
            .chain(agents.into_iter().map(Entry::AgentGone))
            .collect()
    }
}
