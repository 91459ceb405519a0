//! `POST /v1/traces`.

use std::num::NonZeroU32;
use std::time::Duration;

use ::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use ::http::{HeaderMap, Request, StatusCode};
use axum::body::{Body, to_bytes};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use serde_json::{Value, json};
use sextant_measure::refusal::Refusal;
use sextant_otlp::{Config, Why, http};
use sextant_testkit::openapi::{Answered, Asked, served};
use tower::ServiceExt as _;

use crate::harness::{Bench, chat, gzip, request, span, text};

pub(crate) const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn media_type(&self) -> &str {
        self.headers[CONTENT_TYPE].to_str().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) async fn post(bench: &Bench, head: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = Request::post(http::PATH);
    for (name, value) in head {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).unwrap();
    let response = http::router(&bench.receiver)
        .oneshot(request)
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let asked = Asked {
        method: "POST",
        uri: http::PATH,
    };
    let answered = Answered {
        status: parts.status.as_u16(),
        headers: &parts.headers,
        body: &body,
    };
    let checked = served().check(asked, answered);
    checked.unwrap_or_else(|error| panic!("{error}"));
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.into(),
    }
}

pub(crate) fn good() -> Vec<u8> {
    request(vec![span(chat())]).encode_to_vec()
}

#[tokio::test]
async fn spans_become_observations_packed_or_not() {
    let bench = Bench::new(Config::default());
    for (head, body) in [
        (vec![("content-type", PROTOBUF)], good()),
        (
            vec![("content-type", PROTOBUF), ("content-encoding", "gzip")],
            gzip(&good()),
        ),
    ] {
        let answer = post(&bench, &head, body).await;
        assert_eq!(
            (answer.status, answer.media_type()),
            (StatusCode::OK, PROTOBUF)
        );
        assert_eq!(answer.body, b"", "whole success is an empty message");
    }
    let kept = bench.kept.observations.lock().unwrap().clone();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0], kept[1]);
    assert_eq!(bench.metric("sextant_otlp_anonymous_observations_total"), 2);
    assert_eq!(
        bench.metric("sextant_otlp_received_requests_total{transport=\"http\"}"),
        2
    );
    bench.assert_balanced();
}

/// The example of the protocol's own documentation, made one of ours.
const IN_JSON: &str = r#"{"resourceSpans": [{
    "resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "my.service"}}]},
    "scopeSpans": [{
        "scope": {"name": "my.library", "version": "1.0.0"},
        "spans": [{
            "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
            "parentSpanId": "EEE19B7EC3C1B173", "name": "I'm a client span", "kind": 3,
            "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000,
            "aFieldOfTheFuture": {"x": [1, 2]},
            "attributes": [
                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                {"key": "gen_ai.system", "value": {"stringValue": "openai"}},
                {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
                {"key": "gen_ai.request.stream", "value": {"boolValue": true}},
                {"key": "gen_ai.response.finish_reasons",
                 "value": {"arrayValue": {"values": [{"stringValue": "stop"}]}}},
                {"key": "gen_ai.response.time_to_first_chunk", "value": {"doubleValue": 0.25}},
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "9"}},
                {"key": "gen_ai.usage.output_tokens", "value": {"intValue": 20}}],
            "status": {}}]}]}]}"#;

#[tokio::test]
async fn json_is_read_in_the_protocols_own_way() {
    let bench = Bench::new(Config::default());
    let head = [("content-type", "application/json; charset=utf-8")];
    let answer = post(&bench, &head, IN_JSON).await;
    assert_eq!((answer.status, answer.media_type()), (StatusCode::OK, JSON));
    assert_eq!(answer.json(), json!({}));
    let kept = bench.kept.observations.lock().unwrap().clone();
    let [observation] = &kept[..] else {
        panic!("{kept:?}")
    };
    let id = observation.request_id.as_ref().unwrap().as_str();
    assert_eq!(id, "5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174");
    let measured = &observation.measurement;
    assert_eq!(measured.completed_at.as_micros(), 1_544_712_661_000_000);
    assert_eq!(
        (measured.ttft_us, measured.duration_us),
        (Some(250_000), Some(1_000_000))
    );
    assert_eq!(
        (measured.input_tokens, measured.output_tokens),
        (Some(9), Some(20))
    );
}

