//! What an alert is about.

use std::fmt;
use std::str::FromStr;

use sextant_measure::id::{AgentId, EndpointId, ModelId, ProviderId};
use sextant_measure::quantization::Quantization;

use crate::IncidentError;

/// What an alert is about. The text forms:
///
/// ```text
/// endpoint/<author>/<slug>/<provider>/<quantization>
/// provider/<slug>
/// agent/<name>
/// fleet
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One endpoint.
    Endpoint(EndpointId),
    /// All endpoints of a provider.
    Provider(ProviderId),
    /// A sender of observations.
    Agent(AgentId),
    /// All that is observed.
    Fleet,
}

impl Subject {
    /// The model, if it is about one.
    pub const fn model(&self) -> Option<&ModelId> {
        match self {
            Self::Endpoint(id) => Some(&id.model),
            Self::Provider(_) | Self::Agent(_) | Self::Fleet => None,
        }
    }

    /// The provider, if it is about one.
    pub const fn provider(&self) -> Option<&ProviderId> {
        match self {
            Self::Endpoint(id) => Some(&id.provider),
            Self::Provider(provider) => Some(provider),
            Self::Agent(_) | Self::Fleet => None,
        }
    }

    /// The quantization, if it is about one.
    pub const fn quantization(&self) -> Option<Quantization> {
        match self {
            Self::Endpoint(id) => Some(id.quantization),
            Self::Provider(_) | Self::Agent(_) | Self::Fleet => None,
        }
    }

    /// The sender, if it is about one.
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent(agent) => Some(agent),
            Self::Endpoint(_) | Self::Provider(_) | Self::Fleet => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(id) => write!(f, "endpoint/{}/{}", id.model, id.tag()),
            Self::Provider(provider) => write!(f, "provider/{provider}"),
            Self::Agent(agent) => write!(f, "agent/{agent}"),
            Self::Fleet => f.write_str("fleet"),
        }
    }
}

impl FromStr for Subject {
    type Err = IncidentError;

    fn from_str(text: &str) -> Result<Self, IncidentError> {
        let read = match text.split_once('/') {
            None => (text == "fleet").then_some(Self::Fleet),
            Some(("endpoint", rest)) => endpoint(rest).map(Self::Endpoint),
            Some(("provider", rest)) => rest.parse().ok().map(Self::Provider),
            // A sender's name may hold a slash.
            Some(("agent", rest)) => rest.parse().ok().map(Self::Agent),
            Some(_) => None,
        };
        read.ok_or(IncidentError::Subject)
    }
}

fn endpoint(text: &str) -> Option<EndpointId> {
    let (rest, quantization) = text.rsplit_once('/')?;
    let (model, provider) = rest.rsplit_once('/')?;
    Some(EndpointId {
        model: model.parse().ok()?,
        provider: provider.parse().ok()?,
        quantization: quantization.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_subject_is_refused() {
        for text in [
            "",
            "fleets",
            "fleet/x",
            "provider/",
            "provider/UPPER",
            "endpoint/a/b/p",
            "endpoint/a/b/p/fp99",
            "endpoint/a/p/fp8",
            "agent/",
            "model/a/b",
        ] {
            assert_eq!(
                text.parse::<Subject>(),
                Err(IncidentError::Subject),
                "{text}"
            );
        }
    }
}
