//! Which series a partition holds: taken over, admitted, let go.

use std::sync::Arc;

use sextant_catalog::Catalog;
use sextant_measure::id::{EndpointId, Region, SeriesId};
use sextant_measure::long::LongUptime;
use sextant_measure::time::Timestamp;
use sextant_measure::window::STEPS_30M;
use sextant_snapshot::record::Entry;
use sextant_snapshot::row::AgentRow;

use crate::config::UnknownEndpoints;
use crate::endpoint::{By, Endpoint};
use crate::partition::Partition;
use crate::tally::Dropped;

/// Where an observation goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) endpoint: usize,
    pub(crate) region: usize,
}

impl Partition {
    /// Goes by another catalog from here on. What is held stays held.
    pub(crate) fn use_catalog(&mut self, catalog: Arc<Catalog>) {
        if Arc::ptr_eq(&self.catalog, &catalog) {
            return;
        }
        self.catalog = catalog;
        let unlisted = |endpoint: &&Endpoint| self.catalog.endpoint(&endpoint.id).is_none();
        let unknown = self.endpoints.iter().filter(unlisted);
        self.unknown.recount(unknown.flat_map(Endpoint::openers));
    }

    /// Takes an endpoint over from the last owner, so that it is published even without traffic. One
    /// that cannot be kept is gone.
    pub(crate) fn adopt(&mut self, id: &EndpointId, regions: &[Region], at: Timestamp) {
        for region in regions {
            let series = SeriesId {
                endpoint: id.clone(),
                region: region.clone(),
            };
            if self.admit(&series, By { opener: None, at }).is_err() {
                break;
            }
        }
        if !self.index.contains_key(id) {
            self.gone.push(Entry::EndpointGone(id.clone()));
        }
    }

    /// Takes a sender over from the last owner. One that cannot be kept is gone.
    pub(crate) fn adopt_agent(&mut self, row: &AgentRow) {
        if !self.agents.adopt(row) {
            self.gone.push(Entry::AgentGone(row.agent.clone()));
        }
    }

    /// Finds where the observations of each series go, and makes room for series that are new.
    pub(crate) fn resolve(
        &mut self,
        series: &[SeriesId],
        agent: u64,
    ) -> Vec<Result<Target, Dropped>> {
        let by = By {
            opener: Some(agent),
            at: self.read_at(),
        };
        let admitted: Vec<_> = series.iter().map(|series| self.admit(series, by)).collect();
        // Places are looked up once all are there: a new region moves those behind it.
        let place = |(series, admitted): (&SeriesId, Result<usize, Dropped>)| {
            let endpoint = admitted?;
            let held = self
                .endpoints
                .get(endpoint)
                .and_then(|held| held.find(&series.region));
            held.map(|region| Target { endpoint, region })
                .ok_or(Dropped::SeriesCap)
        };
        series.iter().zip(admitted).map(place).collect()
    }

    /// Finds a series' endpoint or makes room for it, within the caps.
    fn admit(&mut self, series: &SeriesId, by: By) -> Result<usize, Dropped> {
        let known = self.index.get(&series.endpoint).copied();
        if let Some(place) = known
            && let Some(endpoint) = self.endpoints.get(place)
            && endpoint.find(&series.region).is_some()
        {
            return Ok(place);
        }
        let listed = self.catalog.endpoint(&series.endpoint).is_some();
        if !listed {
            if self.config.unknown_endpoints == UnknownEndpoints::Drop {
                return Err(Dropped::UnknownEndpoint);
            }
            if !self.unknown.has_room(by.opener) {
                return Err(Dropped::SeriesCap);
            }
        }
        let place = known.unwrap_or_else(|| {
            self.endpoints.push(Endpoint::new(series.endpoint.clone()));
            self.index
                .insert(series.endpoint.clone(), self.endpoints.len() - 1);
            self.endpoints.len() - 1
        });
        let (now, long) = (self.now(), self.long_of_new(by));
        let endpoint = self.endpoints.get_mut(place).ok_or(Dropped::SeriesCap)?;
        if endpoint.regions() >= self.config.regions_max {
            return Err(Dropped::RegionCap);
        }
        endpoint.add_region(&series.region, now, long, by);
        if !listed {
            self.unknown.open(by.opener);
        }
        Ok(place)
    }

    /// Lets an endpoint go, with all its series.
    pub(crate) fn remove(&mut self, id: &EndpointId) {
        let Some(place) = self.index.remove(id) else {
            return;
        };
        let gone = self.endpoints.swap_remove(place);
        self.has_let_go = true;
        if self.catalog.endpoint(id).is_none() {
            gone.openers().for_each(|it| self.unknown.close(it));
        }
        if let Some(moved) = self.endpoints.get(place) {
            self.index.insert(moved.id.clone(), place);
        }
    }

    /// Whether the store may know more of a series than is in what was read, and up to when.
    ///
    /// Of one that is taken over, all that is read is filed. Of one that is new here, what is filed
    /// completed in the window of its first record or later, and the store has all that is older,
    /// if there was any.
    fn long_of_new(&self, by: By) -> LongUptime {
        let from = self.long_from();
        if by.opener.is_none() || (from.is_none() && !self.has_let_go) {
            return from.map_or_else(LongUptime::fresh, LongUptime::awaiting);
        }
        let window = by.at.step().minus(STEPS_30M - 1).minute();
        LongUptime::awaiting(from.unwrap_or_default().max(window))
    }
}
