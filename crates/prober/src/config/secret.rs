//! Where secrets are kept. A configuration never holds one itself.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const WANTED: &str =
    "a secret must not stand here; say where it is kept, as { file = \"…\" } or { env = \"…\" }";

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// In a file, which holds nothing else.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum HeaderConfig {
    /// This text, which is no secret.
    Text(String),
    /// A secret.
    Secret(SecretSource),
}

impl SecretSource {
    /// What is given in its place is often the secret itself, so no reason repeats it.
    fn read<E: Error>(value: Value) -> Result<Self, E> {
        let Value::Object(fields) = value else {
            return Err(E::custom(WANTED));
        };
        let mut fields = fields.into_iter();
        match (fields.next(), fields.next()) {
            (Some((kind, Value::String(place))), None) if kind == "file" => {
                Ok(Self::File(place.into()))
            }
            (Some((kind, Value::String(name))), None) if kind == "env" => Ok(Self::Env(name)),
            _ => Err(E::custom(WANTED)),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Value::deserialize(deserializer)?)
    }
}

impl<'de> Deserialize<'de> for HeaderConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            value => SecretSource::read(value).map(Self::Secret),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not every name or path is one: a secret may have been put there.
        let is_usual = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        match self {
            Self::File(path) if path.is_absolute() || path.starts_with(".") => {
                write!(f, "the file {}", path.display())
            }
            Self::File(_) => f.write_str("the file that `file` names"),
            Self::Env(name) if name.chars().all(is_usual) => {
                write!(f, "the environment variable {name}")
            }
            Self::Env(_) => f.write_str("the environment variable that `env` names"),
        }
    }
}
