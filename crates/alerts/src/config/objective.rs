//! How much of what is observed is to be good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sextant_measure::id::{EndpointId, ModelId, ProviderId};

/// An objective of a model, of a provider, or of a model at a provider.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// The model, as `author/slug`; left out, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider's slug; left out, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Share of observations that are to be good for uptime, between 0 and 1.
    pub uptime: f64,
}

/// What uptime each endpoint is to have.
#[derive(Debug, Clone, PartialEq)]
pub struct Objectives {
    pub(super) usual: f64,
    pub(super) others: Vec<Objective>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Objective {
    pub(super) model: Option<ModelId>,
    pub(super) provider: Option<ProviderId>,
    pub(super) uptime: f64,
}

impl Objectives {
    /// Share of an endpoint's observations that may be bad: of what fits it most closely, a
    /// model at a provider before a model, and that before a provider.
    pub fn budget(&self, endpoint: &EndpointId) -> f64 {
        let fitting = self.others.iter().filter(|it| it.fits(endpoint));
        let closest = fitting.max_by_key(|it| (it.model.is_some(), it.provider.is_some()));
        1.0 - closest.map_or(self.usual, |it| it.uptime)
    }
}

impl Objective {
    fn fits(&self, endpoint: &EndpointId) -> bool {
        self.model.as_ref().is_none_or(|it| *it == endpoint.model)
            && self
                .provider
                .as_ref()
                .is_none_or(|it| *it == endpoint.provider)
    }
}
