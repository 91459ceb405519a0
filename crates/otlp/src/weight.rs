//! What decoding a request would take, told from its bytes before any of it is decoded.
//!
//! Two bytes of protobuf can stand for an empty span, which takes hundreds once it is decoded; a
//! small body could so take gigabytes. The messages that there are get weighed instead, each by
//! the size of what it becomes. Texts are not weighed: they take no more than they have bytes.

use std::mem::size_of;

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

/// What a request becomes may take so many times the bytes that it may have. An attribute of
/// usual length takes about twice its bytes.
const FACTOR: usize = 8;
/// Messages within messages, as prost takes them at most.
const DEPTH_MAX: usize = 100;
/// Up to here braces of JSON can hold spans; deeper ones hold at most what spans hold.
const SPAN_DEPTH: usize = 4;

/// Why a request is not even decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooHeavy {
    /// It is no protobuf.
    #[error("not a protobuf message: {0}")]
    Malformed(&'static str),
    /// It has too many spans.
    #[error("more than {0} spans; send smaller batches")]
    Spans(usize),
    /// It has too many parts.
    #[error("too many attributes, events or links for its size; send smaller batches")]
    Parts,
}

/// Weighs a request in protobuf of which at most `bytes_max` would be taken.
pub(crate) fn protobuf(bytes: &[u8], bytes_max: usize, spans_max: usize) -> Result<(), TooHeavy> {
    let mut left = bytes_max.saturating_mul(FACTOR);
    let mut spans = 0;
    let mut stack = vec![(Kind::Request, Fields(bytes))];
    while let Some((kind, mut fields)) = stack.pop() {
        let Some((number, content)) = fields.next()? else {
            continue;
        };
        stack.push((kind, fields));
        let Some(child) = content.and_then(|content| Some((kind.child(number)?, content))) else {
            continue;
        };
        let (kind, content) = child;
        left = left.checked_sub(kind.bytes()).ok_or(TooHeavy::Parts)?;
        spans += usize::from(kind == Kind::Span);
        if spans > spans_max {
            return Err(TooHeavy::Spans(spans_max));
        }
        if stack.len() > DEPTH_MAX {
            return Err(TooHeavy::Malformed("nested too deeply"));
        }
        stack.push((kind, Fields(content)));
    }
    Ok(())
}

/// Weighs a request in JSON. Whatever its objects are, each is weighed as the largest that can
/// stand at its depth, and each comma as a value of no known field.
pub(crate) fn json(text: &[u8], bytes_max: usize) -> Result<(), TooHeavy> {
    const VALUE_BYTES: usize = 32;
    let mut left = bytes_max.saturating_mul(FACTOR);
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in text {
        if in_text {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        let weight = match byte {
            b'"' => {
                in_text = true;
                continue;
            }
            b'{' => {
                depth += 1;
                object_bytes(depth)
            }
            b'}' => {
                depth = depth.saturating_sub(1);
                continue;
            }
            b',' => VALUE_BYTES,
            _ => continue,
        };
        left = left.checked_sub(weight).ok_or(TooHeavy::Parts)?;
    }
    Ok(())
}

fn object_bytes(depth: usize) -> usize {
    let mut kinds = Kind::ALL.iter();
    if depth > SPAN_DEPTH {
        kinds = Kind::WITHIN_SPANS.iter();
    }
    kinds.map(|kind| kind.bytes()).max().unwrap_or(0)
}

/// A message of OTLP, or a text that is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    ResourceSpans,
    Resource,
    EntityRef,
    ScopeSpans,
    Scope,
    Span,
    Event,
    Link,
    Status,
    KeyValue,
    AnyValue,
    Array,
    List,
    Text,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::ResourceSpans,
        Self::Resource,
        Self::EntityRef,
        Self::ScopeSpans,
        Self::Scope,
        Self::Span,
    ];
    const WITHIN_SPANS: [Self; 4] = [Self::Event, Self::Link, Self::Status, Self::KeyValue];

    /// What a field holds, if it is another message.
    const fn child(self, field: u32) -> Option<Self> {
        let child = match (self, field) {
            (Self::Request, 1) => Self::ResourceSpans,
            (Self::ResourceSpans, 1) => Self::Resource,
            (Self::ResourceSpans, 2) => Self::ScopeSpans,
            (Self::Resource, 3) => Self::EntityRef,
            (Self::EntityRef, 3 | 4) => Self::Text,
            (Self::ScopeSpans, 1) => Self::Scope,
            (Self::ScopeSpans, 2) => Self::Span,
            (Self::Span, 11) => Self::Event,
            (Self::Span, 13) => Self::Link,
            (Self::Span, 15) => Self::Status,
            (Self::Resource | Self::List, 1)
            | (Self::Scope | Self::Event, 3)
            | (Self::Span, 9)
            | (Self::Link, 4) => Self::KeyValue,
            (Self::KeyValue, 2) | (Self::Array, 1) => Self::AnyValue,
            (Self::AnyValue, 5) => Self::Array,
            (Self::AnyValue, 6) => Self::List,
            _ => return None,
        };
        Some(child)
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Request => 0,
            Self::ResourceSpans => size_of::<ResourceSpans>(),
            Self::Resource => size_of::<Resource>(),
            Self::EntityRef => size_of::<EntityRef>(),
            Self::ScopeSpans => size_of::<ScopeSpans>(),
            Self::Scope => size_of::<InstrumentationScope>(),
            Self::Span => size_of::<Span>(),
            Self::Event => size_of::<Event>(),
            Self::Link => size_of::<Link>(),
            Self::Status => size_of::<Status>(),
            Self::KeyValue => size_of::<KeyValue>(),
            Self::AnyValue => size_of::<AnyValue>(),
            Self::Array | Self::List => size_of::<KeyValueList>(),
            Self::Text => size_of::<String>(),
        }
    }
}

