//! One object: the fields that are known, and how many are not.
//!
//! Everything else is passed over as it is read and never built, so that no object takes more
//! memory than a few times its text, whatever it nests.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The fields of an observation. One that is `null` is absent; of two that are equal, the last
/// holds.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    pub(super) model: Option<Scalar<'a>>,
    pub(super) provider: Option<Scalar<'a>>,
    pub(super) quantization: Option<Scalar<'a>>,
    pub(super) region: Option<Scalar<'a>>,
    pub(super) request_id: Option<Scalar<'a>>,
    pub(super) attempt: Option<Scalar<'a>>,
    pub(super) is_final: Option<Scalar<'a>>,
    pub(super) completed_at: Option<Scalar<'a>>,
    pub(super) outcome: Option<Scalar<'a>>,
    pub(super) status_code: Option<Scalar<'a>>,
    pub(super) ttft_ms: Option<Scalar<'a>>,
    pub(super) duration_ms: Option<Scalar<'a>>,
    pub(super) input_tokens: Option<Scalar<'a>>,
    pub(super) output_tokens: Option<Scalar<'a>>,
    pub(super) streamed: Option<Scalar<'a>>,
    pub(super) source: Option<Scalar<'a>>,
    pub(super) tier: Option<Scalar<'a>>,
    pub(super) operation: Option<Scalar<'a>>,
    /// How many others there were.
    pub(super) unknown_fields: u64,
}

/// The value of a field.
#[derive(Debug)]
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Flag(bool),
    Whole(u64),
    /// Of these no field takes any, so the figure is not kept.
    NegativeWhole,
    Number(f64),
    /// An array or an object, which no field is.
    Nested,
}

impl Scalar<'_> {
    pub(super) fn flag(self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    pub(super) fn whole(self) -> Option<u64> {
        match self {
            Self::Whole(n) => Some(n),
            _ => None,
        }
    }

    /// A thousand times a number that is not negative, rounded; the largest if it is past that.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite and not negative; what is too large becomes the largest"
    )]
    pub(super) fn thousandfold(self) -> Option<u64> {
        match self {
            Self::Whole(n) => Some(n.saturating_mul(1_000)),
            Self::Number(n) if n.is_finite() && n >= 0.0 => Some((n * 1_000.0).round() as u64),
            _ => None,
        }
    }
}

/// The name of a field.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Model,
    Provider,
    Quantization,
    Region,
    RequestId,
    Attempt,
    Final,
    CompletedAt,
    Outcome,
    StatusCode,
    TtftMs,
    DurationMs,
    InputTokens,
    OutputTokens,
    Streamed,
    Source,
    Tier,
    Operation,
    #[serde(other)]
    Unknown,
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut object = Object::default();
        while let Some(field) = map.next_key()? {
            let place = match field {
                Field::Model => &mut object.model,
                Field::Provider => &mut object.provider,
                Field::Quantization => &mut object.quantization,
                Field::Region => &mut object.region,
                Field::RequestId => &mut object.request_id,
                Field::Attempt => &mut object.attempt,
                Field::Final => &mut object.is_final,
                Field::CompletedAt => &mut object.completed_at,
                Field::Outcome => &mut object.outcome,
                Field::StatusCode => &mut object.status_code,
                Field::TtftMs => &mut object.ttft_ms,
                Field::DurationMs => &mut object.duration_ms,
                Field::InputTokens => &mut object.input_tokens,
                Field::OutputTokens => &mut object.output_tokens,
                Field::Streamed => &mut object.streamed,
                Field::Source => &mut object.source,
                Field::Tier => &mut object.tier,
                Field::Operation => &mut object.operation,
                Field::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    object.unknown_fields += 1;
                    continue;
                }
            };
            *place = map.next_value()?;
        }
        Ok(object)
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Flag(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Whole(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar<'de>, E> {
        Ok(u64::try_from(value).map_or(Scalar::NegativeWhole, Scalar::Whole))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    /// A text with escapes, which are not in the body as they are meant.
    fn visit_str<E: Error>(self, value: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nested)
    }
}
