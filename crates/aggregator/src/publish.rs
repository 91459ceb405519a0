//! What an owner publishes, and what it hands to the store.

use std::collections::HashMap;

use sextant_measure::id::EndpointId;
use sextant_measure::time::{Minute, Timestamp};
use sextant_snapshot::SnapshotError;
use sextant_snapshot::record::Entry;
use sextant_store::{MinuteRange, Revision, Rows, SeriesUptime};

use crate::endpoint::Endpoint;
use crate::partition::Partition;

/// An endpoint outside the catalog is gone after this long without an observation.
const UNKNOWN_GONE_AFTER_US: i64 = 45 * 60 * 1_000_000;
/// An endpoint of the catalog is gone after this long without an observation, and so is a region of
/// any endpoint.
const LISTED_GONE_AFTER_US: i64 = 24 * 60 * 60 * 1_000_000;
const MINUTES_PER_DAY: u32 = 24 * 60;
/// Series whose uptime is asked of the store at once: each has up to 289 buckets, and a store answers
/// with up to a million.
const ASKED_SERIES_MAX: usize = 1_000;

/// Who writes to the store: the partition's owner, so many times by now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writing {
    pub(crate) partition: u32,
    pub(crate) revision: Revision,
}

impl Partition {
    /// What changed since the last call, as it is at `at`, to which everything has been read.
    pub(crate) fn publish(&mut self, at: Timestamp) -> Result<Vec<Entry>, SnapshotError> {
        self.advance(at);
        let at = at.max(self.now().start());
        self.let_go(at);
        let mut entries = self.gone.clone();
        for endpoint in &mut self.endpoints {
            entries.extend(endpoint.publish(at)?.map(Entry::Endpoint));
        }
        let counted_until = at.max(self.read_at());
        let agents = self.agents.publish(counted_until).into_iter();
        entries.extend(agents.map(Entry::Agent));
        Ok(entries)
    }

    /// What was published is in the log.
    pub(crate) fn published(&mut self) {
        self.gone.clear();
    }

    /// What was published may not have reached the log: all of it is due again.
    pub(crate) fn unpublish(&mut self) {
        self.endpoints.iter_mut().for_each(Endpoint::unpublish);
        self.agents.unpublish();
    }

    /// The rows that the store is to get at `now`; with `all`, also those not yet due.
    pub(crate) fn take_rows(&mut self, now: Timestamp, by: Writing, all: bool) -> Rows {
        let Writing {
            partition,
            revision,
        } = by;
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
            agents: self.agents.take_rows(partition, revision),
            ..Rows::default()
        };
        self.unstored.handed_over(&due, now);
        rows
    }

    /// Endpoints whose long windows await the store, as many as it answers for at once, and the
    /// day that they await. Nothing if none does.
    pub(crate) fn awaited(&self) -> Option<(Vec<EndpointId>, MinuteRange)> {
        let mut series = 0;
        let awaiting = self
            .endpoints
            .iter()
            .filter_map(|endpoint| Some((endpoint, endpoint.awaits_until()?)))
            .take_while(|(endpoint, _)| {
                let is_first = series == 0;
                series += endpoint.regions();
                is_first || series <= ASKED_SERIES_MAX
            });
        let (ids, until): (Vec<_>, Vec<_>) = awaiting
            .map(|(endpoint, until)| (endpoint.id.clone(), until))
            .unzip();
        let to = until.into_iter().max()?;
        Some((ids, MinuteRange::new(to.minus(MINUTES_PER_DAY), to)))
    }

    /// Adds what the store knows of these endpoints up to `until`.
    pub(crate) fn restore(
        &mut self,
        asked: &[EndpointId],
        found: Vec<SeriesUptime>,
        until: Minute,
    ) {
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
                endpoint.restore(by_endpoint.get(id).map_or(&[], Vec::as_slice), until);
            }
        }
    }

    /// Lets go of what has been idle for long. Who reads is told with the next publication.
    fn let_go(&mut self, now: Timestamp) {
        let mut gone = Vec::new();
        let mut openers = Vec::new();
        for endpoint in &mut self.endpoints {
            let listed = self.catalog.endpoint(&endpoint.id).is_some();
            let after = if listed {
                LISTED_GONE_AFTER_US
            } else {
                UNKNOWN_GONE_AFTER_US
            };
            if now.micros_since(endpoint.last_observed()) >= after {
                gone.push(endpoint.id.clone());
                continue;
            }
            let idle = endpoint.take_idle_regions(now.plus_micros(-LISTED_GONE_AFTER_US));
            self.has_let_go |= !idle.is_empty();
            if !listed {
                openers.extend(idle);
            }
        }
        openers.into_iter().for_each(|it| self.unknown.close(it));
        gone.iter().for_each(|id| self.remove(id));
        let agents = self.agents.take_gone(now).into_iter();
        self.gone.extend(gone.into_iter().map(Entry::EndpointGone));
        self.gone.extend(agents.map(Entry::AgentGone));
    }
}
