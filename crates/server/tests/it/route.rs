//! `GET /api/v1/route`.

use serde_json::{Value, json};
use sextant_measure::id::{EndpointId, Operation};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Minute;
use sextant_snapshot::gates::Verdict;
use sextant_snapshot::record::Entry;
use sextant_store::{StoreError, Terms, WindowRow};

use crate::numbers::{Attempts, deepinfra, endpoint, figures, ok, row, unlisted};
use crate::rig::{NOW, Rig, Running};

const MODEL: &str = "meta-llama/llama-4-scout";

fn novita() -> EndpointId {
    endpoint(MODEL, "novita", Quantization::Bf16)
}

fn rows() -> [Entry; 3] {
    [
        row(deepinfra(), &figures(ok(150))),
        row(novita(), &figures(ok(150))),
        row(unlisted(MODEL), &figures(ok(150))),
    ]
}

fn path(rest: &str) -> String {
    format!("/api/v1/route?model={MODEL}&seed=3&tier={rest}")
}

/// Tags and reasons, of candidates or of who was left out.
fn places(answer: &Value, whom: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let places = answer[whom].as_array().unwrap().iter();
    places
        .map(|one| (text(&one["tag"]), text(&one["reason"])))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(one, other): &(&str, &str)| ((*one).to_owned(), (*other).to_owned());
    pairs.iter().map(owned).collect()
}

