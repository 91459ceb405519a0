//! Whether so much is down at once that the observer is the likelier cause.
//!
//! The definition speaks of providers with enough data, and rows are of endpoints. An endpoint has
//! enough data if its status over all regions isn't `unknown`, a provider if one of its endpoints
//! has. A provider is down if more than half of its endpoints with enough data are down: one
//! broken model among many isn't the provider's failure, and the same majority then decides over
//! endpoints as over providers. Endpoints weigh alike whatever their traffic, so that one busy
//! model doesn't decide alone.

use std::collections::BTreeMap;

use sextant_measure::id::ProviderId;
use sextant_measure::status::Status;

use crate::row::EndpointRow;

/// Below this many providers with enough data nothing is suspected.
const PROVIDERS_MIN: usize = 5;

/// Endpoints with enough data, by provider.
#[derive(Debug, Default)]
pub(crate) struct Providers(BTreeMap<ProviderId, Tally>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tally {
    known: usize,
    down: usize,
}

impl Providers {
    /// One row takes the place of another; either may be missing.
    pub(crate) fn replace(&mut self, old: Option<&EndpointRow>, new: Option<&EndpointRow>) {
        if let Some(row) = old {
            self.take(row);
        }
        if let Some(row) = new {
            self.add(row);
        }
    }

    /// Whether more than half of all providers with enough data are down.
    pub(crate) fn observer_suspected(&self) -> bool {
        let down = self.0.values().filter(|tally| tally.is_down()).count();
        self.0.len() >= PROVIDERS_MIN && down * 2 > self.0.len()
    }

    fn add(&mut self, row: &EndpointRow) {
        let one = Tally::of(row);
        if one.known > 0 {
            let tally = self.0.entry(row.id().provider.clone()).or_default();
            tally.known += one.known;
            tally.down += one.down;
        }
    }

    fn take(&mut self, row: &EndpointRow) {
        let one = Tally::of(row);
        let Some(tally) = self.0.get_mut(&row.id().provider) else {
            return;
        };
        tally.known -= one.known;
        tally.down -= one.down;
        if tally.known == 0 {
            self.0.remove(&row.id().provider);
        }
    }
}

impl Tally {
    fn of(row: &EndpointRow) -> Self {
        let status = row.global().status;
        Self {
            known: usize::from(status != Status::Unknown),
            down: usize::from(status == Status::Down),
        }
    }

    fn is_down(self) -> bool {
        self.down * 2 > self.known
    }
}
