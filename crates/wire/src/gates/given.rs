//! What callers rule, before anyone has looked at it, and what they are told.

use bytes::Bytes;
use prost::Message;
use serde::{Deserialize, Serialize};
use sextant_snapshot::gates::{Gate, Ruling, Verdict};

use crate::json::rfc3339;
use crate::{DecodeError, v1};

/// What a ruling that was taken back is called.
const NONE: &str = "none";

/// A ruling as a caller gives it. What is absent is empty; nothing in it is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Given {
    /// The caller's named task.
    pub operation: String,
    /// The model.
    pub model: String,
    /// The precision.
    pub quantization: String,
    /// `green`, `red` or `none`.
    pub verdict: String,
    /// Who says so; empty for whoever calls.
    pub author: String,
}

/// What a call of `PutGates` gives.
pub fn put_request(message: Bytes) -> Result<Vec<Given>, DecodeError> {
    let request = v1::PutGatesRequest::decode(message)?;
    Ok(request.gates.into_iter().map(Given::from).collect())
}

/// What it is answered.
pub fn put_response(rulings: &[Ruling]) -> Vec<u8> {
    let gates = rulings.iter().map(Into::into).collect();
    v1::PutGatesResponse { gates }.encode_to_vec()
}

/// The model and the operation that a call of `ListGates` asks for; empty for all.
pub fn list_request(message: Bytes) -> Result<(String, String), DecodeError> {
    let request = v1::ListGatesRequest::decode(message)?;
    Ok((request.model, request.operation))
}

/// What it is answered.
pub fn list_response<'g>(gates: impl Iterator<Item = &'g Gate>) -> Vec<u8> {
    let gates = gates.map(|gate| gate.ruling().into()).collect();
    v1::ListGatesResponse { gates }.encode_to_vec()
}

impl From<v1::GateRuling> for Given {
    fn from(message: v1::GateRuling) -> Self {
        // A number that stands for nothing is told as it is, to be refused with the others.
        let quantization = match crate::definition::quantization(message.quantization) {
            Ok(named) => named.map_or_else(String::new, |it| it.name().to_owned()),
            Err(_) => message.quantization.to_string(),
        };
        let verdict = match v1::Verdict::try_from(message.verdict) {
            Ok(v1::Verdict::Green) => Verdict::Green.name().to_owned(),
            Ok(v1::Verdict::Red) => Verdict::Red.name().to_owned(),
            Ok(v1::Verdict::None) => NONE.to_owned(),
            Ok(v1::Verdict::Unspecified) => String::new(),
            Err(_) => message.verdict.to_string(),
        };
        Self {
            operation: message.operation,
            model: message.model,
            quantization,
            verdict,
            author: message.author,
        }
    }
}

impl Given {
    /// The verdict it names; nothing for one that is taken back.
    ///
    /// # Errors
    /// Says so if it names neither.
    pub fn verdict(&self) -> Result<Option<Verdict>, &'static str> {
        if self.verdict == NONE {
            return Ok(None);
        }
        let verdict = Verdict::parse(&self.verdict).ok_or("neither green, red nor none")?;
        Ok(Some(verdict))
    }
}

/// A ruling as JSON.
#[derive(Debug, Serialize)]
pub struct RulingJson<'r> {
    operation: &'r str,
    model: &'r str,
    quantization: &'static str,
    verdict: &'static str,
    author: &'r str,
    since: String,
}

impl<'r> From<&'r Ruling> for RulingJson<'r> {
    fn from(ruling: &'r Ruling) -> Self {
        Self {
            operation: ruling.key().operation.as_str(),
            model: ruling.key().model.as_str(),
            quantization: ruling.key().quantization.name(),
            verdict: ruling.verdict().map_or(NONE, Verdict::name),
            author: ruling.author(),
            since: rfc3339(ruling.since()),
        }
    }
}

impl From<&Ruling> for v1::GateRuling {
    fn from(ruling: &Ruling) -> Self {
        let verdict = ruling.verdict().map_or(v1::Verdict::None, Into::into);
        Self {
            operation: ruling.key().operation.to_string(),
            model: ruling.key().model.to_string(),
            quantization: v1::Quantization::from(ruling.key().quantization).into(),
            verdict: verdict.into(),
            author: ruling.author().to_owned(),
            since_us: ruling.since().as_micros(),
        }
    }
}
