//! What this process serves of others' observations, for its own prober.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sextant_catalog::{Catalog, LiveCatalog};
use sextant_measure::id::{EndpointId, Region};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::{Clock, MINUTE_US};
use sextant_prober::Endpoint;
use sextant_prober::config::Resolved;
use sextant_prober::sight::{Glimpse, Observed, Picture, Sight, View};
use sextant_server::hub::Hub;
use sextant_snapshot::snapshot::Snapshot;

use super::reload::Reload;
use crate::clock::SystemClock;

/// Older figures are not gone by.
const AGE_US_MAX: i64 = MINUTE_US;

/// Looks at the present edition.
pub(super) struct OwnSight {
    hub: Arc<Hub>,
    catalog: LiveCatalog,
    clock: Arc<dyn Clock>,
    region: Region,
    endpoints: Vec<Endpoint>,
    looks: AtomicU64,
}

impl OwnSight {
    pub(super) fn new(resolved: &Resolved, hub: &Arc<Hub>, reload: &Reload<'_>) -> Arc<Self> {
        Arc::new(Self {
            hub: Arc::clone(hub),
            catalog: reload.catalog.clone(),
            clock: Arc::new(SystemClock),
            region: reload.started.config.collector.region.clone(),
            endpoints: resolved.endpoints().cloned().collect(),
            looks: AtomicU64::new(0),
        })
    }

    fn glimpse(&self, endpoint: &Endpoint, catalog: &Catalog, snapshot: &Snapshot) -> Glimpse {
        let Some(row) = snapshot.row(&stamped(endpoint, catalog)) else {
            // Whether nothing was seen of it is only known once all is there.
            let header = snapshot.header();
            return if header.partitions_whole < header.partitions {
                Glimpse::Aged
            } else {
                Glimpse::Fresh(Observed::default())
            };
        };
        if row.value.age_us(self.clock.now()) > AGE_US_MAX {
            return Glimpse::Aged;
        }
        let seen = row.value.region(&self.region);
        Glimpse::Fresh(seen.map_or_else(Observed::default, |figures| Observed {
            all: figures.recent.uptime_1m.whole,
            live: figures.recent.success_1m.whole,
        }))
    }
}

impl Sight for OwnSight {
    fn look(&self) -> View {
        let Some(edition) = self.hub.present() else {
            return View::Away;
        };
        let catalog = self.catalog.get();
        let glimpse = |it| self.glimpse(it, &catalog, edition.snapshot());
        View::Sees(Arc::new(Picture {
            edition: self.looks.fetch_add(1, Ordering::Relaxed),
            glimpses: self.endpoints.iter().map(glimpse).collect(),
        }))
    }
}

/// The endpoint that its observations are filed under: the collector stamps what was left out.
fn stamped(endpoint: &Endpoint, catalog: &Catalog) -> EndpointId {
    let sole = || catalog.sole_quantization(&endpoint.model, &endpoint.provider);
    EndpointId {
        model: endpoint.model.clone(),
        provider: endpoint.provider.clone(),
        quantization: (endpoint.quantization)
            .or_else(sole)
            .unwrap_or(Quantization::Unknown),
    }
}
