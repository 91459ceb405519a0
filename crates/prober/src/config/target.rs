//! One endpoint to ask, as it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::SecretSource;
use super::header::HeaderConfig;

/// One endpoint to ask.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// The model, as `author/slug`.
    pub model: String,
    /// The provider's slug.
    pub provider: String,
    /// At which precision; left out, it is the catalog's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Base of the provider's API, as `https://api.example.com/v1`.
    pub url: String,
    /// What the provider calls the model. A chat asks for it, by default for `model`; a list must
    /// have it, if it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What to ask. Default: `chat`.
    #[serde(default)]
    pub kind: Kind,
    /// Milliseconds in which the endpoint is to be seen once. Default: 60,000.
    #[serde(default = "interval_ms")]
    pub interval_ms: u32,
    /// How much earlier or later a request may come, in percent of the interval. Default: 10.
    #[serde(default = "jitter_percent")]
    pub jitter_percent: u32,
    /// Milliseconds that an answer may take, from connecting to its end. Default: 30,000.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u32,
    /// Tokens that a chat asks for at most. Default: 16.
    #[serde(default = "max_tokens")]
    pub max_tokens: u32,
    /// What the provider calls that limit. Default: `max_tokens`.
    #[serde(default)]
    pub limit_name: LimitName,
    /// Requests in a day, by UTC. Default: 3,000.
    #[serde(default = "requests_per_day_max")]
    pub requests_per_day_max: u32,
    /// Tokens in a day, of prompts and answers. Default: 200,000.
    #[serde(default = "tokens_per_day_max")]
    pub tokens_per_day_max: u32,
    /// The key, sent as a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SecretSource>,
    /// Further headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderConfig>,
}

/// What to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A chat completion of a few tokens, streamed.
    #[default]
    Chat,
    /// The list of models, which costs no tokens.
    Models,
}

/// What a provider calls the limit of tokens to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// As most do.
    #[default]
    MaxTokens,
    /// As some do for models that reason.
    MaxCompletionTokens,
}

/// A target as it was given, readable or not: so that what is wrong with one hides nothing of the
/// others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given(pub(super) Result<Box<TargetConfig>, Unreadable>);

/// What was given instead of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) value: Value,
    pub(super) why: Vec<String>,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Chat, Self::Models];

    /// The name used in settings and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Models => "models",
        }
    }
}

impl LimitName {
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

impl From<TargetConfig> for Given {
    fn from(target: TargetConfig) -> Self {
        Self(Ok(Box::new(target)))
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(Self(match read(value.clone()) {
            Ok(target) => Ok(Box::new(target)),
            Err(why) => Err(Unreadable { value, why }),
        }))
    }
}

/// Reads a target, or says all that keeps it from being one. The reader stops at the first; so what
/// it stops at is taken out, until it takes the rest or misses what it needs.
fn read(mut value: Value) -> Result<TargetConfig, Vec<String>> {
    let mut why = Vec::new();
    let fields = value.as_object().map_or(0, Map::len);
    for _ in 0..=fields {
        let error = match serde_path_to_error::deserialize::<_, TargetConfig>(&value) {
            Ok(target) if why.is_empty() => return Ok(target),
            Ok(_) => break,
            Err(error) => error,
        };
        let field = error.path().iter().next().map(ToString::to_string);
        let field = field.filter(|name| value.get(name).is_some());
        let Some(field) = field else {
            // Missing is also what was taken out.
            if why.is_empty() {
                why.push(error.inner().to_string());
            }
            break;
        };
        why.push(format!("{field}: {}", error.inner()));
        if let Some(fields) = value.as_object_mut() {
            fields.remove(&field);
        }
    }
    Err(why)
}

impl Serialize for Given {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Ok(target) => target.serialize(serializer),
            Err(unreadable) => unreadable.value.serialize(serializer),
        }
    }
}

impl JsonSchema for Given {
    fn schema_name() -> Cow<'static, str> {
        TargetConfig::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        TargetConfig::json_schema(generator)
    }
}

const fn interval_ms() -> u32 {
    60_000
}

const fn jitter_percent() -> u32 {
    10
}

const fn timeout_ms() -> u32 {
    30_000
}

const fn max_tokens() -> u32 {
    16
}

const fn requests_per_day_max() -> u32 {
    3_000
}

const fn tokens_per_day_max() -> u32 {
    200_000
}
