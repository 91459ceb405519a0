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
    /// None for a word that says that nobody knows.
    pub(crate) fn of(reason: &str) -> Option<Self> {
        Some(match plain(reason).as_str() {
            "unknown" | "none" | "null" | "unspecified" | "finishreasonunspecified" => return None,
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
        })
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
    let said = facts.error_code.or(facts.error_type.and_then(code));
    let status = facts.http_status.or(said);
    let status = status.filter(|status| (100..=599).contains(status));
    let refusal = status.filter(|status| *status >= 400);
    // What goes wrong after the provider has said how its answer ended is no longer its fault: the
    // stream was left there, or the application failed with it open.
    if facts.has_failed && refusal.is_none() && facts.have_all_finished {
        match facts.finish {
            // Its usage would have come later, so that no tokens mean nothing.
            Some(Finish::Whole) => return Some(Outcome::Ok),
            Some(Finish::Filtered) => return Some(Outcome::ContentFiltered),
            Some(Finish::Error) | None => {}
        }
    }
    let named = facts.error_type.and_then(|name| errors.get(name).copied());
    let coded = || errors.get(&facts.error_code?.to_string()).copied();
    if let Some(named) = named.or_else(coded) {
        return Some(named);
    }
    if let Some(status) = refusal {
        return Some(of_refusal(status, facts.error_type.and_then(of_name)));
    }
    if !facts.has_failed {
        return Some(of_answer(facts, is_streamed));
    }
    let outcome = of_name(facts.error_type?)?;
    let has_begun = facts.first_chunk_us.is_some() || status.is_some();
    if has_begun {
        return within_answer(outcome);
    }
    Some(outcome)
}

/// What a status of an error is, beside what its name is: those that stand for many things tell
/// less than a name.
fn of_refusal(status: u16, named: Option<Outcome>) -> Outcome {
    match (status, named) {
        (400 | 403 | 451, Some(Outcome::ContentFiltered)) => Outcome::ContentFiltered,
        (403, Some(Outcome::GeoBlocked)) => Outcome::GeoBlocked,
        _ => of_status(status),
    }
}

/// What an error is that follows the beginning of an answer. Who has begun to answer has not
/// refused to, so that a name for it is some other one's.
fn within_answer(outcome: Outcome) -> Option<Outcome> {
    match outcome {
        Outcome::ProviderError | Outcome::TransportError | Outcome::RateLimited => {
            Some(Outcome::StreamError)
        }
        Outcome::ProviderRefused => None,
        outcome => Some(outcome),
    }
}

/// An attempt of which no error is told.
fn of_answer(facts: &Facts<'_>, is_streamed: bool) -> Outcome {
    match facts.finish {
        Some(Finish::Error) => Outcome::StreamError,
        Some(Finish::Filtered) => Outcome::ContentFiltered,
        // A stream that ended in nothing was cut or left alone, which look the same from here. Some
        // count its tokens from nought.
        None if is_streamed && facts.output_tokens.unwrap_or(0) == 0 => Outcome::ClientCancelled,
        _ if facts.output_tokens == Some(0) => Outcome::EmptyResponse,
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
mod tests;
