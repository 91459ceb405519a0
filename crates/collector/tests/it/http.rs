//! `POST /api/v1/observations`.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sextant_collector::Config;
use sextant_intake::http::{PATH, router};
use sextant_wire::json::rfc3339;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

use crate::faulty_log::{Fate, unavailable};
use crate::harness::{Harness, NOW, collector, collector_with};
use crate::sample::{MODEL, identity};

struct Answered {
    status: StatusCode,
    retry_after: Option<String>,
    connection: Option<String>,
    accept_encoding: Option<String>,
    content_type: String,
    body: Value,
}

async fn post(harness: &Harness, headers: &[(&str, &str)], body: impl Into<Body>) -> Answered {
    let mut request = Request::builder().method(Method::POST).uri(PATH);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).unwrap();
    let response = router(harness.collector.intake())
        .oneshot(request)
        .await
        .unwrap();
    let text = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let (status, retry_after) = (response.status(), text("retry-after"));
    let content_type = text("content-type").unwrap_or_default();
    let [connection, accept_encoding] = ["connection", "accept-encoding"].map(text);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answered {
        status,
        retry_after,
        connection,
        accept_encoding,
        content_type,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    }
}

impl Answered {
    /// Checks that it is a problem, and gives its words.
    #[track_caller]
    fn problem(&self, status: StatusCode) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.content_type, "application/problem+json");
        assert_eq!(self.body["status"], status.as_u16());
        self.body["detail"].as_str().expect("a detail")
    }
}

fn observation() -> Value {
    json!({
        "model": MODEL,
        "provider": "deepinfra",
        "completed_at": rfc3339(NOW.plus_micros(-1_000)),
        "outcome": "ok",
        "ttft_ms": 221.497,
        "duration_ms": 804.243,
        "output_tokens": 150,
    })
}

fn endless() -> Body {
    Body::from_stream(futures::stream::pending::<Result<Bytes, Infallible>>())
}

fn with(name: &str, value: Value) -> String {
    let mut observation = observation();
    observation[name] = value;
    observation.to_string()
}

async fn kept(harness: &Harness) -> usize {
    let parts = harness.log.parts().await;
    parts.iter().map(|(_, part)| part.columns.len()).sum()
}

const IDENTITY: [(&str, &str); 3] = [
    ("sextant-agent", "gateway-1"),
    ("sextant-epoch", "18446744073709551615"),
    ("sextant-sequence", "12"),
];

#[tokio::test]
async fn lines_and_arrays_are_taken_alike_and_are_durable_when_answered() {
    let harness = collector().await;
    let one = observation().to_string();
    let lines = format!("{one}\n\n{one}\r\n");
    let array = format!(" [{one}, {one}]");
    for body in [lines, array] {
        let answer = post(&harness, &[], body).await;
        assert_eq!(answer.status, StatusCode::OK);
        let expected = json!({"accepted": 2, "rejected": [], "deduplicated": false});
        assert_eq!(answer.body, expected);
    }
    assert_eq!(kept(&harness).await, 4);
    let parts = harness.log.parts().await;
    let series = &parts[0].1.series[0];
    assert_eq!(
        series.endpoint.to_string(),
        format!("{MODEL} deepinfra/fp8")
    );
    assert_eq!(series.region.as_str(), "local");
}

#[tokio::test]
async fn the_three_headers_are_the_batchs_identity() {
    let harness = collector().await;
    for _ in 0..2 {
        let answer = post(&harness, &IDENTITY, observation().to_string()).await;
        assert_eq!(answer.body["deduplicated"], true);
    }
    let parts = harness.log.parts().await;
    let [(_, first), (_, again)] = parts.as_slice() else {
        panic!("{} parts", parts.len());
    };
    assert_eq!(first.identity, identity("gateway-1", u64::MAX, 12));
    assert_eq!(first.identity, again.identity);
    assert_eq!(first.content_hash, again.content_hash);
}

