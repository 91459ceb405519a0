//! How an attempt ended, as far as its span tells.

use std::collections::BTreeMap;

use sextant_measure::outcome::Outcome;

use crate::attributes::Facts;
use crate::errors::{of_name, plain};

/// How an answer ended that came, gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// By the provider's filter.
    Filtered,
    /// By itself, at a tool call or at its limit.
    Whole,
    /// By an error.
    Error,
}

impl Finish {
    pub(crate) fn of(reason: &str) -> Self {
        match plain(reason).as_str() {
            "error" => Self::Error,
            "contentfilter"
            | "contentfiltered"
            | "filtered"
            | "safety"
            | "recitation"
            | "blocklist"
            | "prohibitedcontent"
            | "spii"
            | "imagesafety"
            | "refusal"
            | "guardrailintervened" => Self::Filtered,
            _ => Self::Whole,
        }
    }

    /// How several answers to one request ended: one that failed fails all, and they are filtered
    /// only if none is left.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Error, _) | (_, Self::Error) => Self::Error,
            (Self::Whole, _) | (_, Self::Whole) => Self::Whole,
            (Self::Filtered, Self::Filtered) => Self::Filtered,
        }
    }
}

/// The outcome; none if it can't be told.
pub(crate) fn outcome(
    facts: &Facts<'_>,
    is_streamed: bool,
    errors: &BTreeMap<String, Outcome>,
) -> Option<Outcome> {
    let status = facts
        .http_status
        .or_else(|| facts.error_type.and_then(code));
    let status = status.filter(|status| (100..=599).contains(status));
    if let Some(named) = facts.error_type.and_then(|name| errors.get(name)) {
        return Some(*named);
    }
    if let Some(status) = status.filter(|status| *status >= 400) {
        let filtered = matches!(status, 400 | 403 | 451)
            && facts.error_type.and_then(of_name) == Some(Outcome::ContentFiltered);
        return Some(if filtered {
            Outcome::ContentFiltered
        } else {
            of_status(status)
        });
    }
    if !facts.has_failed {
        return Some(of_answer(facts, is_streamed));
    }
    let outcome = of_name(facts.error_type?)?;
    let has_begun = facts.first_chunk_us.is_some() || status.is_some();
    Some(if has_begun {
        within_answer(outcome)
    } else {
        outcome
    })
}

/// What an error is that follows the beginning of an answer.
fn within_answer(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::ProviderError | Outcome::TransportError | Outcome::RateLimited => {
            Outcome::StreamError
        }
        outcome => outcome,
    }
}

/// An attempt of which no error is told.
fn of_answer(facts: &Facts<'_>, is_streamed: bool) -> Outcome {
    match facts.finish {
        Some(Finish::Error) => Outcome::StreamError,
        Some(Finish::Filtered) => Outcome::ContentFiltered,
        _ if facts.output_tokens == Some(0) => Outcome::EmptyResponse,
        // A stream that ended in nothing was cut or left alone, which look the same from here.
        None if is_streamed && facts.output_tokens.is_none() => Outcome::ClientCancelled,
        _ => Outcome::Ok,
    }
}

fn of_status(status: u16) -> Outcome {
    match status {
        408 => Outcome::Timeout,
        429 => Outcome::RateLimited,
        451 => Outcome::GeoBlocked,
        401..=404 => Outcome::ProviderRefused,
        400..=499 => Outcome::ClientError,
        _ => Outcome::ProviderError,
    }
}

