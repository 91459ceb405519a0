//! What a span says, under every name that the conventions have had for it.
//!
//! Of two attributes of one name the last holds. A value of another type than its attribute has is
//! as good as none, but for the attributes of our own, where it is a mistake, and for statuses and
//! types of errors, which some write as a number and some as a text.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::ending::Finish;

/// Attributes that are looked at, of a span, a resource or an event. SDKs keep 128.
pub(crate) const ATTRIBUTES_MAX: usize = 256;
/// Events of a span that are looked at. SDKs keep 128.
const EVENTS_MAX: usize = 256;
/// Finish reasons that are looked at, one for each answer that was asked for.
const FINISHES_MAX: usize = 128;
/// Longest text that can be of use.
const TEXT_BYTES_MAX: usize = 256;

/// What is of use of a span's attributes.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Facts<'s> {
    /// Whether it says anything of GenAI.
    pub(crate) is_gen_ai: bool,
    pub(crate) operation: Option<&'s str>,
    pub(crate) provider: Option<&'s str>,
    pub(crate) server: Option<&'s str>,
    pub(crate) request_model: Option<&'s str>,
    pub(crate) response_model: Option<&'s str>,
    pub(crate) input_tokens: Option<u32>,
    pub(crate) output_tokens: Option<u32>,
    pub(crate) is_streamed: Option<bool>,
    pub(crate) first_chunk_us: Option<u64>,
    pub(crate) finish: Option<Finish>,
    /// Whether each answer that was asked for has finished, as far as their number is said.
    pub(crate) have_all_finished: bool,
    pub(crate) has_failed: bool,
    pub(crate) error_type: Option<&'s str>,
    /// A type of error that is a number.
    pub(crate) error_code: Option<u16>,
    pub(crate) http_status: Option<u16>,
    pub(crate) own: Own<'s>,
}

/// The attributes of our own, each as it came.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Own<'s> {
    pub(crate) model: Option<&'s Value>,
    pub(crate) provider: Option<&'s Value>,
    pub(crate) quantization: Option<&'s Value>,
    pub(crate) region: Option<&'s Value>,
    pub(crate) attempt: Option<&'s Value>,
    pub(crate) is_final: Option<&'s Value>,
    pub(crate) source: Option<&'s Value>,
    pub(crate) tier: Option<&'s Value>,
    pub(crate) operation: Option<&'s Value>,
}

impl<'s> Facts<'s> {
    /// What a span says, beside what its resource says of all its spans.
    pub(crate) fn of(span: &'s Span, of_resource: Own<'s>) -> Self {
        let mut facts = Self {
            own: of_resource,
            ..Self::default()
        };
        // What has been renamed counts only where the present name is absent.
        let mut former = Former::default();
        let (mut answers, mut finished) = (1, 0);
        for (key, value) in pairs(&span.attributes) {
            facts.is_gen_ai |= key.starts_with("gen_ai.");
            facts.own.read(key, value);
            facts.read(key, value);
            former.read(key, value);
            match key {
                "gen_ai.request.choice.count" => answers = whole(value).unwrap_or(1),
                "gen_ai.response.finish_reasons" => finished = finishes(value).count(),
                _ => {}
            }
        }
        facts.have_all_finished = finished >= answers;
        facts.provider = facts.provider.or(former.provider);
        facts.input_tokens = facts.input_tokens.or(former.input_tokens);
        facts.output_tokens = facts.output_tokens.or(former.output_tokens);
        facts.http_status = facts.http_status.or(former.http_status);
        facts.has_failed |= has_failed(span);
        // A span may record exceptions that did no harm.
        if facts.has_failed {
            let is_said = facts.error_type.is_some() || facts.error_code.is_some();
            facts.error_type = facts.error_type.or_else(|| {
                let exception = exception(span);
                exception.filter(|_| !is_said)
            });
        }
        facts
    }

    fn read(&mut self, key: &str, value: &'s Value) {
        match key {
            "gen_ai.operation.name" => self.operation = text(value),
            "gen_ai.provider.name" => self.provider = text(value),
            "server.address" => self.server = text(value),
            "gen_ai.request.model" => self.request_model = text(value),
            "gen_ai.response.model" => self.response_model = text(value),
            "gen_ai.usage.input_tokens" => self.input_tokens = whole(value),
            "gen_ai.usage.output_tokens" => self.output_tokens = whole(value),
            "gen_ai.request.stream" => self.is_streamed = flag(value),
            "gen_ai.response.time_to_first_chunk" => self.first_chunk_us = seconds(value),
            "gen_ai.response.finish_reasons" => {
                self.finish = finishes(value).reduce(Finish::and);
            }
            "error.type" => {
                // Whatever it says: what has not failed has none.
                self.has_failed = true;
                (self.error_type, self.error_code) = (text(value), whole(value));
            }
            "http.response.status_code" => self.http_status = number(value),
            _ => {}
        }
    }
}