#[tokio::test]
async fn one_or_two_of_the_headers_or_a_bad_one_are_a_bad_request() {
    let harness = collector().await;
    let [agent, epoch, sequence] = IDENTITY;
    for headers in [
        vec![agent],
        vec![epoch, sequence],
        vec![agent, epoch, ("sextant-sequence", "-1")],
        vec![agent, ("sextant-epoch", "0x10"), sequence],
        vec![("sextant-agent", ""), epoch, sequence],
        vec![agent, agent, epoch, sequence],
    ] {
        let answer = post(&harness, &headers, observation().to_string()).await;
        answer.problem(StatusCode::BAD_REQUEST);
    }
    assert_eq!(harness.log.appends(), 0);
}

#[tokio::test]
async fn impossible_values_are_refused_by_index_and_the_rest_is_taken() {
    let harness = collector().await;
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let long = "x".repeat(65_536);
    let nan = observation().to_string().replace("804.243", "NaN");
    let infinite = observation().to_string().replace("804.243", "1e999");
    let cases: Vec<(String, &str)> = vec![
        (nan, "not a JSON object"),
        (infinite, "not a JSON object"),
        (with("duration_ms", json!(-1)), "finite numbers"),
        (with("ttft_ms", json!(-0.001)), "finite numbers"),
        (with("duration_ms", json!("805")), "finite numbers"),
        (with("duration_ms", json!(1e300)), "one day"),
        (with("duration_ms", json!(u64::MAX)), "one day"),
        (with("ttft_ms", json!(900)), "above duration_ms"),
        (with("output_tokens", json!(-5)), "whole numbers"),
        (with("output_tokens", json!(1.5)), "whole numbers"),
        (with("input_tokens", json!(1_u64 << 40)), "whole numbers"),
        (with("attempt", json!(0)), "attempt"),
        (with("status_code", json!(1_000_000)), "status_code"),
        (with("outcome", json!("OK")), "outcome"),
        (with("completed_at", json!("yesterday")), "completed_at"),
        (
            with("completed_at", json!("9999-12-31T00:00:00Z")),
            "completed_at",
        ),
        (with("completed_at", json!(1_795_000_000)), "completed_at"),
        (with("model", json!("a/b\u{0}")), "model"),
        (with("model", json!("<script>/x")), "model"),
        (with("model", json!("а/b")), "model"),
        (with("model", json!(long)), "model"),
        (with("provider", json!("p\nlevel=error")), "provider"),
        (with("region", json!("global")), "region"),
        (with("quantization", json!("q9")), "quantization"),
        (with("request_id", json!(long)), "request_id"),
        (with("operation", json!("a\u{1b}[2J")), "operation"),
        (with("streamed", json!(1)), "true or false"),
        (with("model", Value::Null), "required"),
        (
            with("model", json!(1)).replace("\"model\":1", &format!("\"model\":{deep}")),
            "model",
        ),
        ("{".to_owned(), "JSON"),
        ("17".to_owned(), "JSON"),
        ("\u{0}".to_owned(), "JSON"),
    ];
    let good = observation().to_string();
    let lines = cases.iter().flat_map(|(bad, _)| [bad.as_str(), &good]);
    let body = lines.collect::<Vec<_>>().join("\n");
    let answer = post(&harness, &[], body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.body["accepted"], cases.len());
    let rejected = answer.body["rejected"].as_array().unwrap();
    for (number, (refused, (bad, named))) in rejected.iter().zip(&cases).enumerate() {
        assert_eq!(refused["index"], number * 2);
        let reason = refused["reason"].as_str().unwrap();
        let shown: String = bad.chars().take(200).collect();
        assert!(reason.contains(named), "{shown}: {reason}");
    }
    assert_eq!(rejected.len(), cases.len());
    assert_eq!(kept(&harness).await, cases.len());
    let sum =
        harness.metric("sent_observations_total") + harness.metric("refused_observations_total");
    assert_eq!(harness.metric("received_observations_total"), sum);
}

