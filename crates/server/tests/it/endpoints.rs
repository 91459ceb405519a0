//! `GET /api/v1/models/{author}/{slug}/endpoints`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sextant_measure::quantization::Quantization;
use sextant_measure::ratio::Ratio;

use crate::numbers::{Attempts, deepinfra, endpoint, figures, ok, row, row_of_two, unlisted};
use crate::rig::{Rig, Running};

const SCOUT: &str = "/api/v1/models/meta-llama/llama-4-scout/endpoints";

/// The endpoint with this tag.
async fn shown(running: &Running, uri: &str, tag: &str) -> Value {
    let answer = running.json(uri).await;
    let endpoints = answer["data"]["endpoints"].as_array().unwrap().clone();
    let found = endpoints.into_iter().find(|held| held["tag"] == tag);
    found.unwrap_or_else(|| panic!("no {tag} in {answer}"))
}

fn attempts() -> Attempts {
    Attempts {
        ok: 149,
        timeouts: 1,
        ..Attempts::default()
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// Asserts that both have the same keys at every depth, and gives the first path that differs.
fn assert_same_shape(found: &Value, wanted: &Value, path: &str) {
    if let (Some(_), Some(object)) = (found.as_object(), wanted.as_object()) {
        assert_eq!(keys(found), keys(wanted), "{path}");
        for (key, wanted) in object {
            assert_same_shape(&found[key], wanted, &format!("{path}.{key}"));
        }
        return;
    }
    let kind = |value: &Value| match value {
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Null => "null",
        Value::Bool(_) => "boolean",
    };
    assert_eq!(kind(found), kind(wanted), "{path}");
}

/// The object as it is documented, for an endpoint that has 149 good attempts and a bad one.
fn documented() -> Value {
    let uptime = json!({"ratio": 0.9933, "lower": 0.9632, "n": 150});
    let ratio = json!({"ratio": 0.9933, "n": 150});
    let rebuilding = json!({"ratio": null, "lower": null, "n": null,
        "reason": {"ratio": "rebuilding", "lower": "rebuilding", "n": "rebuilding"}});
    json!({"status": "healthy", "age_ms": 412, "region": "global",
     "window": {"start": "2026-11-22T14:00:00Z", "end": "2026-11-22T14:29:58Z"},
     "counts": {"live": {"total": 150, "ok": 149, "bad": 1, "rate_limited": 0, "geo_blocked": 0, "left_out": 0},
                "probe": {"total": 0, "ok": 0, "bad": 0, "left_out": 0}, "late": 0}, "agents": {"5m": 1, "1h": 1},
     "latency_ms": {"p50": 221.5, "p75": 240.1, "p90": 298.8, "p95": 303.9, "p99": null, "n": 149,
                    "reason": {"p99": "insufficient_data"}},
     "duration_ms": {"p50": 805.1, "p95": 941.7, "n": 149},
     "throughput_tps": {"p50": 186.0, "p95": 159.2, "q95": 206.9, "n": 149},
     "uptime_30m": uptime, "uptime_1m": uptime, "uptime_5m": uptime,
     "uptime_6h": uptime, "uptime_1d": rebuilding,
     "success_1m": ratio, "success_30m": ratio, "rate_limited_30m": ratio, "gates": []})
}

#[tokio::test(start_paused = true)]
async fn the_sextant_object_has_the_documented_shape() {
    let mut seen = figures(attempts());
    seen.uptime_6h = Some(Ratio::new(149, 150));
    let (rig, running) = Rig::with([row(deepinfra(), &seen)]).await;
    rig.pass(Duration::from_millis(412)).await;
    let shown = shown(&running, SCOUT, "deepinfra/fp8").await;
    let mut wanted = documented();
    let mut region = documented();
    region["region"] = json!("us-west-2");
    wanted["regions"] = json!({"us-west-2": region});
    assert_same_shape(&shown["sextant"], &wanted, "sextant");
    let object = &shown["sextant"];
    assert_eq!(object["age_ms"], 412);
    assert_eq!(object["counts"], wanted["counts"]);
    assert_eq!(object["agents"], json!({"5m": 1, "1h": 2}));
    assert_eq!(object["window"]["start"], "2026-11-22T14:00:00Z");
    assert_eq!(object["window"]["end"], "2026-11-22T14:29:58Z");
    assert_eq!(object["regions"]["us-west-2"]["region"], "us-west-2");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn numbers_are_unrounded_and_in_the_units_of_their_names() {
    let (_rig, running) = Rig::with([row(deepinfra(), &figures(attempts()))]).await;
    let shown = shown(&running, SCOUT, "deepinfra/fp8").await;
    let close = |value: &Value, wanted: f64| {
        let value = value.as_f64().unwrap();
        assert!((value / wanted - 1.0).abs() <= 0.01, "{value} for {wanted}");
    };
    let object = &shown["sextant"];
    // The k-th attempt took k ms to its first token: of 149, rank 75 and rank 142.
    close(&object["latency_ms"]["p50"], 75.0);
    close(&object["latency_ms"]["p95"], 142.0);
    close(&object["duration_ms"]["p50"], 1_000.0);
    close(&object["throughput_tps"]["p95"], 200.0);
    assert_eq!(object["success_30m"]["n"], 150);
    assert_eq!(object["rate_limited_30m"], json!({"ratio": 0.0, "n": 150}));
    // As text, since reading it back may round.
    let text = running.get(SCOUT).await.text();
    let ratio = 149.0 / 150.0;
    for (name, value) in [
        ("uptime_30m\":{\"ratio", ratio),
        ("success_30m\":{\"ratio", ratio),
    ] {
        assert!(text.contains(&format!("\"{name}\":{value}")), "{name}");
    }
    for name in ["uptime_last_5m", "uptime_last_30m"] {
        let percent = ratio * 100.0;
        assert!(text.contains(&format!("\"{name}\":{percent}")), "{name}");
    }
    close(&shown["latency_last_30m"]["p99"], 148.0);
    close(&shown["throughput_last_30m"]["p50"], 200.0);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_every_key_of_openrouters_shape() {
    let (_rig, running) = Rig::with([row(deepinfra(), &figures(attempts()))]).await;
    let answer = running.json(SCOUT).await;
    let data = &answer["data"];
    let wanted = BTreeSet::from([
        "id",
        "name",
        "created",
        "description",
        "architecture",
        "endpoints",
    ]);
    assert_eq!(keys(data), wanted);
    assert_eq!(
        data["architecture"],
        json!({"modality": "text+image->text", "input_modalities": ["text", "image"],
               "output_modalities": ["text"], "instruct_type": null, "tokenizer": "Llama4"})
    );
    assert_eq!(data["created"], 1_743_811_200);
    let mut first = data["endpoints"][0].clone();
    let object = first.as_object_mut().unwrap();
    for measured in ["uptime_last_5m", "uptime_last_30m"] {
        assert!(object.remove(measured).unwrap().is_f64(), "{measured}");
    }
    for measured in ["latency_last_30m", "throughput_last_30m"] {
        let percentiles = object.remove(measured).unwrap();
        assert_eq!(
            keys(&percentiles),
            BTreeSet::from(["p50", "p75", "p90", "p99"])
        );
        assert!(percentiles.as_object().unwrap().values().all(Value::is_f64));
    }
    object.remove("sextant").unwrap();
    let wanted = json!({
        "name": "DeepInfra | meta-llama/llama-4-scout", "model_id": "meta-llama/llama-4-scout",
        "model_name": "Meta: Llama 4 Scout", "provider_name": "DeepInfra", "tag": "deepinfra/fp8",
        "quantization": "fp8", "context_length": 327_680, "max_completion_tokens": null,
        "max_prompt_tokens": null,
        "pricing": {"prompt": "0.00000008", "completion": "0.0000003"},
        "supported_parameters": [],
        "supports_tool_choice": {"none": false, "auto": false, "required": false, "function": false},
        "native_tools": {}, "service_tier": null, "supports_diarization": false,
        "supports_implicit_caching": false, "uptime_last_1d": null});
    assert_eq!(first, wanted);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_of_the_catalog_without_a_row_has_no_data() {
    let (_rig, running) = Rig::with([]).await;
    let answer = running.json(SCOUT).await;
    let tags: Vec<_> = answer["data"]["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["tag"].clone())
        .collect();
    let by_price = [
        "deepinfra/fp8",
        "groq/unknown",
        "novita/bf16",
        "google-vertex/unknown",
    ];
    assert_eq!(tags, by_price);
    let shown = shown(&running, SCOUT, "groq/unknown").await;
    let object = &shown["sextant"];
    assert_eq!(object["status"], "unknown");
    assert_eq!(object["reason"], json!({"status": "no_data"}));
    assert_eq!(object["age_ms"], Value::Null);
    assert_eq!(object["window"], Value::Null);
    assert_eq!(object["regions"], json!({}));
    assert_eq!(object["counts"]["live"]["total"], 0);
    assert_eq!(object["agents"], json!({"5m": 0, "1h": 0}));
    assert_eq!(
        object["uptime_1d"],
        json!({"ratio": null, "lower": null, "n": 0, "reason": {"ratio": "no_data", "lower": "no_data"}})
    );
    assert_eq!(
        object["throughput_tps"],
        json!({"p50": null, "p95": null, "q95": null, "n": 0,
               "reason": {"p50": "no_data", "p95": "no_data", "q95": "no_data"}})
    );
    for absent in ["uptime_last_30m", "latency_last_30m", "throughput_last_30m"] {
        assert_eq!(shown[absent], Value::Null, "{absent}");
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_without_a_context_length_of_its_own_has_its_models() {
    let (_rig, running) = Rig::with([]).await;
    for (tag, tokens) in [
        ("deepinfra/fp8", 327_680),
        ("novita/bf16", 10_485_760),
        ("google-vertex/unknown", 10_485_760),
    ] {
        let shown = shown(&running, SCOUT, tag).await;
        assert_eq!(shown["context_length"], tokens, "{tag}");
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_only_in_traffic_is_shown_without_a_price() {
    let model = unlisted("nobody/knows-it");
    let offered_by_another = endpoint("meta-llama/llama-4-scout", "somebody", Quantization::Int4);
    let rows = [model, offered_by_another].map(|id| row(id, &figures(ok(20))));
    let (_rig, running) = Rig::with(rows).await;
    let answer = running
        .json("/api/v1/models/nobody/knows-it/endpoints")
        .await;
    let data = &answer["data"];
    assert_eq!(data["name"], "nobody/knows-it");
    assert_eq!(
        (&data["created"], &data["description"]),
        (&json!(0), &json!(""))
    );
    assert_eq!(data["architecture"]["modality"], "text->text");
    let shown_alone = &data["endpoints"][0];
    assert_eq!(shown_alone["name"], "nobody/knows-it somebody/int4");
    assert_eq!(shown_alone["provider_name"], "somebody");
    assert_eq!(shown_alone["context_length"], 0);
    assert_eq!(
        shown_alone["pricing"],
        json!({"prompt": "-1", "completion": "-1"})
    );
    assert_eq!(shown_alone["sextant"]["status"], "healthy");
    // Beside those of the catalog it comes last.
    let scout = running.json(SCOUT).await;
    let endpoints = scout["data"]["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 5);
    assert_eq!(endpoints[4]["tag"], "somebody/int4");
    assert_eq!(endpoints[4]["model_name"], "Meta: Llama 4 Scout");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn regions_stand_beside_their_merge() {
    let row = row_of_two(
        deepinfra(),
        [&figures(ok(20)), &figures(ok(130))],
        &figures(ok(150)),
    );
    let (_rig, running) = Rig::with([row]).await;
    let shown = shown(&running, SCOUT, "deepinfra/fp8").await;
    let object = &shown["sextant"];
    assert_eq!(object["uptime_30m"]["n"], 150);
    let regions = &object["regions"];
    assert_eq!(keys(regions), BTreeSet::from(["eu-north-1", "us-west-2"]));
    assert_eq!(regions["eu-north-1"]["uptime_30m"]["n"], 20);
    assert_eq!(regions["us-west-2"]["latency_ms"]["n"], 130);
    assert!(!keys(&regions["us-west-2"]).contains("regions"));
    // Senders are counted by endpoint, so nobody knows how many there are in one of its regions.
    assert_eq!(object["agents"], json!({"5m": 1, "1h": 2}));
    assert_eq!(
        regions["us-west-2"]["agents"],
        json!({"5m": null, "1h": null})
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_nobody_knows_is_refused_with_those_that_are_near() {
    let (_rig, running) = Rig::with([]).await;
    let refused = running
        .get("/api/v1/models/meta-llama/lama-4-scout/endpoints")
        .await;
    let problem = refused.problem(404);
    assert_eq!(problem["nearest"], json!(["meta-llama/llama-4-scout"]));
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("did you mean meta-llama/llama-4-scout?"),
        "{detail}"
    );
    let refused = running.get("/api/v1/models/x/y/endpoints").await;
    assert_eq!(refused.problem(404)["nearest"], json!([]));
    running.end().await;
}
