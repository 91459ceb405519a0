//! What decoding a request would take, told from its bytes before any of it is decoded.
//!
//! Two bytes of protobuf can stand for an empty span, which takes hundreds once it is decoded; a
//! small body could so take gigabytes. The messages that there are get weighed instead, each by
//! the size of what it becomes, with the room that vectors keep for more. What there is once stands
//! within the message around it, and texts take no more than they have bytes: neither is weighed.

use std::mem::size_of;

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

/// What a request becomes may take so many times the bytes that it may have. An attribute of
/// usual length takes about four times its bytes.
const FACTOR: usize = 8;
/// A vector begins with room for so many,
const FIRST: usize = 4;
/// and has twice what it needs at most.
const FURTHER: usize = 2;
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
    let mut stack = vec![Open::of(Kind::Request, bytes)];
    while let Some(mut open) = stack.pop() {
        let Some((number, content)) = open.fields.next()? else {
            continue;
        };
        let child = content.and_then(|content| Some((open.kind.child(number)?, content)));
        let weight = child.map_or(0, |(child, _)| open.weight(number, child));
        stack.push(open);
        let Some((kind, content)) = child else {
            continue;
        };
        left = left.checked_sub(weight).ok_or(TooHeavy::Parts)?;
        spans += usize::from(kind == Kind::Span);
        if spans > spans_max {
            return Err(TooHeavy::Spans(spans_max));
        }
        if stack.len() > DEPTH_MAX {
            return Err(TooHeavy::Malformed("nested too deeply"));
        }
        stack.push(Open::of(kind, content));
    }
    Ok(())
}

/// Weighs a request in JSON. Whatever its objects are, each is weighed as the largest that can
/// stand at its depth, and each bracket and comma as a text of a list.
pub(crate) fn json(text: &[u8], bytes_max: usize) -> Result<(), TooHeavy> {
    const TEXT: usize = Kind::Text.bytes();
    let mut left = bytes_max.saturating_mul(FACTOR);
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    // What stands before, but for blanks.
    let mut before = b' ';
    for byte in text.iter().copied() {
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
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'"' => {
                in_text = true;
                0
            }
            b'{' => {
                depth += 1;
                // Behind a colon it is no one's of many.
                let times = match before {
                    b'[' => FIRST,
                    b',' => FURTHER,
                    _ => 0,
                };
                object_bytes(depth).saturating_mul(times)
            }
            b'}' => {
                depth = depth.saturating_sub(1);
                0
            }
            b'[' => TEXT * FIRST,
            b',' => TEXT * FURTHER,
            _ => 0,
        };
        before = byte;
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

/// A message whose fields are being walked.
struct Open<'b> {
    kind: Kind,
    fields: Fields<'b>,
    /// A bit for each field of which there was one.
    seen: u32,
}

impl<'b> Open<'b> {
    const fn of(kind: Kind, bytes: &'b [u8]) -> Self {
        Self {
            kind,
            fields: Fields(bytes),
            seen: 0,
        }
    }

    /// What one more in this field takes.
    const fn weight(&mut self, number: u32, child: Kind) -> usize {
        if !self.kind.has_many(number) {
            return 0;
        }
        let bit = 1_u32.wrapping_shl(number);
        let times = if self.seen & bit == 0 { FIRST } else { FURTHER };
        self.seen |= bit;
        child.bytes() * times
    }
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

    /// Whether a field that holds another message holds any number of them.
    const fn has_many(self, field: u32) -> bool {
        !matches!(
            (self, field),
            (Self::ResourceSpans | Self::ScopeSpans, 1)
                | (Self::Span, 15)
                | (Self::KeyValue, 2)
                | (Self::AnyValue, 5 | 6)
        )
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
mod tests;
