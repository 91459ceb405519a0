//! Observations as JSON: an array, or one object a line.

use jiff::Timestamp as Rfc3339;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value, json};
use sextant_measure::id::{ModelId, Operation, ProviderId, Region, RequestId};
use sextant_measure::observation::{DURATION_US_MAX, Definition, Measurement, Observation, Tier};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::refusal::Refusal;
use sextant_measure::time::Timestamp;

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

/// Reads a JSON array or newline-delimited JSON of at most `max` observations.
pub fn parse(body: &[u8], max: usize) -> Result<Parsed, BodyError> {
    let text =
        std::str::from_utf8(body).map_err(|error| BodyError::NotUtf8(error.valid_up_to()))?;
    let mut parsed = Parsed::default();
    if text.trim_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text)?;
        if items.len() > max {
            return Err(BodyError::TooMany(max));
        }
        for item in items {
            parsed.push(item.get());
        }
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

impl Parsed {
    fn push(&mut self, text: &str) {
        let observation = serde_json::from_str::<Map<String, Value>>(text)
            .map_err(|_| Refusal::Malformed)
            .and_then(|object| {
                let mut fields = Fields(object);
                let observation = fields.observation();
                self.unknown_fields += fields.0.len() as u64;
                observation
            });
        self.observations.push(observation);
    }
}

/// The fields of one object that have not been read yet.
struct Fields(Map<String, Value>);

impl Fields {
    fn observation(&mut self) -> Result<Observation, Refusal> {
        let names = ["model", "provider", "quantization", "region"];
        let [model, provider, quantization, region] = names.map(|name| self.take(name));
        let moments = [
            "completed_at",
            "outcome",
            "request_id",
            "source",
            "tier",
            "operation",
        ];
        let [completed_at, outcome, request_id, source, tier, operation] =
            moments.map(|name| self.take(name));
        let measurement = self.measurement(completed_at, outcome, source);
        let definition = Definition {
            model: parse_required(model, ModelId::new, Refusal::Model)?,
            provider: parse_required(provider, ProviderId::new, Refusal::Provider)?,
            quantization: parse_text(quantization, str::parse, Refusal::Quantization)?,
            region: parse_text(region, Region::new, Refusal::Region)?,
        };
        Ok(Observation {
            definition,
            measurement: measurement?,
            request_id: parse_text(request_id, RequestId::new, Refusal::RequestId)?,
            tier: parse_text(tier, str::parse::<Tier>, Refusal::Tier)?,
            operation: parse_text(operation, Operation::new, Refusal::Operation)?,
        })
    }

    fn measurement(
        &mut self,
        completed_at: Option<Value>,
        outcome: Option<Value>,
        source: Option<Value>,
    ) -> Result<Measurement, Refusal> {
        // All are taken before any is judged, so that none is left to count as unknown.
        let numbers = [
            "ttft_ms",
            "duration_ms",
            "input_tokens",
            "output_tokens",
            "status_code",
        ];
        let [ttft, duration, input, output, status] = numbers.map(|name| self.take(name));
        let [attempt, is_final, streamed] =
            ["attempt", "final", "streamed"].map(|name| self.take(name));
        let measurement = Measurement {
            completed_at: parse_required(completed_at, moment, Refusal::CompletedAt)?,
            outcome: parse_required(outcome, str::parse::<Outcome>, Refusal::Outcome)?,
            source: parse_text(source, str::parse::<Source>, Refusal::Source)?.unwrap_or_default(),
            streamed: flag(streamed)?,
            ttft_us: micros(ttft)?,
            duration_us: micros(duration)?,
            input_tokens: whole(input, Refusal::Tokens)?,
            output_tokens: whole(output, Refusal::Tokens)?,
            status_code: whole(status, Refusal::StatusCode)?,
            attempt: whole(attempt, Refusal::Attempt)?.unwrap_or(1),
            is_final: flag(is_final)?,
        };
        measurement.check().map(|()| measurement)
    }

    /// A field that is `null` is absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }
}

fn parse_required<T, E>(
    value: Option<Value>,
    parse: impl FnOnce(&str) -> Result<T, E>,
    refusal: Refusal,
) -> Result<T, Refusal> {
    parse_text(value, parse, refusal)?.ok_or(Refusal::FieldMissing)
}

fn parse_text<T, E>(
    value: Option<Value>,
    parse: impl FnOnce(&str) -> Result<T, E>,
    refusal: Refusal,
) -> Result<Option<T>, Refusal> {
    let text = value.map(|value| match value {
        Value::String(text) => Ok(text),
        _ => Err(refusal),
    });
    text.transpose()?
        .map(|text| parse(&text).map_err(|_| refusal))
        .transpose()
}

fn moment(text: &str) -> Result<Timestamp, jiff::Error> {
    text.parse::<Rfc3339>()
        .map(|at| Timestamp::from_micros(at.as_microsecond()))
}

fn flag(value: Option<Value>) -> Result<bool, Refusal> {
    value.map_or(Ok(true), |value| value.as_bool().ok_or(Refusal::Flag))
}

fn whole<T: TryFrom<u64>>(value: Option<Value>, refusal: Refusal) -> Result<Option<T>, Refusal> {
    let number = value.map(|value| {
        value
            .as_u64()
            .and_then(|n| T::try_from(n).ok())
            .ok_or(refusal)
    });
    number.transpose()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "finite, not negative and below the bound, which is checked first"
)]
fn micros(value: Option<Value>) -> Result<Option<u64>, Refusal> {
    const BOUND_US: f64 = 1e15;
    let micros = value.map(|value| {
        let us = value.as_f64().ok_or(Refusal::Milliseconds)? * 1_000.0;
        match us {
            _ if !us.is_finite() || us < 0.0 => Err(Refusal::Milliseconds),
            // Past any bound all are alike.
            _ if us > BOUND_US => Ok(DURATION_US_MAX + 1),
            _ => Ok(us.round() as u64),
        }
    });
    micros.transpose()
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
