//! The catalog and its look-ups.

use std::collections::BTreeMap;
use std::fmt;

use sextant_measure::id::{EndpointId, ModelId, ProviderId};
use sextant_measure::quantization::Quantization;

use crate::model::{Endpoint, Model};
use crate::problem::CatalogError;
use crate::{read, revision};

/// The name under which problems of the shipped catalog would be reported.
const SHIPPED_FILE: &str = "catalog.toml";
const SHIPPED: &str = include_str!("catalog.toml");

/// All models and providers that are known beforehand. It never changes; a changed text makes
/// another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    revision: Revision,
    providers: BTreeMap<ProviderId, String>,
    models: BTreeMap<ModelId, Model>,
}

impl Catalog {
    /// Reads a catalog; `file` is the name that problems are reported under.
    pub fn parse(file: &str, text: &str) -> Result<Self, CatalogError> {
        let (providers, models) = read::catalog(file, text)?;
        Ok(Self {
            revision: revision::of(&providers, &models),
            providers,
            models,
        })
    }

    /// The catalog that comes with the program.
    pub fn shipped() -> Result<Self, CatalogError> {
        Self::parse(SHIPPED_FILE, SHIPPED)
    }

    /// The text of [`Catalog::shipped`], the start of a catalog of one's own.
    pub fn shipped_text() -> &'static str {
        SHIPPED
    }

    /// What it says, as one number.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// All models, in the order of their ids.
    pub fn models(&self) -> impl ExactSizeIterator<Item = &Model> {
        self.models.values()
    }

    /// The model with this id.
    pub fn model(&self, id: &ModelId) -> Option<&Model> {
        self.models.get(id)
    }

    /// The endpoint with this id, and its model.
    pub fn endpoint(&self, id: &EndpointId) -> Option<(&Model, &Endpoint)> {
        let model = self.models.get(&id.model)?;
        let at = model
            .endpoints
            .binary_search_by(|endpoint| endpoint.id.cmp(id))
            .ok()?;
        Some((model, model.endpoints.get(at)?))
    }

    /// A provider's display name; its slug if the catalog has none.
    pub fn provider_name<'a>(&'a self, id: &'a ProviderId) -> &'a str {
        self.providers.get(id).map_or(id.as_str(), String::as_str)
    }

    /// The quantization at which this provider serves this model, if exactly one endpoint of
    /// theirs is listed. It may be [`Quantization::Unknown`].
    pub fn sole_quantization(
        &self,
        model: &ModelId,
        provider: &ProviderId,
    ) -> Option<Quantization> {
        match self.models.get(model)?.endpoints_of(provider) {
            [endpoint] => Some(endpoint.id.quantization),
            _ => None,
        }
    }
}

/// A hash of a catalog's contents: equal for texts that say the same, whatever their order,
/// comments and spelling, on every machine; two that differ share one by a chance of 2^-64.
/// It has no order: of two revisions none is the newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    /// 16 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
