//! What the operator says of spans, and the limits.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sextant_measure::id::{ModelId, ProviderId};
use sextant_measure::outcome::Outcome;

/// What spans' words stand for, and how much is taken at once. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `author/slug` of models, by what spans call them. Default: none.
    #[serde(deserialize_with = "read_models", serialize_with = "write")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub models: BTreeMap<String, ModelId>,
    /// Slugs of providers, by what spans call them or by the server's address. Default: none.
    #[serde(deserialize_with = "read_providers", serialize_with = "write")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub providers: BTreeMap<String, ProviderId>,
    /// Outcomes of failures, by `error.type`. Default: none.
    #[serde(deserialize_with = "read_errors", serialize_with = "write_errors")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub errors: BTreeMap<String, Outcome>,

    /// Spans in a request, those of other things too. Default: 10,000.
    pub spans_max: NonZeroU32,
    /// Bytes of a request, once it is unpacked. Default: 4 MiB.
    pub message_bytes_max: NonZeroU32,
    /// How long a request may take to arrive. Default: 30,000.
    pub body_wait_ms_max: NonZeroU32,
    /// When to send again while nothing is taken. Default: 1,000.
    pub unavailable_retry_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            models: BTreeMap::new(),
            providers: BTreeMap::new(),
            errors: BTreeMap::new(),
            spans_max: count(10_000),
            message_bytes_max: count(4 << 20),
            body_wait_ms_max: count(30_000),
            unavailable_retry_ms: 1_000,
        }
    }
}

impl Config {
    pub(crate) fn body_wait_max(&self) -> Duration {
        Duration::from_millis(self.body_wait_ms_max.get().into())
    }

    pub(crate) fn unavailable_retry(&self) -> Duration {
        Duration::from_millis(self.unavailable_retry_ms.into())
    }

    pub(crate) fn bytes_max(&self) -> usize {
        length(self.message_bytes_max)
    }
}

/// A limit as it is used for lengths.
pub(crate) fn length(limit: NonZeroU32) -> usize {
    usize::try_from(limit.get()).unwrap_or(usize::MAX)
}

const fn count(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

fn read_models<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, ModelId>, D::Error> {
    read(deserializer, |text| {
        ModelId::new(text).map_err(|error| error.to_string())
    })
}

fn read_providers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, ProviderId>, D::Error> {
    read(deserializer, |text| {
        ProviderId::new(text).map_err(|error| error.to_string())
    })
}

fn read_errors<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Outcome>, D::Error> {
    read(deserializer, |text| {
        let outcome = text.parse();
        outcome.map_err(|_| format!("{text:?} is no outcome, such as timeout or client_error"))
    })
}

fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    value: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeMap<String, T>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
    let pairs = texts.into_iter().map(|(key, text)| {
        let value = value(&text).map_err(|what| D::Error::custom(format!("{key:?}: {what}")))?;
        Ok((key, value))
    });
    pairs.collect()
}

fn write<S: Serializer, T: ToString>(
    map: &BTreeMap<String, T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().map(|(key, value)| (key, value.to_string())))
}

fn write_errors<S: Serializer>(
    map: &BTreeMap<String, Outcome>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().map(|(key, outcome)| (key, outcome.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        models = { "gpt-4o" = "openai/gpt-4o" }
        providers = { "llm.example.com" = "example" }
        errors = { "QuotaError" = "rate_limited" }
    "#;

    #[test]
    fn an_empty_text_is_the_default() {
        assert_eq!(toml::from_str::<Config>(""), Ok(Config::default()));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let config: Config = toml::from_str(TEXT).unwrap();
        assert_eq!(config.models["gpt-4o"].as_str(), "openai/gpt-4o");
        assert_eq!(config.errors["QuotaError"], Outcome::RateLimited);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text), Ok(config));
    }

    #[test]
    fn a_name_that_can_be_none_is_refused_by_its_key() {
        for (text, named) in [
            ("models = { 'gpt-4o' = 'gpt-4o' }", "gpt-4o"),
            ("providers = { 'Acme' = 'Acme Inc' }", "Acme"),
            ("errors = { 'Oops' = 'bad' }", "Oops"),
            ("spans_max = 0", "spans_max"),
        ] {
            let error = toml::from_str::<Config>(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
