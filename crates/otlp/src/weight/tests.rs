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
fn what_vectors_keep_room_for_is_weighed() {
    // Each span has one link, which stands in a vector for four.
    let span = field(2, &[field(5, &[b'x'; 60]), field(13, &[])].concat());
    let spans = span.repeat(BYTES_MAX / span.len() - 1);
    let bytes = field(1, &field(2, &spans));
    let decoded = ExportTraceServiceRequest::decode(&bytes[..]).unwrap();
    let spans = &decoded.resource_spans[0].scope_spans[0].spans;
    let links: usize = spans.iter().map(|span| span.links.capacity()).sum();
    let taken = spans.capacity() * size_of::<Span>() + links * size_of::<Link>();
    assert!(taken > FACTOR * BYTES_MAX, "{taken}");
    let weighed = protobuf(&bytes, BYTES_MAX, usize::MAX);
    assert_eq!(weighed, Err(TooHeavy::Parts));
}

#[test]
fn as_many_usual_spans_as_there_is_room_for_are_taken() {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
    let attributes = (0..12).map(|number| KeyValue {
        key: format!("gen_ai.usage.output_{number}"),
        value: Some(AnyValue {
            value: Some(Value::StringValue("stop".to_owned())),
        }),
        ..KeyValue::default()
    });
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        name: "chat gpt-4o".to_owned(),
        attributes: attributes.collect(),
        ..Span::default()
    };
    let length = serde_json::to_string(&span).unwrap().len();
    let scope_spans = vec![ScopeSpans {
        spans: vec![span; BYTES_MAX / length],
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    let request = ExportTraceServiceRequest { resource_spans };
    let bytes = request.encode_to_vec();
    assert_eq!(protobuf(&bytes, bytes.len(), usize::MAX), Ok(()));
    let text = serde_json::to_vec(&request).unwrap();
    assert_eq!(json(&text, text.len()), Ok(()));
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
