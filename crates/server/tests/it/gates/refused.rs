//! What is refused, and what changes nothing.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use sextant_eventlog::{EventLog as _, Offset};
use sextant_measure::quantization::Quantization;
use sextant_snapshot::gates::{GateKey, Ruling};
use sextant_wire::gates::{name_record, to_record};
use sextant_wire::topics::GATES;

use super::{SCOUT, gate, listed, pairs, put};
use crate::rig::{NOW, Rig, settle};

#[tokio::test(start_paused = true)]
async fn all_that_is_wrong_is_named_and_nothing_is_stored() {
    let (rig, running) = Rig::with([]).await;
    let long = "x".repeat(129);
    let gates = json!([
        gate("sum", "fp8", "green"),
        {"model": "meta-llama/llama-4-scot", "quantization": "fp9", "verdict": "amber"},
        {"operation": "sum", "model": SCOUT, "quantization": "unknown", "verdict": "green"},
        gate("sum", "fp8", "red"),
        {"operation": long, "model": "no slash", "quantization": "fp8", "verdict": "red",
         "author": "a\nb"},
    ]);
    let answer = put(&running, &gates).await;
    let problem = answer.problem(422);
    let wrong = problem["wrong"].as_array().unwrap();
    let named: Vec<_> = wrong
        .iter()
        .map(|it| format!("{} {}", it["index"], it["field"].as_str().unwrap()))
        .collect();
    assert_eq!(
        named,
        [
            "1 operation",
            "1 model",
            "1 quantization",
            "1 verdict",
            "2 quantization",
            "3 operation",
            "4 operation",
            "4 model",
            "4 author",
        ]
    );
    let reason = |index: usize| wrong[index]["reason"].as_str().unwrap().to_owned();
    assert!(
        reason(1).contains("did you mean meta-llama/llama-4-scout"),
        "{}",
        reason(1)
    );
    assert!(reason(4).contains("undisclosed"), "{}", reason(4));
    assert!(reason(5).contains("[0]"), "{}", reason(5));
    assert_eq!(listed(&running, "").await, []);
    let bounds = rig.log.bounds(GATES, 0).await.unwrap();
    assert_eq!(bounds.high_watermark, Offset(0));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_list_of_gates_is_refused() {
    let (_rig, running) = Rig::with([]).await;
    for body in ["", "{}", "[1]", "[{\"operation\": 1}]", "null"] {
        let request = Request::put("/api/v1/gates")
            .body(Body::from(body))
            .unwrap();
        let problem = running.ask(request).await.problem(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("array of gates"), "{detail}");
    }
    let much = format!("[{}]", " ".repeat(1 << 20));
    let request = Request::put("/api/v1/gates")
        .body(Body::from(much))
        .unwrap();
    running.ask(request).await.problem(413);
    let request = Request::put("/api/v1/gates").header("content-encoding", "gzip");
    let refused = running.ask(request.body(Body::from("[]")).unwrap()).await;
    refused.problem(415);
    assert_eq!(refused.header("accept-encoding"), Some("identity"));
    running.get("/api/v1/gates?models=a/b").await.problem(400);
    running.get("/api/v1/gates?model=ab").await.problem(400);
}

#[tokio::test(start_paused = true)]
async fn operations_can_be_a_closed_list() {
    let (mut rig, _) = Rig::with([]).await;
    rig.config.operations = vec!["summarize".to_owned(), "code".to_owned()];
    let running = rig.serve().await;
    let answer = put(&running, &json!([gate("sumarize", "fp8", "green")])).await;
    let problem = answer.problem(422);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("did you mean summarize?"), "{detail}");
    let answer = put(&running, &json!([gate("xyz", "fp8", "green")])).await;
    let problem = answer.problem(422);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("server.operations")
    );
    let answer = put(&running, &json!([gate("code", "fp8", "green")])).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(start_paused = true)]
async fn requests_and_the_number_of_gates_are_bounded() {
    let (mut rig, _) = Rig::with([]).await;
    rig.config.gates_max = 3.try_into().unwrap();
    rig.config.gates_put_max = 2.try_into().unwrap();
    let running = rig.serve().await;
    let of = |names: &[&str], verdict: &str| -> Value {
        names
            .iter()
            .map(|name| gate(name, "fp8", verdict))
            .collect()
    };
    put(&running, &of(&["a", "b", "c"], "green"))
        .await
        .problem(413);
    assert_eq!(put(&running, &of(&["a", "b"], "green")).await.status, 200);
    let problem = put(&running, &of(&["c", "d"], "green")).await.problem(409);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains('4') && detail.contains('3'), "{detail}");
    // What stands already takes no room, and what is taken back gives some.
    assert_eq!(put(&running, &of(&["a", "c"], "red")).await.status, 200);
    assert_eq!(put(&running, &of(&["a"], "none")).await.status, 200);
    assert_eq!(put(&running, &of(&["d"], "red")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_away_takes_nothing_and_what_stands_is_served() {
    let (rig, running) = Rig::with([]).await;
    put(&running, &json!([gate("sum", "fp8", "green")])).await;
    rig.log.cut(true);
    let answer = put(&running, &json!([gate("sum", "fp8", "red")])).await;
    answer.problem(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(listed(&running, "").await, pairs(&[("sum fp8", "green")]));
    rig.log.cut(false);
    settle().await;
    let answer = put(&running, &json!([gate("sum", "fp8", "red")])).await;
    assert_eq!(answer.status, 200);
    assert_eq!(listed(&running, "").await, pairs(&[("sum fp8", "red")]));
}

#[tokio::test(start_paused = true)]
async fn records_of_another_log_are_counted_and_change_nothing() {
    let (rig, running) = Rig::with([]).await;
    put(&running, &json!([gate("sum", "fp8", "green")])).await;
    let key = GateKey {
        operation: "sum".parse().unwrap(),
        model: SCOUT.parse().unwrap(),
        quantization: Quantization::Fp8,
    };
    let other = Ruling::new(key, None, "someone".to_owned(), NOW).unwrap();
    let records = vec![name_record(7), to_record(&other, 7)];
    rig.log.append(GATES, 0, records).await.unwrap();
    settle().await;
    assert_eq!(listed(&running, "").await, pairs(&[("sum fp8", "green")]));
    let ignored = |reason: &str| {
        running.metric(&format!(
            "sextant_server_ignored_records_total{{reason=\"{reason}\"}}"
        ))
    };
    assert_eq!(ignored("other_log"), Some(1.0));
    let received = running
        .metric("sextant_server_received_records_total")
        .unwrap();
    let applied = running
        .metric("sextant_server_applied_records_total")
        .unwrap();
    let reasons = [
        "other_log",
        "name",
        "read_again",
        "repeated",
        "undecodable",
        "damaged",
    ];
    let sum: f64 = reasons.iter().filter_map(|reason| ignored(reason)).sum();
    assert!(
        (received - applied - sum).abs() < 0.5,
        "{received} {applied} {sum}"
    );
}