/// A field's number, and its bytes if it is delimited by its length.
type Field<'b> = (u32, Option<&'b [u8]>);

/// The fields of a message, as the wire format has them.
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    /// The next field, if there is one.
    fn next(&mut self) -> Result<Option<Field<'b>>, TooHeavy> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let tag = u32::try_from(tag).map_err(|_| TooHeavy::Malformed("a tag is too large"))?;
        let content = match tag & 7 {
            0 => {
                self.varint()?;
                None
            }
            1 => {
                self.take(8)?;
                None
            }
            2 => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                Some(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                None
            }
            // Groups are older than OTLP.
            _ => return Err(TooHeavy::Malformed("a field of no known kind")),
        };
        Ok(Some((tag >> 3, content)))
    }

    fn varint(&mut self) -> Result<u64, TooHeavy> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?.first().copied().unwrap_or(0);
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(TooHeavy::Malformed("a number is too long"))
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], TooHeavy> {
        let split = self.0.split_at_checked(length);
        let (taken, rest) = split.ok_or(TooHeavy::Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message as _;

    use super::*;

    const BYTES_MAX: usize = 40_000;

    /// A field that is delimited by its length.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        prost::encoding::encode_varint(content.len().try_into().unwrap(), &mut bytes);
        bytes.extend(content);
        bytes
    }

    /// As many empty fields of this number as there is room for, within those around them.
    fn flood(path: &[u8]) -> Vec<u8> {
        let (last, around) = path.split_last().unwrap();
        let empty = field(*last, &[]);
        let many = empty.repeat(BYTES_MAX / empty.len() - 20);
        around
            .iter()
            .rev()
            .fold(many, |content, number| field(*number, &content))
    }

    #[test]
    fn floods_of_empty_messages_are_refused_though_they_could_be_decoded() {
        for path in [
            &[1][..],
            &[1, 2],
            &[1, 1, 1],
            &[1, 1, 3],
            &[1, 1, 3, 3],
            &[1, 2, 1, 3],
            &[1, 2, 2, 9],
            &[1, 2, 2, 11],
            &[1, 2, 2, 13],
            &[1, 2, 2, 11, 3],
            &[1, 2, 2, 13, 4],
            &[1, 2, 2, 9, 2, 5, 1],
            &[1, 2, 2, 9, 2, 6, 1],
        ] {
            let bytes = flood(path);
            assert!(bytes.len() <= BYTES_MAX);
            assert!(
                ExportTraceServiceRequest::decode(&bytes[..]).is_ok(),
                "{path:?}"
            );
            let weighed = protobuf(&bytes, BYTES_MAX, usize::MAX);
            assert_eq!(weighed, Err(TooHeavy::Parts), "{path:?}");
        }
        let spans = field(1, &field(2, &field(2, &[]).repeat(4)));
        assert_eq!(protobuf(&spans, BYTES_MAX, 4), Ok(()));
        assert_eq!(protobuf(&spans, BYTES_MAX, 3), Err(TooHeavy::Spans(3)));
    }

    #[test]
    fn floods_of_empty_objects_are_refused_and_texts_weigh_nothing() {
        let wrapped = |before: &str, many: &str, after: &str| {
            let times = (BYTES_MAX - before.len() - after.len()) / many.len();
            format!(
                "{before}{}{{}}{after}",
                many.repeat(times.saturating_sub(1))
            )
        };
        for (before, after) in [
            (r#"{"resourceSpans":["#, "]}"),
            (r#"{"resourceSpans":[{"scopeSpans":[{"spans":["#, "]}]}]}"),
        ] {
            let text = wrapped(before, "{},", after);
            assert!(serde_json::from_str::<ExportTraceServiceRequest>(&text).is_ok());
            assert_eq!(json(text.as_bytes(), BYTES_MAX), Err(TooHeavy::Parts));
        }
        let quoted = format!(r#"{{"x":"{}\""}}"#, "{},".repeat(BYTES_MAX / 3 - 10));
        assert_eq!(json(quoted.as_bytes(), BYTES_MAX), Ok(()));
    }

    #[test]
    fn messages_within_messages_end_where_prost_ends_them() {
        let nested = |depth: usize| {
            let mut content = Vec::new();
            for _ in 0..depth {
                content = field(1, &field(5, &content));
            }
            field(
                1,
                &field(2, &field(2, &field(9, &field(2, &field(5, &content))))),
            )
        };
        assert_eq!(protobuf(&nested(10), BYTES_MAX, 1), Ok(()));
        let deep = nested(100);
        assert!(ExportTraceServiceRequest::decode(&deep[..]).is_err());
        assert!(matches!(
            protobuf(&deep, BYTES_MAX, 1),
            Err(TooHeavy::Malformed(_))
        ));
    }

    #[test]
    fn what_is_no_protobuf_is_refused() {
        for bytes in [
            &[0x0a][..],
            &[0x0a, 5, 1],
            &[0x0b],
            &[0xff; 11],
            &[0x80; 10],
        ] {
            let weighed = protobuf(bytes, BYTES_MAX, 1);
            assert!(matches!(weighed, Err(TooHeavy::Malformed(_))), "{bytes:?}");
        }
    }
}