#[tokio::test(start_paused = true)]
async fn the_choice_is_explained_place_by_place() {
    let (_rig, running) = Rig::with(rows()).await;
    let answer = running.json(&path("standard")).await;
    let order = [
        ("deepinfra/fp8", "best"),
        ("novita/bf16", "price"),
        ("somebody/int4", "price"),
    ];
    assert_eq!(places(&answer, "candidates"), pairs(&order));
    let undisclosed = [
        ("google-vertex/unknown", "undisclosed"),
        ("groq/unknown", "undisclosed"),
    ];
    assert_eq!(places(&answer, "excluded"), pairs(&undisclosed));
    let first = &answer["candidates"][0];
    assert_eq!(
        (&first["price"], &first["status"]),
        (&json!("0.135"), &json!("healthy"))
    );
    let p95 = first["ttft_p95_ms"].as_f64().unwrap();
    assert!((143.0..144.5).contains(&p95), "{p95}");
    assert_eq!(answer["candidates"][2]["price"], Value::Null);
    assert_eq!(
        (&answer["notes"], &answer["reason"]),
        (&json!(["no_operation"]), &Value::Null)
    );
    assert_eq!(
        (&answer["seed"], &answer["region"]),
        (&json!(3), &json!("global"))
    );
    assert!(answer["version"].is_string());
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn filters_may_leave_nobody_and_say_what_left_whom_out() {
    let (_rig, running) = Rig::with(rows()).await;
    let answer = running
        .json(&path("realtime&only=deepinfra,novita/bf16&ignore=novita"))
        .await;
    assert_eq!(answer["candidates"], json!([]));
    assert_eq!(answer["reason"], "no_candidate");
    let excluded = places(&answer, "excluded");
    assert!(
        excluded.contains(&("novita/bf16".to_owned(), "ignored".to_owned())),
        "{excluded:?}"
    );
    let not_native = ("deepinfra/fp8".to_owned(), "not_native".to_owned());
    assert!(excluded.contains(&not_native), "{excluded:?}");
    let answer = running
        .json(&path("standard&max_price=0.135&max_ttft_p95_ms=142.999"))
        .await;
    assert_eq!(
        places(&answer, "candidates"),
        pairs(&[("deepinfra/fp8", "best")])
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_seed_traffic_is_shared_all_the_same() {
    let alike = endpoint(MODEL, "somebody", Quantization::Bf16);
    let (rig, running) = Rig::with([
        row(novita(), &figures(ok(150))),
        row(alike, &figures(ok(150))),
    ])
    .await;
    let mut firsts = std::collections::BTreeSet::new();
    for _ in 0..30 {
        let answer = running
            .json(&format!("/api/v1/route?model={MODEL}&tier=realtime"))
            .await;
        firsts.insert(places(&answer, "candidates").remove(0).0);
        rig.wind(std::time::Duration::from_micros(1));
    }
    assert_eq!(firsts.len(), 2, "{firsts:?}");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_by_its_parameter() {
    let (_rig, running) = Rig::with(rows()).await;
    for (query, name, words) in [
        ("tier=standard", "model", "missing"),
        ("model=a/b", "tier", "missing"),
        ("model=a&tier=standard", "model", "author"),
        (
            "model=a/b&tier=Standard",
            "tier",
            "realtime, standard or batch",
        ),
        (
            "model=a/b&tier=batch&max_price=cheap",
            "max_price",
            "decimal",
        ),
        (
            "model=a/b&tier=batch&max_ttft_p95_ms=-1",
            "max_ttft_p95_ms",
            "number",
        ),
        (
            "model=a/b&tier=batch&max_ttft_p95_ms=0",
            "max_ttft_p95_ms",
            "number",
        ),
        (
            "model=a/b&tier=batch&min_throughput_p95=1.0001",
            "min_throughput_p95",
            "3 decimals",
        ),
        ("model=a/b&tier=batch&only=A", "only", "provider"),
        (
            "model=a/b&tier=batch&only=p&ignore=p",
            "only",
            "takes out all",
        ),
        ("model=a/b&tier=batch&seed=x", "seed", "digit"),
        ("model=a/b&tier=batch&at=noon", "at", "RFC 3339"),
        (
            "model=a/b&tier=batch&at=2030-01-01T00:00:00Z",
            "at",
            "future",
        ),
        ("model=a/b&tier=batch&tier=batch", "tier", "more than once"),
    ] {
        let problem = running
            .get(&format!("/api/v1/route?{query}"))
            .await
            .problem(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{query}: {detail}");
        assert_eq!(problem["parameter"], name, "{query}");
    }
    let misspelt = running.get("/api/v1/route?model=a/b&teir=batch").await;
    assert!(
        misspelt.problem(400)["detail"]
            .as_str()
            .unwrap()
            .contains("tier")
    );
    let problem = running
        .get("/api/v1/route?model=meta-llama/llama-4-scot&tier=batch")
        .await;
    assert_eq!(problem.problem(404)["nearest"], json!([MODEL]));
    running.end().await;
}

fn window(id: EndpointId, attempts: Attempts, terms: Terms) -> WindowRow {
    WindowRow {
        endpoint: id,
        region: None,
        ending: ending(),
        figures: figures(attempts),
        terms,
    }
}

fn ending() -> Minute {
    NOW.minute().minus(60)
}

fn terms(input: &str, native: bool, verdict: Option<Verdict>) -> Terms {
    let price = input.parse().unwrap();
    let operation: Operation = "summarize".parse().unwrap();
    Terms {
        pricing: Some(sextant_catalog::Pricing {
            input: price,
            output: price,
        }),
        native,
        verdicts: verdict
            .map(|verdict| (operation, verdict))
            .into_iter()
            .collect(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_earlier_minute_is_chosen_from_as_it_was_then() {
    let (rig, running) = Rig::with(rows()).await;
    rig.store.hold_windows(vec![
        window(
            deepinfra(),
            ok(150),
            terms("3", false, Some(Verdict::Green)),
        ),
        window(novita(), ok(150), terms("4", true, None)),
        window(
            unlisted(MODEL),
            ok(150),
            terms("1", false, Some(Verdict::Red)),
        ),
    ]);
    let at = sextant_wire::json::rfc3339(ending().start().plus_micros(59_000_000));
    let answer = running
        .json(&path(&format!("standard&operation=summarize&at={at}")))
        .await;
    let order = [("deepinfra/fp8", "best"), ("novita/bf16", "price")];
    assert_eq!(places(&answer, "candidates"), pairs(&order));
    assert_eq!(
        places(&answer, "excluded"),
        pairs(&[("somebody/int4", "red")])
    );
    assert_eq!(answer["cheapest_green"], "deepinfra/fp8");
    assert_eq!(answer["at"], sextant_wire::json::rfc3339(ending().start()));
    assert_eq!(answer["version"], Value::Null);
    assert_eq!(answer["candidates"][0]["age_ms"], 0);
    let asked = rig.store.last_windows_query();
    assert_eq!(
        (asked.range.from, asked.range.to),
        (ending(), ending().plus(1))
    );
    rig.store.hold_windows(Vec::new());
    let problem = running
        .get(&path(&format!("standard&at={at}")))
        .await
        .problem(404);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("nothing is kept"),
        "{problem}"
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_takes_only_earlier_minutes_with_it() {
    let (rig, running): (Rig, Running) = Rig::with(rows()).await;
    rig.store.fail(StoreError::Unavailable {
        reason: "away".into(),
    });
    let at = sextant_wire::json::rfc3339(ending().start());
    running
        .get(&path(&format!("standard&at={at}")))
        .await
        .problem(503);
    running.json(&path("standard")).await;
    running.end().await;
}