#[tokio::test]
async fn what_json_may_say_more_or_deeper_is_read_over() {
    let bench = Bench::new(Config::default());
    let head = [("content-type", JSON)];
    let with = |value: &str| {
        let first = r#"{"key": "gen_ai.operation.name""#;
        let more = format!(r#"{{"key": "x", "value": {value}}}, {first}"#);
        IN_JSON.replacen(first, &more, 1)
    };
    for value in [
        "{}",
        "null",
        r#"{"aValueOfTheFuture": [1]}"#,
        r#"{"doubleValue": null}"#,
    ] {
        let answer = post(&bench, &head, with(value)).await;
        assert_eq!(answer.status, StatusCode::OK, "{value}");
    }
    assert_eq!(bench.kept.observations.lock().unwrap().len(), 4);

    // As deep as a parser goes, and deeper: neither may end the process.
    for depth in [20, 60, 1_000, 50_000] {
        let (open, close) = (r#"{"arrayValue":{"values":["#, "]}}");
        let nested = with(&format!("{}{}", open.repeat(depth), close.repeat(depth)));
        let status = post(&bench, &head, nested).await.status;
        let expected = if depth == 20 {
            StatusCode::OK
        } else {
            StatusCode::BAD_REQUEST
        };
        assert_eq!(status, expected, "{depth}");
    }
}

#[tokio::test]
async fn what_cannot_be_mapped_is_told_with_what_to_do() {
    let bench = Bench::new(Config::default());
    *bench.kept.refuses_first.lock().unwrap() = Some(Refusal::CompletedAt);
    let mut nameless = chat();
    nameless.pop();
    let spans = vec![
        span(vec![text("http.request.method", "GET")]),
        span(nameless),
        span(chat()),
        span(chat()),
    ];
    let request = request(spans);
    let head = [("content-type", PROTOBUF)];
    let answer = post(&bench, &head, request.encode_to_vec()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let told = ExportTraceServiceResponse::decode(&answer.body[..]).unwrap();
    let partial = told.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 2);
    let message = partial.error_message;
    assert!(
        message.contains("sextant.model") && message.contains("1970"),
        "{message}"
    );

    let head = [("content-type", JSON)];
    let answer = post(&bench, &head, serde_json::to_vec(&request).unwrap()).await;
    let partial = json!({"rejectedSpans": "2", "errorMessage": message});
    assert_eq!(answer.json(), json!({ "partialSuccess": partial }));
    assert_eq!(bench.kept.observations.lock().unwrap().len(), 2);
    let left_out = |reason| {
        bench.metric(&format!(
            "sextant_otlp_left_out_spans_total{{reason=\"{reason}\"}}"
        ))
    };
    assert_eq!((left_out("model"), left_out("not_gen_ai")), (2, 2));
    assert_eq!(bench.metric("sextant_otlp_refused_spans_total"), 2);
    bench.assert_balanced();
}

#[tokio::test]
async fn a_refusal_is_a_status_in_the_requests_encoding() {
    let bench = Bench::new(Config::default());
    for (why, after, status) in [
        (Why::Unavailable, Some(1_500), 503),
        (Why::TooMuch, Some(2), 429),
        (Why::TooLarge, None, 413),
    ] {
        bench.refuse(why, after.map(Duration::from_millis));
        let answer = post(&bench, &[("content-type", PROTOBUF)], good()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.media_type()),
            (status, PROTOBUF)
        );
        let seconds = after.map(|ms: u64| ms.div_ceil(1_000).to_string());
        let told = answer.headers.get(RETRY_AFTER);
        assert_eq!(told.map(|told| told.to_str().unwrap().to_owned()), seconds);
        let refused = tonic_types::Status::decode(&answer.body[..]).unwrap();
        assert_eq!(refused.message, "not now");
        let has_retry = refused
            .details
            .iter()
            .any(|any| any.type_url.ends_with("RetryInfo"));
        assert_eq!(has_retry, after.is_some());

        let body = serde_json::to_vec(&request(vec![span(chat())])).unwrap();
        let answer = post(&bench, &[("content-type", JSON)], body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.media_type()),
            (status, JSON)
        );
        assert_eq!(answer.json()["message"], "not now");
        assert_eq!(answer.json()["code"], refused.code);
    }
    assert_eq!(bench.metric("sextant_otlp_refused_spans_total"), 6);
    bench.assert_balanced();
}

