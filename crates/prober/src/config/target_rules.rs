//! What must hold of one target.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use sextant_outbound::secret::ADVICE as SECRET_ADVICE;
use sextant_outbound::{Place, shown};

use super::header::HeaderConfig;
use super::rules::Rules;
use super::target::{Kind, TargetConfig};
use crate::schedule::{GAP_MAX, Limits, Pace};
use crate::target::{Endpoint, Question, Target};

const HEADERS_MAX: usize = 32;
/// Below it a slip of the pen is a storm on a key that costs money.
const INTERVAL_MS_MIN: u32 = 1_000;
/// What runs on the same host may be asked faster.
const LOOPBACK_INTERVAL_MS_MIN: u32 = 10;
const JITTER_PERCENT_MAX: u32 = 50;
const TOKENS_MAX: u32 = 4_096;
/// Headers that say how a message is carried, which is not for a configuration to say.
const CARRYING: [&str; 9] = [
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];
/// What names of headers have in them that hold secrets, whose values don't stand in a configuration.
const SECRET: [&str; 6] = ["auth", "cookie", "key", "password", "secret", "token"];

/// What clients append themselves, and people copy along.
const ENDINGS: [&str; 2] = ["/chat/completions", "/models"];

/// The rules of one target.
pub(super) struct TargetRules<'r, 's> {
    /// Which, for people.
    pub(super) label: String,
    pub(super) rules: &'r mut Rules<'s>,
}

impl TargetRules<'_, '_> {
    /// The target, unless something is wrong with it.
    pub(super) fn target(&mut self, config: &TargetConfig) -> Option<Target> {
        let before = self.rules.wrong.len();
        let endpoint = self.endpoint(config);
        let place = self.place(config);
        let headers = self.headers(config);
        self.pace(config, place.as_ref());
        self.limits(config);
        let question = self.question(config);
        if self.rules.wrong.len() > before {
            return None;
        }
        Some(Target {
            endpoint: endpoint?,
            place: place?,
            headers,
            question: question?,
            timeout: Duration::from_millis(config.timeout_ms.into()),
            pace: Pace::new(config.interval_ms, config.jitter_percent),
            limits: Limits {
                requests: config.requests_per_day_max.into(),
                tokens: config.tokens_per_day_max.into(),
            },
        })
    }

    fn endpoint(&mut self, config: &TargetConfig) -> Option<Endpoint> {
        let model = self.parsed("model", &config.model);
        let provider = self.parsed("provider", &config.provider);
        let quantization = match &config.quantization {
            Some(name) => Some(self.parsed("quantization", name)?),
            None => None,
        };
        Some(Endpoint {
            model: model?,
            provider: provider?,
            quantization,
        })
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        let read = text.parse::<T>();
        read.map_err(|error| self.push(format!("{field}: {error}"), "correct it"))
            .ok()
    }

    fn place(&mut self, config: &TargetConfig) -> Option<Place> {
        let advice = "give the base of the API, as https://api.example.com/v1";
        let read = api(&config.url);
        let place = read
            .map_err(|why| self.push(format!("url: {:?}: {why}", shown(&config.url)), advice))
            .ok()?;
        let mut secret = config.headers.values();
        let has_secret =
            config.key.is_some() || secret.any(|header| matches!(header, HeaderConfig::Secret(_)));
        if has_secret && !place.is_tls && !place.is_loopback() {
            let what = "url: the key would go out for anyone to read".to_owned();
            self.push(what, "take https, or leave the key out");
        }
        Some(place)
    }

