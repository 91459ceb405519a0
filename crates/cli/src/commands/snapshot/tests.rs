use serde_json::json;

use super::*;

fn figures() -> serde_json::Value {
    json!({
        "status": "healthy",
        "uptime_1m": {"ratio": 1.0, "n": 30},
        "uptime_30m": {"ratio": 99_996.0 / 100_000.0, "lower": 0.9, "n": 100_000},
        "success_30m": {"ratio": 0.57, "n": 100},
        "latency_ms": {"p50": 221.52, "p95": 303.9, "n": 149},
        "throughput_tps": {"p50": 186.0, "p95": null, "n": 50},
    })
}

fn shown(endpoints: &serde_json::Value) -> String {
    let snapshot = json!({
        "version": "v", "generated_at": "2026-11-22T14:29:58Z",
        "coverage": {"partitions_whole": 3, "partitions": 4},
        "observer_suspected": false, "endpoints": endpoints, "gates": [],
    });
    let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
    snapshot.text(false)
}

#[test]
fn absent_numbers_are_dashes_and_percentages_are_rounded_down() {
    let idle = json!({
        "status": "unknown",
        "uptime_30m": {"ratio": 1.0, "n": 60},
        "success_30m": {"ratio": null, "n": 0},
        "latency_ms": {"p50": null, "p95": null, "n": 0},
        "throughput_tps": {"p50": null, "p95": null, "n": 0},
    });
    let endpoint = |provider, quantization, price, global| {
        json!({
            "model": "meta-llama/llama-4-scout", "provider": provider,
            "quantization": quantization, "price": price, "global": global,
        })
    };
    let price = json!({"input": "0.08", "output": "0.3"});
    let text = shown(&json!([
        endpoint("deepinfra", "fp8", price, figures()),
        endpoint("idle", "bf16", json!(null), idle),
        endpoint("unheard-of", "unknown", json!(null), json!(null)),
    ]));
    insta::assert_snapshot!(text, @r"
    2026-11-22T14:29:58Z, 3 of 4 partitions

    meta-llama/llama-4-scout
    provider    quantization  $/M in  $/M out  TTFT p50 ms    p95  tok/s p50  p95   uptime  success  status
    deepinfra   q8 · fp8        0.08      0.3        221.5  303.9      186.0    —   99.99%   57.00%  healthy
    idle        full · bf16        —        —            —      —          —    —  100.00%        —  unknown
    unheard-of  undisclosed        —        —            —      —          —    —        —        —  —
    ");
}

#[test]
fn each_model_has_a_table_of_its_own() {
    let endpoint = |model| {
        json!({
            "model": model, "provider": "p", "quantization": "fp3",
            "price": null, "global": null,
        })
    };
    let text = shown(&json!([endpoint("b/two"), endpoint("a/one\u{1b}[2J")]));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[2], "a/one\\u{1b}[2J");
    assert_eq!(lines[6], "b/two");
    assert!(lines[8].starts_with("p         fp3"), "{text}");
}

#[test]
fn a_snapshot_without_endpoints_says_so() {
    let text = shown(&json!([]));
    assert_eq!(
        text,
        "2026-11-22T14:29:58Z, 3 of 4 partitions\n\nno endpoints"
    );
}

#[test]
fn only_models_are_asked_for() {
    let models = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
        path(&names)
    };
    assert_eq!(models(&[]), "/api/v1/snapshot");
    assert_eq!(models(&["a/b", "c/d"]), "/api/v1/snapshot?models=a/b,c/d");
}