#[tokio::test]
async fn what_is_no_request_is_refused_by_what_is_wrong() {
    let bench = Bench::new(Config::default());
    let head = |media, encoding| [("content-type", media), ("content-encoding", encoding)];
    for (head, body, status, named) in [
        (
            head("text/plain", "gzip"),
            gzip(&good()),
            415,
            "application/x-protobuf",
        ),
        (head(PROTOBUF, "br"), good(), 415, "gzip"),
        (head(PROTOBUF, "gzip, gzip"), good(), 415, "gzip"),
        (head(PROTOBUF, "gzip"), good(), 400, "gzip"),
        (
            head(PROTOBUF, "gzip"),
            gzip(&good())[..20].to_vec(),
            400,
            "gzip",
        ),
        (
            head(PROTOBUF, "identity"),
            vec![0x0a, 5],
            400,
            "ends too early",
        ),
        (
            head(PROTOBUF, "identity"),
            vec![0x0a, 2, 0x0a, 9],
            400,
            "ends too early",
        ),
        (head(JSON, "identity"), b"{".to_vec(), 400, "EOF"),
        (head(JSON, "identity"), b"[1]".to_vec(), 400, "JSON"),
        (head(JSON, "identity"), vec![0xff], 400, "JSON"),
    ] {
        let answer = post(&bench, &head, body).await;
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status.as_u16(), status, "{head:?}: {told}");
        assert!(told.contains(named), "{head:?}: {told}");
        let told = [ACCEPT, ACCEPT_ENCODING].map(|name| answer.headers.contains_key(name));
        let is_media = head[0].1 == "text/plain";
        let wrong = [is_media, !is_media].map(|is_wrong| status == 415 && is_wrong);
        assert_eq!(told, wrong, "{head:?}");
    }
    let refused = |reason| {
        bench.metric(&format!(
            "sextant_otlp_refused_requests_total{{reason=\"{reason}\"}}"
        ))
    };
    let refused = ["media_type", "encoding", "invalid"].map(refused);
    assert_eq!(refused, [1, 2, 7]);
    assert!(bench.kept.observations.lock().unwrap().is_empty());
}

#[tokio::test]
async fn sizes_are_bounded_also_when_they_are_packed() {
    let bench = Bench::new(Config {
        message_bytes_max: NonZeroU32::new(20_000).unwrap(),
        spans_max: NonZeroU32::new(10).unwrap(),
        ..Config::default()
    });
    let bomb = gzip(&vec![0; 50_000_000]);
    assert!(bomb.len() > 20_000, "told by its own length");
    let small_bomb = gzip(&vec![0; 10_000_000]);
    assert!(small_bomb.len() < 20_000, "told when it is unpacked");
    let packed = [
        ("content-type", PROTOBUF),
        (CONTENT_ENCODING.as_str(), "gzip"),
    ];
    // Its end is missing, and nobody gets as far.
    let cut = small_bomb[..small_bomb.len() - 20].to_vec();
    for body in [bomb, small_bomb, cut] {
        let answer = post(&bench, &packed, body).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
    let plain = [("content-type", PROTOBUF)];
    // Of unknown length, so that it is told by what arrives.
    let chunks = (0..50).map(|_| Ok::<_, std::io::Error>("x".repeat(1_000)));
    let streamed = Body::from_stream(tokio_stream::iter(chunks));
    let answer = post(&bench, &plain, streamed).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let many = request(vec![span(chat()); 11]);
    let answer = post(&bench, &plain, many.encode_to_vec()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = post(
        &bench,
        &[("content-type", JSON)],
        serde_json::to_vec(&many).unwrap(),
    )
    .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(String::from_utf8(answer.body).unwrap().contains("10 spans"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let bench = Bench::new(Config::default());
    let never = || Body::from_stream(tokio_stream::pending::<Result<String, std::io::Error>>());
    let head = [("content-type", PROTOBUF)];
    for head in [head, [("content-type", JSON)]] {
        let answer = post(&bench, &head, never()).await;
        // One that exporters send again.
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers[RETRY_AFTER], "1");
    }
    let (answer, ()) = tokio::join!(post(&bench, &head, never()), async {
        bench.shutdown.cancel();
    });
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers[RETRY_AFTER], "1");
    let answer = post(&bench, &head, good()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
