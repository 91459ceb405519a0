//! One endpoint to ask, ready to be asked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use sextant_measure::id::{ModelId, ProviderId, Region};
use sextant_measure::observation::Definition;
use sextant_measure::quantization::Quantization;
use sextant_outbound::Place;

use crate::config::{Kind, LimitName};
use crate::schedule::{Limits, Pace};

/// What is asked of a model. It is the same for all, and nobody's words.
const PROMPT: &str = "Say ok.";
/// More than the prompt takes in any tokenizer, with what templates put around it.
const PROMPT_TOKENS_MAX: u64 = 64;

/// One endpoint to ask, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) place: Place,
    /// With the key.
    pub(crate) headers: HeaderMap,
    pub(crate) question: Question,
    pub(crate) timeout: Duration,
    pub(crate) pace: Pace,
    pub(crate) limits: Limits,
}

/// Which endpoint, as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The model.
    pub model: ModelId,
    /// Who serves it.
    pub provider: ProviderId,
    /// At which precision; none if that is left to the catalog.
    pub quantization: Option<Quantization>,
}

/// What is asked of it.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    /// A chat completion.
    Chat { body: Bytes, tokens_max: u64 },
    /// The list of models, which must have this one, if it is given.
    Models { name: Option<Arc<str>> },
}

impl Target {
    /// How long a day's budget lasts one that asks alone, if every request takes all that it may.
    pub(crate) fn hours_of_budget(&self) -> u64 {
        let by_tokens = self.limits.tokens.checked_div(self.question.tokens_max());
        let requests = by_tokens.map_or(self.limits.requests, |it| it.min(self.limits.requests));
        let interval_ms = u64::try_from(self.pace.interval.as_millis()).unwrap_or(u64::MAX);
        requests.saturating_mul(interval_ms) / 3_600_000
    }
}

impl Endpoint {
    pub(crate) fn definition(&self, region: Option<&Region>) -> Definition {
        Definition {
            model: self.model.clone(),
            provider: self.provider.clone(),
            quantization: self.quantization,
            region: region.cloned(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.model, self.provider)?;
        match self.quantization {
            Some(quantization) => write!(f, "/{quantization}"),
            None => Ok(()),
        }
    }
}

impl Question {
    pub(crate) fn chat(name: &str, limit: LimitName, max_tokens: u32) -> Self {
        let mut body = serde_json::json!({
            "model": name,
            "messages": [{"role": "user", "content": PROMPT}],
            "stream": true,
        });
        if let Some(fields) = body.as_object_mut() {
            fields.insert(limit.field().to_owned(), max_tokens.into());
        }
        Self::Chat {
            body: body.to_string().into(),
            tokens_max: Self::chat_tokens(max_tokens),
        }
    }

    /// The tokens that a chat may take.
    pub(crate) const fn chat_tokens(max_tokens: u32) -> u64 {
        PROMPT_TOKENS_MAX + max_tokens as u64
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Chat { .. } => Kind::Chat,
            Self::Models { .. } => Kind::Models,
        }
    }

    /// The tokens that it may take.
    pub(crate) fn tokens_max(&self) -> u64 {
        match self {
            Self::Chat { tokens_max, .. } => *tokens_max,
            Self::Models { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_lasts_as_long_as_the_scarcer_of_its_parts() {
        let target = |question, interval_ms, requests, tokens| Target {
            endpoint: Endpoint {
                model: "a/b".parse().unwrap(),
                provider: "p".parse().unwrap(),
                quantization: None,
            },
            place: Place::parse("https://h/v1").unwrap(),
            headers: HeaderMap::new(),
            question,
            timeout: Duration::from_secs(30),
            pace: Pace::new(interval_ms, 10),
            limits: Limits { requests, tokens },
        };
        let chat = || Question::chat("b", LimitName::MaxTokens, 16);
        let list = Question::Models { name: None };
        for (target, hours) in [
            (target(chat(), 60_000, 3_000, 200_000), 41),
            (target(chat(), 10_000, 3_000, 200_000), 6),
            (target(chat(), 60_000, 1_000, 200_000), 16),
            (target(list, 60_000, 3_000, 0), 50),
        ] {
            assert_eq!(target.hours_of_budget(), hours);
        }
    }
}