#[tokio::test]
async fn bodies_that_are_not_observations_are_refused_whole() {
    let harness = collector_with(Config {
        observations_max: NonZeroU32::new(2).unwrap(),
        message_bytes_max: NonZeroU32::new(2_000).unwrap(),
        ..Config::default()
    })
    .await;
    let one = observation().to_string();
    for (body, status) in [
        (b"[{\"a\"".to_vec(), StatusCode::BAD_REQUEST),
        (vec![0xff, 0xfe], StatusCode::BAD_REQUEST),
        (
            format!("{one}\n{one}\n{one}").into_bytes(),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            format!("[{one},{one},{one}]").into_bytes(),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (vec![b' '; 2_001], StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = post(&harness, &[], body).await;
        answer.problem(status);
        assert_eq!(answer.retry_after, None);
    }
    assert_eq!(harness.log.appends(), 0);
    for (reason, count) in [("\"invalid\"", 2), ("\"too_large\"", 3)] {
        let refused = harness.metric_where("refused_batches_total", reason);
        assert_eq!(refused, count, "{reason}");
    }
}

#[tokio::test]
async fn a_body_in_an_encoding_is_told_to_come_without() {
    let harness = collector().await;
    let one = observation().to_string();
    for encodings in [
        vec!["gzip"],
        vec!["zstd"],
        vec!["identity, gzip"],
        vec!["identity", "gzip"],
    ] {
        let headers: Vec<_> = encodings
            .into_iter()
            .map(|it| ("content-encoding", it))
            .collect();
        let answer = post(&harness, &headers, one.clone()).await;
        answer.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(answer.accept_encoding.as_deref(), Some("identity"));
    }
    assert_eq!(harness.log.appends(), 0);
    assert_eq!(harness.metric("refused_batches_total"), 4);
    let answer = post(&harness, &[("content-encoding", "Identity")], one).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn an_empty_body_is_accepted_as_nothing() {
    let harness = collector().await;
    for body in ["", "\n\n", "[]"] {
        let answer = post(&harness, &[], body).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body["accepted"], 0);
    }
    assert_eq!(harness.log.appends(), 0);
}

#[tokio::test]
async fn refusals_that_pass_say_when_in_whole_seconds() {
    let harness = collector_with(Config {
        observations_max: NonZeroU32::new(1).unwrap(),
        observations_per_second_max: NonZeroU32::new(1).unwrap(),
        unavailable_retry_ms: 1_200,
        ..Config::default()
    })
    .await;
    harness.log.plan(|_, _| Fate::Refused(unavailable()));
    let answer = post(&harness, &[], observation().to_string()).await;
    answer.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.retry_after.as_deref(), Some("2"));
    let answer = post(&harness, &[], observation().to_string()).await;
    answer.problem(StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
}

#[tokio::test]
async fn fields_of_newer_senders_are_ignored_and_counted() {
    let harness = collector().await;
    let body = with("cached_tokens", json!(12));
    let answer = post(&harness, &[], body).await;
    assert_eq!(answer.body["accepted"], 1);
    assert_eq!(harness.metric("unknown_fields_total"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let harness = collector_with(Config {
        message_bytes_max: NonZeroU32::new(1_000).unwrap(),
        body_bytes_max: NonZeroU32::new(2_000).unwrap(),
        ..Config::default()
    })
    .await;
    let (first, second) = tokio::join!(post(&harness, &[], endless()), async {
        // While it lasts it holds all that its peer may hold of bodies.
        sleep(Duration::from_secs(1)).await;
        post(&harness, &[], observation().to_string()).await
    });
    first.problem(StatusCode::REQUEST_TIMEOUT);
    second.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(second.retry_after.as_deref(), Some("1"));
    let third = post(&harness, &[], observation().to_string()).await;
    assert_eq!(third.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_the_rest_of_a_body() {
    let harness = collector().await;
    let began = Instant::now();
    let (answer, ()) = tokio::join!(post(&harness, &[], endless()), async {
        sleep(Duration::from_secs(1)).await;
        harness.shutdown.cancel();
    });
    answer.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    assert_eq!(answer.connection.as_deref(), Some("close"));
    let refused = harness.metric_where("refused_batches_total", "\"unavailable\"");
    assert_eq!(refused, 1);
}