    fn headers(&mut self, config: &TargetConfig) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(source) = &config.key {
            match source.header(self.rules.secrets, "Bearer ") {
                Ok(value) => _ = headers.insert(AUTHORIZATION, value),
                Err(what) => self.push(format!("key: {what}"), SECRET_ADVICE),
            }
        }
        if config.headers.len() > HEADERS_MAX {
            let what = format!("headers: {} are too many", config.headers.len());
            self.push(what, "give at most 32");
            return headers;
        }
        for (name, given) in &config.headers {
            match self.header(name, given, &headers) {
                Ok((name, value)) => _ = headers.insert(name, value),
                Err((what, advice)) => self.push(format!("headers: {name:?} {what}"), advice),
            }
        }
        headers
    }

    fn header(
        &self,
        name: &str,
        given: &HeaderConfig,
        others: &HeaderMap,
    ) -> Result<(HeaderName, HeaderValue), (String, &'static str)> {
        let wrong = |what: &str, advice| (what.to_owned(), advice);
        let read = HeaderName::from_bytes(name.as_bytes());
        let name = read.map_err(|_| wrong("cannot be the name of a header", "correct it"))?;
        if CARRYING.contains(&name.as_str()) {
            return Err(wrong("says how a message is carried", "leave it out"));
        }
        if others.contains_key(&name) {
            return Err(wrong("is given twice", "give it once; a key is one, too"));
        }
        let value = match given {
            HeaderConfig::Text(_) if SECRET.iter().any(|word| name.as_str().contains(word)) => {
                let advice = "give it as { file = \"…\" } or { env = \"…\" }";
                return Err(wrong(
                    "may hold a secret, which must not stand here",
                    advice,
                ));
            }
            HeaderConfig::Text(text) => HeaderValue::from_str(text)
                .map_err(|_| wrong("has a value that no header can have", "correct it"))?,
            HeaderConfig::Secret(source) => source
                .header(self.rules.secrets, "")
                .map_err(|what| (what, SECRET_ADVICE))?,
        };
        Ok((name, value))
    }

    /// Seldom observed, an endpoint would stay without a status.
    fn pace(&mut self, config: &TargetConfig, place: Option<&Place>) {
        let jitter = config.jitter_percent;
        if jitter > JITTER_PERCENT_MAX {
            let what = format!("jitter_percent: {jitter} is out of range");
            return self.push(what, "give at most 50");
        }
        let longest = u64::from(config.interval_ms) * u64::from(100 + jitter) / 100;
        if Duration::from_millis(longest) > GAP_MAX {
            let what = format!(
                "interval_ms: {} with {jitter} % of jitter gives fewer than 20 observations in 30 \
                 minutes, and the status stays unknown",
                config.interval_ms
            );
            self.push(
                what,
                "give an interval that is with its jitter at most 89500",
            );
        }
        let (least, advice) = match place {
            Some(place) if place.is_loopback() => (LOOPBACK_INTERVAL_MS_MIN, "give at least 10"),
            _ => (INTERVAL_MS_MIN, "give at least 1000"),
        };
        if config.interval_ms < least {
            let what = format!("interval_ms: {} is out of range", config.interval_ms);
            self.push(what, advice);
        }
        let timeout = Duration::from_millis(config.timeout_ms.into());
        if timeout.is_zero() || timeout > GAP_MAX {
            let what = format!("timeout_ms: {} is out of range", config.timeout_ms);
            self.push(what, "give 1 to 89500");
        }
    }

    fn limits(&mut self, config: &TargetConfig) {
        if config.requests_per_day_max == 0 {
            let what = "requests_per_day_max: 0 asks for nothing".to_owned();
            self.push(what, "give at least 1, or take the target out");
        }
        if !(1..=TOKENS_MAX).contains(&config.max_tokens) {
            let what = format!("max_tokens: {} is out of range", config.max_tokens);
            self.push(what, "give 1 to 4096");
        }
        let needed = Question::chat_tokens(config.max_tokens);
        if config.kind == Kind::Chat && u64::from(config.tokens_per_day_max) < needed {
            let what = format!(
                "tokens_per_day_max: {} is less than one request may take",
                config.tokens_per_day_max
            );
            self.push(what, "give more, or ask for the list of models");
        }
    }

    fn question(&mut self, config: &TargetConfig) -> Option<Question> {
        let name = config.name.as_deref();
        if name.is_some_and(|name| name.is_empty() || name.len() > 256) {
            let what = "name: it has no bytes, or more than 256".to_owned();
            self.push(what, "give what the provider calls the model");
            return None;
        }
        Some(match config.kind {
            Kind::Chat => Question::chat(
                name.unwrap_or(&config.model),
                config.limit_name,
                config.max_tokens,
            ),
            Kind::Models => Question::Models {
                name: name.map(Into::into),
            },
        })
    }

    pub(super) fn push(&mut self, what: impl Display, advice: &'static str) {
        let what = format!("{}: {what}", self.label);
        self.rules.push("targets", what, advice);
    }
}

/// Where an API is.
fn api(url: &str) -> Result<Place, &'static str> {
    let mut place = Place::parse(url)?;
    for ending in ENDINGS {
        if let Some(base) = place.path.strip_suffix(ending) {
            place.path = base.to_owned();
        }
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_api_is_read_as_people_copy_it() {
        for (url, path) in [
            ("https://h/v1", "/v1"),
            ("https://h/v1/chat/completions", "/v1"),
            ("https://h/openai/v1/models", "/openai/v1"),
            ("https://h/models/", ""),
        ] {
            assert_eq!(api(url).unwrap().path, path, "{url}");
        }
    }
}