/// Names that the conventions have had before: `system` up to 1.36, the tokens' up to 1.26, the
/// status' up to 1.22.
#[derive(Default)]
struct Former<'s> {
    provider: Option<&'s str>,
    input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    http_status: Option<u16>,
}

impl<'s> Former<'s> {
    fn read(&mut self, key: &str, value: &'s Value) {
        match key {
            "gen_ai.system" => self.provider = text(value),
            "gen_ai.usage.prompt_tokens" => self.input_tokens = whole(value),
            "gen_ai.usage.completion_tokens" => self.output_tokens = whole(value),
            "http.status_code" => self.http_status = number(value),
            _ => {}
        }
    }
}

impl<'s> Own<'s> {
    /// What a resource says of all its spans.
    pub(crate) fn of_resource(attributes: &'s [KeyValue]) -> Self {
        let mut own = Self::default();
        for (key, value) in pairs(attributes) {
            own.read(key, value);
        }
        own
    }

    fn read(&mut self, key: &str, value: &'s Value) {
        let place = match key {
            "sextant.model" => &mut self.model,
            "sextant.provider" => &mut self.provider,
            "sextant.quantization" => &mut self.quantization,
            "sextant.region" => &mut self.region,
            "sextant.attempt" => &mut self.attempt,
            "sextant.final" => &mut self.is_final,
            "sextant.source" => &mut self.source,
            "sextant.tier" => &mut self.tier,
            "sextant.operation" => &mut self.operation,
            _ => return,
        };
        *place = Some(value);
    }
}

/// A text of a length that can be of use.
pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::StringValue(text) if (1..=TEXT_BYTES_MAX).contains(&text.len()) => Some(text),
        _ => None,
    }
}

/// A whole number that the type can hold.
pub(crate) fn whole<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    match value {
        Value::IntValue(number) => T::try_from(*number).ok(),
        _ => None,
    }
}

/// A whole number, or the text of one.
fn number(value: &Value) -> Option<u16> {
    whole(value).or_else(|| text(value)?.parse().ok())
}

pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::BoolValue(flag) => Some(*flag),
        _ => None,
    }
}

/// Seconds as whole microseconds, the largest if there are too many.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "finite and not negative; what is too large becomes the largest"
)]
fn seconds(value: &Value) -> Option<u64> {
    match value {
        Value::DoubleValue(seconds) if seconds.is_finite() && *seconds >= 0.0 => {
            Some((seconds * 1e6).round() as u64)
        }
        Value::IntValue(seconds) => u64::try_from(*seconds)
            .ok()
            .map(|seconds| seconds.saturating_mul(1_000_000)),
        _ => None,
    }
}

/// How the answers ended, as far as it is said of them.
fn finishes(value: &Value) -> impl Iterator<Item = Finish> {
    let (one, many) = match value {
        Value::ArrayValue(array) => (None, &array.values[..]),
        value => (Some(value), &[][..]),
    };
    let many = many.iter().take(FINISHES_MAX);
    let values = many.filter_map(|value| value.value.as_ref()).chain(one);
    values.filter_map(text).filter_map(Finish::of)
}

fn has_failed(span: &Span) -> bool {
    let status = span.status.as_ref();
    status.is_some_and(|status| status.code == StatusCode::Error as i32)
}

/// The type of the exception that a span records, which stood for `error.type` before that was.
fn exception(span: &Span) -> Option<&str> {
    let events = span.events.iter().take(EVENTS_MAX);
    let exceptions = events.filter(|event| event.name == "exception");
    let attributes = exceptions.flat_map(|event| pairs(&event.attributes));
    let types = attributes.filter(|(key, _)| *key == "exception.type");
    types.filter_map(|(_, value)| text(value)).last()
}

fn pairs(attributes: &[KeyValue]) -> impl Iterator<Item = (&str, &Value)> {
    let attributes = attributes.iter().take(ATTRIBUTES_MAX);
    attributes.filter_map(|attribute| {
        let AnyValue { value } = attribute.value.as_ref()?;
        Some((attribute.key.as_str(), value.as_ref()?))
    })
}
