//! `GET /api/v1/models`.

use std::time::Duration;

use serde_json::{Value, json};
use sextant_measure::quantization::Quantization;

use crate::numbers::{Attempts, deepinfra, endpoint, figures, ok, row, unlisted};
use crate::rig::{Rig, Running};

async fn scout(running: &Running) -> Value {
    let answer = running.json("/api/v1/models").await;
    let data = answer["data"].as_array().unwrap();
    let found = data
        .iter()
        .find(|model| model["id"] == "meta-llama/llama-4-scout");
    found.unwrap().clone()
}

fn down() -> Attempts {
    Attempts {
        ok: 100,
        timeouts: 100,
        tps: 900,
        ..Attempts::default()
    }
}

fn at(tps: u32, n: u64) -> Attempts {
    Attempts { tps, ..ok(n) }
}

#[tokio::test(start_paused = true)]
async fn a_model_of_the_catalog_is_listed_with_its_composite() {
    let (_rig, running) = Rig::with([]).await;
    let model = scout(&running).await;
    assert_eq!(model["name"], "Meta: Llama 4 Scout");
    assert_eq!(model["composite"], 54.5);
    assert_eq!(model["benchmarks"]["mmlu_pro"], 74.3);
    assert_eq!(model["native"], json!(["bf16"]));
    assert_eq!(model["context_length"], 10_485_760);
    assert_eq!(model["endpoints"], 4);
    assert_eq!(model["fastest"], Value::Null);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_cheapest_has_the_lowest_blended_price_of_those_not_down() {
    let (_rig, running) = Rig::with([]).await;
    let cheapest = scout(&running).await["cheapest"].clone();
    assert_eq!(
        cheapest,
        json!({"tag": "deepinfra/fp8", "provider_name": "DeepInfra", "status": "unknown",
               "price": {"input": "0.08", "output": "0.3", "blended": "0.135"}})
    );
    running.end().await;
    let (_rig, running) = Rig::with([row(deepinfra(), &figures(down()))]).await;
    assert_eq!(scout(&running).await["cheapest"]["tag"], "groq/unknown");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_fastest_has_the_highest_throughput_p95_of_those_with_enough_samples() {
    let of = |provider, quantization| endpoint("meta-llama/llama-4-scout", provider, quantization);
    let rows = [
        row(deepinfra(), &figures(down())),
        row(of("groq", Quantization::Unknown), &figures(at(500, 100))),
        row(of("novita", Quantization::Bf16), &figures(at(700, 99))),
        row(
            of("google-vertex", Quantization::Unknown),
            &figures(at(300, 100)),
        ),
    ];
    let (rig, running) = Rig::with(rows).await;
    let fastest = scout(&running).await["fastest"].clone();
    assert_eq!(fastest["tag"], "groq/unknown");
    assert_eq!(
        (&fastest["n"], &fastest["status"]),
        (&json!(100), &json!("healthy"))
    );
    let p95 = fastest["throughput_p95_tps"].as_f64().unwrap();
    assert!((p95 / 500.0 - 1.0).abs() < 0.01, "{p95}");
    // Speed of half an hour ago is nobody's speed now.
    rig.pass(Duration::from_mins(30)).await;
    assert_eq!(scout(&running).await["fastest"], Value::Null);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn models_seen_only_in_traffic_are_listed_too() {
    let (_rig, running) = Rig::with([row(unlisted("nobody/knows-it"), &figures(ok(1)))]).await;
    let answer = running.json("/api/v1/models").await;
    let data = answer["data"].as_array().unwrap();
    let ids: Vec<_> = data
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert!(ids.is_sorted(), "{ids:?}");
    let found = data
        .iter()
        .find(|model| model["id"] == "nobody/knows-it")
        .unwrap();
    assert_eq!(found["name"], "nobody/knows-it");
    assert_eq!(
        (&found["created"], &found["endpoints"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(
        (&found["cheapest"], &found["composite"]),
        (&Value::Null, &Value::Null)
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_says_how_whole_it_is() {
    let (_rig, running) = Rig::with([]).await;
    let about = running.json("/api/v1/models").await["sextant"].clone();
    assert_eq!(
        about["coverage"],
        json!({"partitions_whole": 1, "partitions": 1})
    );
    assert_eq!(about["observer_suspected"], false);
    running.end().await;
}
