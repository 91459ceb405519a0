//! What the endpoint ids of a stream stand for.
//!
//! Everything about an endpoint that admission needs (its series, its partition, its hash) is
//! worked out once, when the id is defined, and never again for an observation.

use std::sync::Arc;

use sextant_catalog::{Catalog, LiveCatalog};
use sextant_intake::directory::{Meaning, Resolve};
use sextant_measure::id::{EndpointId, Region, SeriesId};
use sextant_measure::observation::Definition;
use sextant_wire::definition::{definition_hash, partition_of};

/// The definitions of one stream, or of one call.
pub type Directory = sextant_intake::directory::Directory<Target>;

/// By what observations are stamped and split.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Fills in a quantization that the sender left out.
    pub catalog: LiveCatalog,
    /// Fills in a region that the sender left out.
    pub region: Region,
    /// How many partitions the observations log has.
    pub partitions: u32,
}

/// Where an observation belongs.
#[derive(Debug)]
pub struct Target {
    pub(crate) partition: u32,
    /// Of what the sender named, before any stamp.
    pub(crate) definition_hash: u64,
    pub(crate) series: SeriesId,
    /// Where the sender named no quantization: whose it is.
    stamped_by: Option<Arc<Catalog>>,
}

impl Resolve for Rules {
    type Meaning = Target;

    fn resolve(&self, definition: Definition, sender_in: Option<&Region>) -> Target {
        let definition_hash = definition_hash(&definition);
        let Definition {
            model,
            provider,
            quantization,
            region,
        } = definition;
        let stamped_by = quantization.is_none().then(|| self.catalog.get());
        let mut target = Target {
            partition: partition_of(&model, &provider, self.partitions),
            definition_hash,
            series: SeriesId {
                endpoint: EndpointId {
                    model,
                    provider,
                    quantization: quantization.unwrap_or_default(),
                },
                region: region.unwrap_or_else(|| sender_in.unwrap_or(&self.region).clone()),
            },
            stamped_by: None,
        };
        if let Some(catalog) = stamped_by {
            target.stamp(catalog);
        }
        target
    }
}

impl Meaning for Target {
    fn is_alike(&self, other: &Self) -> bool {
        self.definition_hash == other.definition_hash
    }
}

impl Target {
    /// Fills the quantization in anew if the sender left it out and the catalog has been replaced.
    /// A stream may outlive many catalogs.
    pub(crate) fn stamp_anew(&mut self, rules: &Rules) {
        let stamped_by = self.stamped_by.as_ref();
        if stamped_by.is_some_and(|catalog| !rules.catalog.is_in_force(catalog)) {
            self.stamp(rules.catalog.get());
        }
    }

    fn stamp(&mut self, catalog: Arc<Catalog>) {
        let endpoint = &mut self.series.endpoint;
        let sole = catalog.sole_quantization(&endpoint.model, &endpoint.provider);
        endpoint.quantization = sole.unwrap_or_default();
        self.stamped_by = Some(catalog);
    }
}
