//! What an observation is about: definitions of endpoints, quantizations, statuses.

use sextant_measure::id::{ModelId, ProviderId, Region};
use sextant_measure::observation::Definition;
use sextant_measure::quantization::Quantization;
use sextant_measure::refusal::Refusal;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::{DecodeError, v1};

impl From<Quantization> for v1::Quantization {
    fn from(quantization: Quantization) -> Self {
        match quantization {
            Quantization::Unknown => Self::Unknown,
            Quantization::Int4 => Self::Int4,
            Quantization::Int8 => Self::Int8,
            Quantization::Fp4 => Self::Fp4,
            Quantization::Mxfp4 => Self::Mxfp4,
            Quantization::Nvfp4 => Self::Nvfp4,
            Quantization::Fp6 => Self::Fp6,
            Quantization::Fp8 => Self::Fp8,
            Quantization::Mxfp8 => Self::Mxfp8,
            Quantization::Fp16 => Self::Fp16,
            Quantization::Bf16 => Self::Bf16,
            Quantization::Fp32 => Self::Fp32,
        }
    }
}

/// The quantization a number stands for: `None` for unspecified.
///
/// # Errors
/// [`Refusal::Quantization`] for a number that is not in the list.
pub fn quantization(number: i32) -> Result<Option<Quantization>, Refusal> {
    let quantization = match v1::Quantization::try_from(number) {
        Err(_) => return Err(Refusal::Quantization),
        Ok(v1::Quantization::Unspecified) => return Ok(None),
        Ok(v1::Quantization::Unknown) => Quantization::Unknown,
        Ok(v1::Quantization::Int4) => Quantization::Int4,
        Ok(v1::Quantization::Int8) => Quantization::Int8,
        Ok(v1::Quantization::Fp4) => Quantization::Fp4,
        Ok(v1::Quantization::Mxfp4) => Quantization::Mxfp4,
        Ok(v1::Quantization::Nvfp4) => Quantization::Nvfp4,
        Ok(v1::Quantization::Fp6) => Quantization::Fp6,
        Ok(v1::Quantization::Fp8) => Quantization::Fp8,
        Ok(v1::Quantization::Mxfp8) => Quantization::Mxfp8,
        Ok(v1::Quantization::Fp16) => Quantization::Fp16,
        Ok(v1::Quantization::Bf16) => Quantization::Bf16,
        Ok(v1::Quantization::Fp32) => Quantization::Fp32,
    };
    Ok(Some(quantization))
}

/// The quantization a number stands for, where unspecified means undisclosed.
pub(crate) fn disclosed(number: i32) -> Result<Quantization, DecodeError> {
    let named = quantization(number).map_err(|e| DecodeError::field("quantization", e))?;
    Ok(named.unwrap_or(Quantization::Unknown))
}

impl From<&Definition> for v1::Endpoint {
    fn from(definition: &Definition) -> Self {
        let quantization = definition
            .quantization
            .map_or(v1::Quantization::Unspecified, v1::Quantization::from);
        Self {
            model: definition.model.to_string(),
            provider: definition.provider.to_string(),
            quantization: quantization.into(),
            region: definition
                .region
                .as_ref()
                .map(Region::to_string)
                .unwrap_or_default(),
        }
    }
}

impl TryFrom<&v1::Endpoint> for Definition {
    type Error = Refusal;

    fn try_from(endpoint: &v1::Endpoint) -> Result<Self, Refusal> {
        let region = Some(endpoint.region.as_str()).filter(|region| !region.is_empty());
        Ok(Self {
            model: ModelId::new(&endpoint.model).map_err(|_| Refusal::Model)?,
            provider: ProviderId::new(&endpoint.provider).map_err(|_| Refusal::Provider)?,
            quantization: quantization(endpoint.quantization)?,
            region: region
                .map(Region::new)
                .transpose()
                .map_err(|_| Refusal::Region)?,
        })
    }
}

/// The partition of everything about (model, provider): XXH3-64 of both, modulo the count.
///
/// Fixed for a topic version: another rule would tear a series apart.
pub fn partition_of(model: &ModelId, provider: &ProviderId, partitions: u32) -> u32 {
    let mut hasher = Xxh3::new();
    hasher.update(model.as_str().as_bytes());
    hasher.update(b"\0");
    hasher.update(provider.as_str().as_bytes());
    fold(hasher.digest(), partitions)
}

/// The partition of what is said of an agent: XXH3-64 of its id, modulo the count.
pub fn partition_of_agent(agent: &str, partitions: u32) -> u32 {
    fold(xxh3_64(agent.as_bytes()), partitions)
}

/// A 64-bit hash of a definition as its sender gave it, for content hashes.
pub fn definition_hash(definition: &Definition) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(definition.model.as_str().as_bytes());
    hasher.update(b"\0");
    hasher.update(definition.provider.as_str().as_bytes());
    hasher.update(b"\0");
    hasher.update(&[definition.quantization.map_or(u8::MAX, Quantization::code)]);
    hasher.update(
        definition
            .region
            .as_ref()
            .map_or("", Region::as_str)
            .as_bytes(),
    );
    hasher.digest()
}

fn fold(hash: u64, partitions: u32) -> u32 {
    u32::try_from(hash % u64::from(partitions.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantizations_round_trip() {
        for q in Quantization::ALL {
            assert_eq!(quantization(v1::Quantization::from(q).into()), Ok(Some(q)));
        }
        assert_eq!(quantization(0), Ok(None));
        assert_eq!(quantization(99), Err(Refusal::Quantization));
    }

    #[test]
    fn the_partition_of_a_pair_never_changes() {
        let model = ModelId::new("meta-llama/llama-4-scout").unwrap();
        let provider = ProviderId::new("deepinfra").unwrap();
        assert_eq!(
            partition_of(&model, &provider, 8),
            PARTITION_OF_SCOUT_AT_DEEPINFRA
        );
        assert_eq!(partition_of(&model, &provider, 1), 0);
    }

    /// Computed once; stored data depends on it.
    const PARTITION_OF_SCOUT_AT_DEEPINFRA: u32 = 5;

    #[test]
    fn hostile_names_are_refused_by_field() {
        let endpoint = |model: &str, provider: &str, region: &str| v1::Endpoint {
            model: model.into(),
            provider: provider.into(),
            quantization: 0,
            region: region.into(),
        };
        let refusal = |endpoint: v1::Endpoint| Definition::try_from(&endpoint).unwrap_err();
        assert_eq!(refusal(endpoint("a/b\0", "p", "")), Refusal::Model);
        assert_eq!(refusal(endpoint("a/b", "<script>", "")), Refusal::Provider);
        assert_eq!(refusal(endpoint("a/b", "p", "global")), Refusal::Region);
    }
}
