//! Where secrets are kept. A configuration never holds one itself.

use std::fmt;
use std::path::PathBuf;

use http::header::HeaderValue;
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What to do about a secret that can't be used.
pub const ADVICE: &str = "name a file or a variable that holds the secret and nothing else";

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

/// Gives what is kept in a place, or says why not, as people read it behind the place's name.
pub type Secrets<'s> = dyn Fn(&SecretSource) -> Result<SecretString, String> + 's;

impl SecretSource {
    /// The secret, without the line's end that most files have.
    ///
    /// # Errors
    /// Why there is none, without what there is.
    pub fn text(&self, secrets: &Secrets<'_>) -> Result<SecretString, String> {
        let secret = secrets(self).map_err(|why| format!("{self} {why}"))?;
        let text = secret.expose_secret().trim();
        if text.is_empty() {
            return Err(format!("{self} is empty"));
        }
        Ok(text.into())
    }

    /// A header that holds the secret behind `before`.
    ///
    /// # Errors
    /// Why there is none, without what there is.
    pub fn header(&self, secrets: &Secrets<'_>, before: &str) -> Result<HeaderValue, String> {
        let secret = self.text(secrets)?;
        let value = HeaderValue::from_str(&format!("{before}{}", secret.expose_secret()));
        let mut value = value.map_err(|_| format!("{self} holds what no header can have"))?;
        value.set_sensitive(true);
        Ok(value)
    }

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
