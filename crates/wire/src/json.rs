//! Observations as JSON: an array, or one object a line.

mod object;

use std::fmt;

use jiff::Timestamp as Rfc3339;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Number, Value, json};
use sextant_measure::id::{ModelId, Operation, ProviderId, Region, RequestId};
use sextant_measure::observation::{DURATION_US_MAX, Definition, Measurement, Observation, Tier};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::refusal::Refusal;
use sextant_measure::time::Timestamp;

use self::object::{Object, Scalar};

/// What a body held.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Each observation in its order, or why it is refused.
    pub observations: Vec<Result<Observation, Refusal>>,
    /// Fields that this version does not know; they were ignored.
    pub unknown_fields: u64,
}

/// Why a body is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It begins like an array and is none.
    #[error("not a JSON array of observations: {0}")]
    Array(#[from] serde_json::Error),
    /// Not text.
    #[error("not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// More observations than are taken at once.
    #[error("more than {0} observations; send smaller batches")]
    TooMany(usize),
}

/// Reads a JSON array or newline-delimited JSON of at most `max` observations. What it makes of a
/// body is bounded by `max`, what it needs meanwhile by a few times the longest observation.
pub fn parse(body: &[u8], max: usize) -> Result<Parsed, BodyError> {
    let text =
        std::str::from_utf8(body).map_err(|error| BodyError::NotUtf8(error.valid_up_to()))?;
    let mut parsed = Parsed::default();
    if text.trim_start().starts_with('[') {
        parsed.read_array(text, max)?;
    } else {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if parsed.observations.len() == max {
                return Err(BodyError::TooMany(max));
            }
            parsed.push(line);
        }
    }
    Ok(parsed)
}

/// One observation as a JSON object.
pub fn to_json(observation: &Observation) -> Value {
    let (d, m) = (&observation.definition, &observation.measurement);
    let mut object = json!({
        "model": d.model.as_str(),
        "provider": d.provider.as_str(),
        "completed_at": rfc3339(m.completed_at),
        "outcome": m.outcome.name(),
        "attempt": m.attempt,
        "final": m.is_final,
        "streamed": m.streamed,
        "source": m.source.name(),
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
            object.insert(name.to_owned(), value);
        }
    };
    set("quantization", d.quantization.map(|q| q.name().into()));
    set(
        "region",
        d.region.as_ref().map(|region| region.as_str().into()),
    );
    set(
        "request_id",
        observation.request_id.as_ref().map(|id| id.as_str().into()),
    );
    set("status_code", m.status_code.map(Into::into));
    set("ttft_ms", m.ttft_us.map(milliseconds));
    set("duration_ms", m.duration_us.map(milliseconds));
    set("input_tokens", m.input_tokens.map(Into::into));
    set("output_tokens", m.output_tokens.map(Into::into));
    set("tier", observation.tier.map(|tier| tier.name().into()));
    set(
        "operation",
        observation.operation.as_ref().map(|o| o.as_str().into()),
    );
    object
}

/// A moment as RFC 3339 in UTC.
pub fn rfc3339(at: Timestamp) -> String {
    Rfc3339::from_microsecond(at.as_micros())
        .map(|at| at.to_string())
        .unwrap_or_default()
}

/// The items of an array, each read by itself; past the most that are taken it is read no further.
struct Items<'p> {
    parsed: &'p mut Parsed,
    max: usize,
    are_too_many: &'p mut bool,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {} observations", self.max)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&RawValue>()? {
            if self.parsed.observations.len() == self.max {
                *self.are_too_many = true;
                return Err(A::Error::custom("too many observations"));
            }
            self.parsed.push(item.get());
        }
        Ok(())
    }
}

impl Parsed {
    fn read_array(&mut self, text: &str, max: usize) -> Result<(), BodyError> {
        let mut are_too_many = false;
        let items = Items {
            parsed: self,
            max,
            are_too_many: &mut are_too_many,
        };
        let mut array = serde_json::Deserializer::from_str(text);
        let read = items.deserialize(&mut array).and_then(|()| array.end());
        if are_too_many {
            return Err(BodyError::TooMany(max));
        }
        Ok(read?)
    }