/// A status that stands in place of a name.
fn code(name: &str) -> Option<u16> {
    let is_code = name.len() == 3 && name.bytes().all(|b| b.is_ascii_digit());
    is_code.then(|| name.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(facts: Facts<'_>, is_streamed: bool) -> Option<Outcome> {
        outcome(&facts, is_streamed, &BTreeMap::new())
    }

    fn failed(error_type: &str) -> Facts<'_> {
        Facts {
            has_failed: true,
            error_type: Some(error_type),
            ..Facts::default()
        }
    }

    #[test]
    fn an_error_is_known_by_whatever_name_it_goes() {
        use Outcome::{
            ClientCancelled, ClientError, ContentFiltered, ProviderError, ProviderRefused,
            RateLimited, Timeout, TransportError,
        };
        for (name, expected) in [
            ("openai.RateLimitError", RateLimited),
            ("RateLimitError", RateLimited),
            ("rate_limit_exceeded", RateLimited),
            ("ThrottlingException", RateLimited),
            ("RESOURCE_EXHAUSTED", RateLimited),
            ("429", RateLimited),
            ("timeout", Timeout),
            ("openai.APITimeoutError", Timeout),
            ("java.net.SocketTimeoutException", Timeout),
            ("DEADLINE_EXCEEDED", Timeout),
            ("408", Timeout),
            ("openai.APIConnectionError", TransportError),
            ("java.net.UnknownHostException", TransportError),
            ("ECONNRESET", TransportError),
            ("System.Net.Sockets.SocketException", TransportError),
            ("openai.InternalServerError", ProviderError),
            ("com.openai.errors.InternalServerException", ProviderError),
            ("server_error", ProviderError),
            ("OverloadedError", ProviderError),
            ("openai.APIError", ProviderError),
            ("500", ProviderError),
            ("529", ProviderError),
            ("openai.AuthenticationError", ProviderRefused),
            ("openai.NotFoundError", ProviderRefused),
            ("401", ProviderRefused),
            ("openai.BadRequestError", ClientError),
            ("context_length_exceeded", ClientError),
            ("422", ClientError),
            ("content_filter", ContentFiltered),
            ("asyncio.exceptions.CancelledError", ClientCancelled),
            ("APIUserAbortError", ClientCancelled),
        ] {
            assert_eq!(told(failed(name), false), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_failure_of_no_known_name_has_no_outcome() {
        for name in [
            "_OTHER",
            "TypeError",
            "",
            "Error",
            "Exception",
            "1000",
            "099",
            "\u{7f}",
        ] {
            assert_eq!(told(failed(name), false), None, "{name}");
        }
        let nameless = Facts {
            has_failed: true,
            ..Facts::default()
        };
        assert_eq!(told(nameless, false), None);
    }

    #[test]
    fn the_operator_knows_better_than_the_list() {
        let errors = BTreeMap::from([
            ("acme.Busy".to_owned(), Outcome::RateLimited),
            ("500".to_owned(), Outcome::Timeout),
        ]);
        for (name, expected) in [
            ("acme.Busy", Outcome::RateLimited),
            ("500", Outcome::Timeout),
        ] {
            assert_eq!(outcome(&failed(name), false, &errors), Some(expected));
        }
    }

    #[test]
    fn a_status_tells_more_than_a_name() {
        let with = |status, name| Facts {
            http_status: Some(status),
            ..failed(name)
        };
        assert_eq!(
            told(with(503, "_OTHER"), false),
            Some(Outcome::ProviderError)
        );
        assert_eq!(
            told(with(429, "openai.APIError"), false),
            Some(Outcome::RateLimited)
        );
        let filtered = with(400, "content_filter");
        assert_eq!(told(filtered, false), Some(Outcome::ContentFiltered));
        // Instrumentations that set neither status nor type of an error.
        let bare = Facts {
            http_status: Some(500),
            ..Facts::default()
        };
        assert_eq!(told(bare, false), Some(Outcome::ProviderError));
    }

    #[test]
    fn an_error_after_the_beginning_of_an_answer_is_the_streams() {
        let begun = |name| Facts {
            first_chunk_us: Some(1),
            ..failed(name)
        };
        for name in [
            "openai.APIError",
            "RemoteProtocolError",
            "rate_limit_exceeded",
        ] {
            assert_eq!(
                told(begun(name), true),
                Some(Outcome::StreamError),
                "{name}"
            );
        }
        assert_eq!(told(begun("ReadTimeout"), true), Some(Outcome::Timeout));
        let answered = Facts {
            http_status: Some(200),
            ..failed("openai.APIError")
        };
        assert_eq!(told(answered, true), Some(Outcome::StreamError));
    }

    #[test]
    fn an_answer_is_judged_by_how_it_finished() {
        let finished = |reasons: &[&str], output_tokens| {
            let finish = reasons.iter().map(|reason| Finish::of(reason));
            let facts = Facts {
                finish: finish.reduce(Finish::and),
                output_tokens,
                ..Facts::default()
            };
            [false, true].map(|is_streamed| told(facts, is_streamed).unwrap())
        };
        for (reasons, expected) in [
            (&["stop"][..], Outcome::Ok),
            (&["tool_calls"], Outcome::Ok),
            (&["length", "content_filter"], Outcome::Ok),
            (&["content_filter", "SAFETY"], Outcome::ContentFiltered),
            (&["stop", "error"], Outcome::StreamError),
        ] {
            assert_eq!(finished(reasons, None), [expected; 2], "{reasons:?}");
        }
        assert_eq!(finished(&["stop"], Some(0)), [Outcome::EmptyResponse; 2]);
        assert_eq!(finished(&[], Some(20)), [Outcome::Ok; 2]);
        let unsaid = [Outcome::Ok, Outcome::ClientCancelled];
        assert_eq!(finished(&[], None), unsaid);
    }
}
