//! Bytes from anyone.

use ::http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;
use sextant_otlp::{Config, map};

use crate::harness::{Bench, START, names, request, span};
use crate::http::post;

/// Names that mean something here, and some that don't.
const KEYS: &[&str] = &[
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.system",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "gen_ai.request.stream",
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.response.finish_reasons",
    "gen_ai.input.messages",
    "server.address",
    "error.type",
    "http.response.status_code",
    "sextant.model",
    "sextant.provider",
    "sextant.quantization",
    "sextant.attempt",
    "sextant.final",
    "sextant.tier",
];

const TEXTS: &[&str] = &[
    "", "chat", "openai", "gpt-4o", "a/b", "429", "timeout", "_OTHER", "stop", "error", "fp8",
    "realtime", "models/", "\u{0}", "é/ü",
];

fn value() -> impl Strategy<Value = Option<Value>> {
    let leaf = prop_oneof![
        prop::sample::select(TEXTS).prop_map(|text| Value::StringValue(text.to_owned())),
        ".{0,300}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        (-2_i64..600).prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        vec(any::<u8>(), 0..20).prop_map(Value::BytesValue),
    ];
    let any_value = leaf.prop_recursive(3, 12, 4, |inner| {
        let any = inner.prop_map(|value| AnyValue { value: Some(value) });
        prop_oneof![
            vec(any.clone(), 0..4).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec(any, 0..4).prop_map(|values| {
                let values = values.into_iter().map(|value| KeyValue {
                    key: "k".to_owned(),
                    value: Some(value),
                    ..KeyValue::default()
                });
                Value::KvlistValue(KeyValueList {
                    values: values.collect(),
                })
            }),
        ]
    });
    prop::option::weighted(0.95, any_value)
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = (prop::sample::select(KEYS), value()).prop_map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value }),
        ..KeyValue::default()
    });
    vec(attribute, 0..24)
}

fn any_span() -> impl Strategy<Value = Span> {
    let time = prop_oneof![any::<u64>(), START..START + 1_000_000_000, Just(0)];
    let ids = vec(any::<u8>(), 0..20);
    (attributes(), time.clone(), time, ids, any::<bool>()).prop_map(
        |(attributes, start, end, id, is_complete)| {
            let mut any = span(Vec::new());
            if is_complete {
                any.attributes = crate::harness::chat();
            }
            any.attributes.extend(attributes);
            (any.start_time_unix_nano, any.end_time_unix_nano) = (start, end);
            (any.trace_id, any.span_id) = (id.clone(), id);
            any
        },
    )
}

proptest! {
    #[test]
    fn whatever_a_span_says_it_is_an_observation_that_can_be_or_counted(
        spans in vec(any_span(), 0..12)
    ) {
        let count = spans.len();
        let mapped = map::request(&request(spans), names());
        let left_out = usize::try_from(mapped.left_out.total()).unwrap();
        prop_assert_eq!(mapped.observations.len() + left_out, count);
        for observation in &mapped.observations {
            prop_assert_eq!(observation.measurement.check(), Ok(()));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        read_or_refuse(&bytes);
    }

    #[test]
    fn a_request_with_any_bytes_changed_is_read_or_refused(
        spans in vec(any_span(), 1..4),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = request(spans).encode_to_vec();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        read_or_refuse(&bytes);
    }

    #[test]
    fn json_says_what_protobuf_says(spans in vec(any_span(), 0..6)) {
        let request = request(spans);
        let json = serde_json::to_vec(&request).unwrap();
        // What is no number has no way to be said in JSON.
        if let Ok(read) = serde_json::from_slice::<ExportTraceServiceRequest>(&json) {
            prop_assert_eq!(map::request(&read, names()), map::request(&request, names()));
        } else {
            let has_no_number = String::from_utf8(json).unwrap().contains("null");
            prop_assert!(has_no_number);
        }
    }
}

/// By what it says, a request is taken or refused, and nothing else comes of it.
fn read_or_refuse(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    for (media, is_protobuf) in [
        ("application/x-protobuf", true),
        ("application/json", false),
    ] {
        let bench = Bench::new(Config::default());
        let head = [("content-type", media)];
        let status = runtime.block_on(post(&bench, &head, bytes.to_vec())).status;
        if status == StatusCode::OK && is_protobuf {
            assert!(ExportTraceServiceRequest::decode(bytes).is_ok());
        } else if status != StatusCode::OK {
            assert_eq!(status, StatusCode::BAD_REQUEST);
        }
        for observation in bench.kept.observations.lock().unwrap().iter() {
            assert_eq!(observation.measurement.check(), Ok(()));
        }
        bench.assert_balanced();
    }
}