    fn push(&mut self, text: &str) {
        let object = serde_json::from_str::<Object<'_>>(text).map_err(|_| Refusal::Malformed);
        let observation = object.and_then(|object| {
            self.unknown_fields += object.unknown_fields;
            object.observation()
        });
        self.observations.push(observation);
    }
}

impl Object<'_> {
    fn observation(self) -> Result<Observation, Refusal> {
        let definition = Definition {
            model: required(self.model, ModelId::new, Refusal::Model)?,
            provider: required(self.provider, ProviderId::new, Refusal::Provider)?,
            quantization: text(self.quantization, str::parse, Refusal::Quantization)?,
            region: text(self.region, Region::new, Refusal::Region)?,
        };
        let measurement = Measurement {
            completed_at: required(self.completed_at, moment, Refusal::CompletedAt)?,
            outcome: required(self.outcome, str::parse::<Outcome>, Refusal::Outcome)?,
            source: text(self.source, str::parse::<Source>, Refusal::Source)?.unwrap_or_default(),
            streamed: flag(self.streamed)?,
            ttft_us: micros(self.ttft_ms)?,
            duration_us: micros(self.duration_ms)?,
            input_tokens: whole(self.input_tokens, Refusal::Tokens)?,
            output_tokens: whole(self.output_tokens, Refusal::Tokens)?,
            status_code: whole(self.status_code, Refusal::StatusCode)?,
            attempt: whole(self.attempt, Refusal::Attempt)?.unwrap_or(1),
            is_final: flag(self.is_final)?,
        };
        measurement.check()?;
        Ok(Observation {
            definition,
            measurement,
            request_id: text(self.request_id, RequestId::new, Refusal::RequestId)?,
            tier: text(self.tier, str::parse::<Tier>, Refusal::Tier)?,
            operation: text(self.operation, Operation::new, Refusal::Operation)?,
        })
    }
}

fn required<T, E>(
    value: Option<Scalar<'_>>,
    parse: impl FnOnce(&str) -> Result<T, E>,
    refusal: Refusal,
) -> Result<T, Refusal> {
    text(value, parse, refusal)?.ok_or(Refusal::FieldMissing)
}

fn text<T, E>(
    value: Option<Scalar<'_>>,
    parse: impl FnOnce(&str) -> Result<T, E>,
    refusal: Refusal,
) -> Result<Option<T>, Refusal> {
    match value {
        None => Ok(None),
        Some(Scalar::Text(text)) => parse(&text).map(Some).map_err(|_| refusal),
        Some(_) => Err(refusal),
    }
}

fn moment(text: &str) -> Result<Timestamp, jiff::Error> {
    text.parse::<Rfc3339>()
        .map(|at| Timestamp::from_micros(at.as_microsecond()))
}

fn flag(value: Option<Scalar<'_>>) -> Result<bool, Refusal> {
    value.map_or(Ok(true), |value| value.flag().ok_or(Refusal::Flag))
}

fn whole<T: TryFrom<u64>>(
    value: Option<Scalar<'_>>,
    refusal: Refusal,
) -> Result<Option<T>, Refusal> {
    let narrow = |value: Scalar<'_>| value.whole().and_then(|n| T::try_from(n).ok());
    value.map(|value| narrow(value).ok_or(refusal)).transpose()
}

fn micros(value: Option<Scalar<'_>>) -> Result<Option<u64>, Refusal> {
    let us = value.map(|ms| ms.thousandfold().ok_or(Refusal::Milliseconds));
    // Past the longest that is taken all are alike.
    Ok(us.transpose()?.map(|us| us.min(DURATION_US_MAX + 1)))
}

/// Whole microseconds as milliseconds, without a fraction where there is none.
#[expect(
    clippy::cast_precision_loss,
    reason = "at most one day, far below 2^52 microseconds"
)]
fn milliseconds(us: u64) -> Value {
    if us.is_multiple_of(1_000) {
        return (us / 1_000).into();
    }
    Number::from_f64(us as f64 / 1_000.0).map_or(Value::Null, Value::Number)
}
