//! What a header says.

use schemars::JsonSchema;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sextant_outbound::SecretSource;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum HeaderConfig {
    /// This text, which is no secret.
    Text(String),
    /// A secret.
    Secret(SecretSource),
}

impl<'de> Deserialize<'de> for HeaderConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            value => match SecretSource::deserialize(value) {
                Ok(source) => Ok(Self::Secret(source)),
                Err(error) => Err(D::Error::custom(error)),
            },
        }
    }
}
