//! Putting gates and asking for them.

mod over_grpc;
mod refused;

use std::time::Duration;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use sextant_eventlog::{EventLog as _, Offset, ReadLimit};
use sextant_server::Caller;
use sextant_wire::topics::GATES;

use crate::rig::{Answer, NOW, Rig, Running, settle};

const SCOUT: &str = "meta-llama/llama-4-scout";

fn gate(operation: &str, quantization: &str, verdict: &str) -> Value {
    json!({"operation": operation, "model": SCOUT, "quantization": quantization,
           "verdict": verdict, "author": "evals"})
}

async fn put(running: &Running, body: &Value) -> Answer {
    let body = Body::from(body.to_string());
    let request = Request::put("/api/v1/gates").body(body).unwrap();
    running.ask(request).await
}

async fn listed(running: &Running, query: &str) -> Vec<(String, String)> {
    let gates = running.json(&format!("/api/v1/gates{query}")).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let each = gates.as_array().unwrap().iter();
    each.map(|gate| {
        let what = [&gate["operation"], &gate["quantization"]].map(text);
        (what.join(" "), text(&gate["verdict"]))
    })
    .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let each = expected.iter();
    each.map(|(what, verdict)| ((*what).to_owned(), (*verdict).to_owned()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_put_is_stored_listed_and_in_the_snapshot() {
    let (_rig, running) = Rig::with([]).await;
    let gates = json!([
        gate("summarize", "fp8", "green"),
        gate("code", "int4", "red")
    ]);
    let answer = put(&running, &gates).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let stored = answer.json();
    assert_eq!(stored[0]["operation"], "summarize");
    assert_eq!(stored[0]["verdict"], "green");
    assert_eq!(stored[0]["author"], "evals");
    assert_eq!(stored[0]["since"], "2026-11-22T14:29:58Z");
    // It is served by the time it is answered.
    let all = pairs(&[("code int4", "red"), ("summarize fp8", "green")]);
    assert_eq!(listed(&running, "").await, all);
    assert_eq!(listed(&running, "?operation=code").await, all[..1]);
    assert_eq!(listed(&running, &format!("?model={SCOUT}")).await, all);
    assert_eq!(listed(&running, "?model=a/b").await, []);
    let snapshot = running.json("/api/v1/snapshot").await;
    assert_eq!(snapshot["gates"][1]["verdict"], "green");
    assert_eq!(snapshot["gates"][1]["since"], "2026-11-22T14:29:58Z");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_verdict_is_replaced_and_taken_back() {
    let (_rig, running) = Rig::with([]).await;
    for (verdict, left) in [
        ("green", pairs(&[("sum fp8", "green")])),
        ("red", pairs(&[("sum fp8", "red")])),
        ("none", vec![]),
        ("none", vec![]),
    ] {
        let answer = put(&running, &json!([gate("sum", "fp8", verdict)])).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()[0]["verdict"], verdict);
        assert_eq!(listed(&running, "").await, left);
    }
    assert_eq!(put(&running, &json!([])).await.json(), json!([]));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn every_server_of_a_log_has_the_same_gates_and_the_last_one_stands() {
    let (rig, first) = Rig::with([]).await;
    let second = rig.serve().await;
    put(&first, &json!([gate("sum", "fp8", "green")])).await;
    put(
        &second,
        &json!([gate("sum", "fp8", "red"), gate("sum", "bf16", "green")]),
    )
    .await;
    settle().await;
    let all = pairs(&[("sum fp8", "red"), ("sum bf16", "green")]);
    for running in [&first, &second] {
        assert_eq!(listed(running, "").await, all);
    }
    // One that begins later too, and no edition of it is without them.
    first.end().await;
    let third = rig.start();
    for _ in 0..3_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let answer = third.get("/api/v1/snapshot").await;
        if answer.status == 200 {
            assert_eq!(answer.json()["gates"].as_array().unwrap().len(), 2);
            assert_eq!(listed(&third, "").await, all);
            return;
        }
    }
    panic!("it never served");
}

#[tokio::test(start_paused = true)]
async fn two_servers_that_name_the_log_at_once_agree() {
    let (rig, first) = Rig::with([]).await;
    let second = rig.serve().await;
    let (one, other) = (
        json!([gate("one", "fp8", "green")]),
        json!([gate("other", "fp8", "red")]),
    );
    let (one, other) = tokio::join!(put(&first, &one), put(&second, &other));
    assert_eq!(
        (one.status, other.status),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    settle().await;
    for running in [&first, &second, &rig.serve().await] {
        let all = pairs(&[("one fp8", "green"), ("other fp8", "red")]);
        assert_eq!(listed(running, "").await, all);
    }
}

#[tokio::test(start_paused = true)]
async fn who_gives_no_author_is_named_by_their_token() {
    let (_rig, running) = Rig::with([]).await;
    let body =
        json!([{"operation": "sum", "model": SCOUT, "quantization": "fp8", "verdict": "red"}]);
    let mut request = Request::put("/api/v1/gates")
        .body(Body::from(body.to_string()))
        .unwrap();
    request
        .extensions_mut()
        .insert(Caller::Token("nightly-evals".into()));
    let stored = running.ask(request).await.json();
    assert_eq!(stored[0]["author"], "nightly-evals");
}

#[tokio::test(start_paused = true)]
async fn a_log_made_anew_has_none_of_the_former_gates_and_takes_new_ones() {
    let (rig, running) = Rig::with([]).await;
    let other = rig.serve().await;
    for verdict in ["green", "red", "green"] {
        put(&running, &json!([gate("sum", "fp8", verdict)])).await;
    }
    let version = running.json("/api/v1/snapshot").await["version"].clone();
    rig.log.log.remake(GATES);
    settle().await;
    settle().await;
    for running in [&running, &other] {
        assert_eq!(
            listed(running, "").await,
            [],
            "what no log has stands nowhere"
        );
        assert_ne!(running.json("/api/v1/snapshot").await["version"], version);
    }
    // What is taken now stands, at who took it and at all others.
    let answer = put(&running, &json!([gate("sum", "fp8", "red")])).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    settle().await;
    for running in [&running, &other, &rig.serve().await] {
        assert_eq!(listed(running, "").await, pairs(&[("sum fp8", "red")]));
    }
    // Also if someone else has written more to the new log than the old one had.
    rig.log.log.remake(GATES);
    let third = rig.serve().await;
    for n in 0..9 {
        put(&third, &json!([gate(&format!("o{n}"), "fp8", "green")])).await;
    }
    settle().await;
    for running in [&running, &other, &third] {
        assert_eq!(listed(running, "").await.len(), 9);
    }
}

#[tokio::test(start_paused = true)]
async fn a_gate_can_be_taken_back_when_nothing_else_is_known_of_it() {
    let (mut rig, running) = Rig::with([]).await;
    put(&running, &json!([gate("sum", "fp8", "green")])).await;
    running.end().await;
    rig.config.operations = vec!["other".to_owned()];
    let running = rig.serve().await;
    put(&running, &json!([gate("sum", "fp8", "red")]))
        .await
        .problem(422);
    put(&running, &json!([gate("su", "fp8", "none")]))
        .await
        .problem(422);
    let answer = put(&running, &json!([gate("sum", "fp8", "none")])).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(listed(&running, "").await, []);
}

#[tokio::test(start_paused = true)]
async fn what_compaction_leaves_gives_the_same_gates() {
    let (rig, running) = Rig::with([]).await;
    for (operation, verdict) in [("a", "green"), ("b", "red"), ("a", "none"), ("b", "green")] {
        put(&running, &json!([gate(operation, "fp8", verdict)])).await;
    }
    rig.log.log.clean(NOW.as_micros());
    let limit = ReadLimit {
        records: 100,
        bytes: 1 << 20,
    };
    let fetched = rig
        .log
        .read(GATES, 0, Offset(0), limit, Duration::ZERO)
        .await
        .unwrap();
    // The name, and the last record of each gate.
    assert_eq!(fetched.records.len(), 3, "{:?}", fetched.records);
    assert_eq!(
        listed(&rig.serve().await, "").await,
        pairs(&[("b fp8", "green")])
    );
}
