//! What a router must know of an endpoint that can't be measured.

use sextant_measure::id::EndpointId;

use crate::model::Endpoint;
use crate::pricing::Pricing;

/// What the catalog says of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointFacts {
    /// Which endpoint.
    pub id: EndpointId,
    /// At the model's native precision.
    pub native: bool,
    /// What a request costs, if that is known.
    pub price: Option<Pricing>,
    /// What it costs in the provider's batch interface.
    pub batch_price: Option<Pricing>,
}

impl From<&Endpoint> for EndpointFacts {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            id: endpoint.id.clone(),
            native: endpoint.native,
            price: endpoint.price,
            batch_price: endpoint.batch_price,
        }
    }
}
