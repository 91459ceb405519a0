//! Keys of the windows log, and of the gates log.
//!
//! A tombstone is nothing but its key, so every key can be read back. The forms:
//!
//! ```text
//! claim
//! progress
//! endpoint/<author>/<slug>/<provider>/<quantization>
//! agent/<name>
//! gate/<quantization>/<author>/<slug>/<operation>
//! ```
//!
//! Names of senders and operations may hold a slash, so they stand last.

use std::fmt;
use std::str::FromStr;

use sextant_measure::id::{AgentId, EndpointId, IdError, ModelId, Operation, ProviderId};
use sextant_measure::quantization::Quantization;

use crate::error::SnapshotError;
use crate::gates::GateKey;

/// What a record of the windows log is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Who owns the partition.
    Claim,
    /// How far its owner is.
    Progress,
    /// An endpoint.
    Endpoint(EndpointId),
    /// A sender.
    Agent(AgentId),
}

impl Key {
    /// Reads the text form back.
    ///
    /// # Errors
    /// [`SnapshotError::Key`] if it isn't one.
    pub fn parse(text: &str) -> Result<Self, SnapshotError> {
        match text.split_once('/') {
            None if text == "claim" => Ok(Self::Claim),
            None if text == "progress" => Ok(Self::Progress),
            Some(("endpoint", rest)) => endpoint(rest).map(Self::Endpoint),
            Some(("agent", rest)) => name(rest).map(Self::Agent),
            _ => Err(SnapshotError::Key("its kind is unknown")),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim => f.write_str("claim"),
            Self::Progress => f.write_str("progress"),
            Self::Endpoint(id) => write!(
                f,
                "endpoint/{}/{}/{}",
                id.model, id.provider, id.quantization
            ),
            Self::Agent(id) => write!(f, "agent/{id}"),
        }
    }
}

impl FromStr for Key {
    type Err = SnapshotError;

    fn from_str(text: &str) -> Result<Self, SnapshotError> {
        Self::parse(text)
    }
}

impl fmt::Display for GateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "gate/{}/{}/{}",
            self.quantization, self.model, self.operation
        )
    }
}

impl FromStr for GateKey {
    type Err = SnapshotError;

    fn from_str(text: &str) -> Result<Self, SnapshotError> {
        let rest = text
            .strip_prefix("gate/")
            .ok_or(SnapshotError::Key("its kind is unknown"))?;
        let (quantization, rest) = rest.split_once('/').ok_or(TOO_SHORT)?;
        let (model, operation) = model_and_rest(rest)?;
        Ok(Self {
            quantization: name(quantization)?,
            model,
            operation: name::<Operation>(operation)?,
        })
    }
}

const TOO_SHORT: SnapshotError = SnapshotError::Key("it has too few parts");

fn endpoint(text: &str) -> Result<EndpointId, SnapshotError> {
    let (model, rest) = model_and_rest(text)?;
    let (provider, quantization) = rest.split_once('/').ok_or(TOO_SHORT)?;
    Ok(EndpointId {
        model,
        provider: name::<ProviderId>(provider)?,
        quantization: name::<Quantization>(quantization)?,
    })
}

/// A model has exactly one slash.
fn model_and_rest(text: &str) -> Result<(ModelId, &str), SnapshotError> {
    let author = text.split_once('/').ok_or(TOO_SHORT)?.0;
    let slug = text.get(author.len() + 1..).and_then(|r| r.split_once('/'));
    let (slug, rest) = slug.ok_or(TOO_SHORT)?;
    let model = text.get(..author.len() + 1 + slug.len()).ok_or(TOO_SHORT)?;
    Ok((name(model)?, rest))
}

fn name<T: FromStr<Err = IdError>>(text: &str) -> Result<T, SnapshotError> {
    text.parse()
        .map_err(|_| SnapshotError::Key("one of its parts isn't an identifier"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint_id() -> EndpointId {
        EndpointId {
            model: ModelId::new("meta-llama/llama-4-scout").unwrap(),
            provider: ProviderId::new("deepinfra").unwrap(),
            quantization: Quantization::Fp8,
        }
    }

    #[test]
    fn every_kind_of_key_reads_back() {
        let agent = |name| Key::Agent(AgentId::new(name).unwrap());
        for (key, text) in [
            (Key::Claim, "claim"),
            (Key::Progress, "progress"),
            (
                Key::Endpoint(endpoint_id()),
                "endpoint/meta-llama/llama-4-scout/deepinfra/fp8",
            ),
            (agent("edge-1"), "agent/edge-1"),
            (agent("agent/claim"), "agent/agent/claim"),
            (agent("/"), "agent//"),
        ] {
            assert_eq!(key.to_string(), text);
            assert_eq!(Key::parse(text), Ok(key));
        }
    }

    #[test]
    fn keys_of_gates_read_back() {
        let key = GateKey {
            operation: Operation::new("summarize/long e-mails").unwrap(),
            model: ModelId::new("a/b").unwrap(),
            quantization: Quantization::Int4,
        };
        let text = "gate/int4/a/b/summarize/long e-mails";
        assert_eq!(key.to_string(), text);
        assert_eq!(text.parse(), Ok(key));
    }

    #[test]
    fn anything_else_is_no_key() {
        for text in [
            "",
            "/",
            "claims",
            "claim/",
            "progress/1",
            "agent",
            "agent/",
            "agent/a\nb",
            "endpoint",
            "endpoint/",
            "endpoint/a",
            "endpoint/a/b",
            "endpoint/a/b/p",
            "endpoint/a/b/p/fp9",
            "endpoint/a/b/P/fp8",
            "endpoint/a/b/c/p/fp8",
            "endpoint/a/b/p/fp8/",
            "endpoint//b/p/fp8",
            "Endpoint/a/b/p/fp8",
        ] {
            let refused = Key::parse(text).unwrap_err();
            assert!(matches!(refused, SnapshotError::Key(_)), "{text:?}");
        }
        for text in ["", "gate/", "gate/fp8/a/b", "gate/fp8/a/b/", "gate/x/a/b/o"] {
            assert!(text.parse::<GateKey>().is_err(), "{text:?}");
        }
    }
}
