//! Endpoints of a model as callers name them: `deepinfra`, or `deepinfra/fp8`.

use std::fmt;
use std::str::FromStr;

use sextant_measure::id::{EndpointId, ProviderId};
use sextant_measure::quantization::Quantization;

/// All endpoints of a provider, or the one of a quantization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag {
    provider: ProviderId,
    quantization: Option<Quantization>,
}

/// Not a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is neither a provider nor provider/quantization")]
pub struct TagError;

impl Tag {
    /// All endpoints of a provider, or the one of a quantization.
    pub const fn new(provider: ProviderId, quantization: Option<Quantization>) -> Self {
        Self {
            provider,
            quantization,
        }
    }

    /// Whether it names the endpoint.
    pub fn names(&self, id: &EndpointId) -> bool {
        self.provider == id.provider
            && self
                .quantization
                .is_none_or(|named| named == id.quantization)
    }

    /// Whether it names all that the other names.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let wide = self.quantization.is_none() || self.quantization == other.quantization;
        self.provider == other.provider && wide
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.provider)?;
        match self.quantization {
            Some(quantization) => write!(f, "/{quantization}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let (provider, quantization) = match text.split_once('/') {
            Some((provider, quantization)) => (provider, Some(quantization)),
            None => (text, None),
        };
        let quantization = quantization.map(str::parse).transpose();
        Ok(Self {
            provider: ProviderId::new(provider).map_err(|_| TagError)?,
            quantization: quantization.map_err(|_| TagError)?,
        })
    }
}
