//! What a server says of a model, compared with what is true.

use serde_json::Value;

use crate::process::{Process, eventually};
use crate::truth::{Truth, nearest_rank};

/// The endpoints of a model, by provider, once they hold `total` observations in all.
pub fn endpoints(server: &Process, model: &str, total: u64) -> Vec<Value> {
    let path = format!("/api/v1/models/{model}/endpoints");
    eventually(&format!("{total} observations of {model}"), || {
        let (status, body) = server.try_request(&path)?;
        let endpoints = body["data"]["endpoints"]
            .as_array()
            .filter(|_| status == 200)?;
        let held = |endpoint: &Value| {
            let counts = &endpoint["sextant"]["counts"];
            counts["live"]["total"].as_u64().unwrap_or(0)
                + counts["probe"]["total"].as_u64().unwrap_or(0)
        };
        let sum: u64 = endpoints.iter().map(held).sum();
        assert!(
            sum <= total,
            "{sum} where {total} were sent: something counted twice"
        );
        (sum == total).then(|| endpoints.clone())
    })
}

/// The provider's slug of an endpoint.
pub fn provider(endpoint: &Value) -> &str {
    endpoint["tag"].as_str().unwrap().split('/').next().unwrap()
}

/// Every count equal; every quantile within 1 %, or absent where there is too little.
pub fn assert_true(endpoint: &Value, truth: &Truth) {
    let name = provider(endpoint);
    let own = &endpoint["sextant"];
    let live = &own["counts"]["live"];
    assert_eq!(live["total"], truth.live, "{name}: {live}");
    assert_eq!(live["ok"], truth.ok, "{name}: {live}");
    assert_eq!(live["rate_limited"], truth.rate_limited, "{name}: {live}");
    assert_eq!(own["counts"]["probe"]["total"], truth.probes, "{name}");
    assert_ratio(&own["uptime_30m"], truth.uptime, name);
    assert_ratio(&own["success_30m"], truth.success, name);
    assert_quantiles(&own["latency_ms"], &truth.ttft_ms, false, name);
    assert_quantiles(&own["duration_ms"], &truth.duration_ms, false, name);
    assert_quantiles(&own["throughput_tps"], &truth.tokens_per_second, true, name);
}

/// The same, of numbers that somebody else has worked out.
pub fn assert_published(endpoint: &Value, exact: &Value) {
    let name = provider(endpoint);
    let own = &endpoint["sextant"];
    let live = &own["counts"]["live"];
    for (shown, published) in [
        ("total", "count"),
        ("ok", "ok"),
        ("bad", "bad"),
        ("rate_limited", "rate_limited"),
    ] {
        assert_eq!(live[shown], exact[published], "{name} {shown}: {live}");
    }
    for kind in ["uptime", "success"] {
        let shown = &own[format!("{kind}_30m")]["ratio"];
        assert_within(shown, &exact[kind], 1e-9, &format!("{name} {kind}"));
    }
    let speed = &exact["tokens_per_second"];
    for (shown, published, p95, n) in [
        ("latency_ms", &exact["ttft_ms"], "p95", &exact["ok"]),
        ("duration_ms", &exact["duration_ms"], "p95", &exact["ok"]),
        ("throughput_tps", speed, "p95_slow_tail", &speed["n"]),
    ] {
        let (found, name) = (&own[shown], format!("{name} {shown}"));
        assert_eq!(&found["n"], n, "{name}: {found}");
        assert_within(&found["p50"], &published["p50"], 0.01, &name);
        if n.as_u64().unwrap() >= 100 {
            assert_within(&found["p95"], &published[p95], 0.01, &name);
        } else {
            assert!(found["p95"].is_null(), "{name}: {found}");
            assert_eq!(found["reason"]["p95"], "insufficient_data", "{name}");
        }
    }
}

fn assert_within(shown: &Value, exact: &Value, share: f64, name: &str) {
    let exact = exact.as_f64().unwrap();
    let is_within = |shown: f64| (shown - exact).abs() <= exact * share;
    assert!(
        shown.as_f64().is_some_and(is_within),
        "{name}: {shown}, exactly {exact}"
    );
}

#[allow(clippy::cast_precision_loss, reason = "a few hundred")]
fn assert_ratio(found: &Value, (part, whole): (u64, u64), name: &str) {
    assert_eq!(found["n"], whole, "{name}: {found}");
    if whole < 20 {
        assert!(found["ratio"].is_null(), "{name}: {found}");
    } else {
        let ratio = found["ratio"].as_f64().unwrap();
        assert!(
            (ratio - part as f64 / whole as f64).abs() < 1e-12,
            "{name}: {found}"
        );
    }
}

fn assert_quantiles(found: &Value, sorted: &[f64], at_least: bool, name: &str) {
    assert_eq!(found["n"], sorted.len(), "{name}: {found}");
    for (percentile, q, min) in [("p50", 0.5, 20), ("p95", 0.95, 100)] {
        if sorted.len() < min {
            assert!(found[percentile].is_null(), "{name} {percentile}: {found}");
            continue;
        }
        let exact = nearest_rank(sorted, if at_least { 1.0 - q } else { q });
        let shown = found[percentile].as_f64().unwrap();
        assert!(
            (shown - exact).abs() <= exact * 0.01,
            "{name} {percentile}: {shown}, exactly {exact}"
        );
    }
}
