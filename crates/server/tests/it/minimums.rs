//! Dashes and their reasons, at and around every minimum.

use std::time::Duration;

use serde_json::{Value, json};

use crate::numbers::{Attempts, deepinfra, figures, ok, row};
use crate::rig::Rig;

async fn shown(attempts: Attempts, passing: Duration) -> Value {
    let (rig, running) = Rig::with([row(deepinfra(), &figures(attempts))]).await;
    rig.pass(passing).await;
    let uri = "/api/v1/models/meta-llama/llama-4-scout/endpoints";
    let shown = running.json(uri).await["data"]["endpoints"][0].clone();
    running.end().await;
    shown
}

#[tokio::test(start_paused = true)]
async fn each_number_appears_at_its_minimum_and_not_before() {
    for (n, p50, p95, p99, ratio) in [
        (0, false, false, false, false),
        (19, false, false, false, false),
        (20, true, false, false, true),
        (99, true, false, false, true),
        (100, true, true, false, true),
        (499, true, true, false, true),
        (500, true, true, true, true),
    ] {
        let shown = shown(ok(n), Duration::ZERO).await;
        let object = &shown["sextant"];
        let reason = if n == 0 {
            "no_data"
        } else {
            "insufficient_data"
        };
        let check = |numbers: &str, name: &str, is_present: bool| {
            let numbers = &object[numbers];
            assert_eq!(
                numbers[name].is_f64(),
                is_present,
                "{n}: {name} of {numbers}"
            );
            let why = if is_present {
                Value::Null
            } else {
                json!(reason)
            };
            assert_eq!(numbers["reason"][name], why, "{n}: {name} of {numbers}");
            assert_eq!(numbers["n"], n, "{numbers}");
        };
        for (name, is_present) in [
            ("p50", p50),
            ("p75", p95),
            ("p90", p95),
            ("p95", p95),
            ("p99", p99),
        ] {
            check("latency_ms", name, is_present);
        }
        for numbers in ["duration_ms", "throughput_tps"] {
            check(numbers, "p50", p50);
            check(numbers, "p95", p95);
        }
        check("throughput_tps", "q95", p95);
        for name in ["uptime_1m", "uptime_5m", "uptime_30m"] {
            check(name, "ratio", ratio);
            check(name, "lower", ratio);
        }
        for name in ["success_1m", "success_30m", "rate_limited_30m"] {
            check(name, "ratio", ratio);
        }
        let is_known = n >= 20;
        let status = if is_known { "healthy" } else { "unknown" };
        assert_eq!(object["status"], status, "{n}");
        let why = if is_known { Value::Null } else { json!(reason) };
        assert_eq!(object["reason"]["status"], why, "{n}");
        // The other shape has no null inside: all of it from 100 on, p99 too.
        for name in ["latency_last_30m", "throughput_last_30m"] {
            assert_eq!(shown[name].is_object(), n >= 100, "{n}: {name}");
            assert_eq!(shown[name]["p99"].is_f64(), n >= 100, "{n}: {name}");
        }
        for name in ["uptime_last_5m", "uptime_last_30m"] {
            assert_eq!(shown[name].is_f64(), ratio, "{n}: {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn probes_alone_give_an_uptime_beside_dashes() {
    let probes = Attempts {
        probes: 30,
        ..Attempts::default()
    };
    let object = shown(probes, Duration::ZERO).await["sextant"].clone();
    assert_eq!(object["status"], "healthy");
    assert_eq!(object["uptime_30m"]["ratio"], 1.0);
    assert_eq!(
        object["counts"]["probe"],
        json!({"total": 30, "ok": 30, "bad": 0, "left_out": 0})
    );
    for dash in ["latency_ms", "throughput_tps"] {
        assert_eq!(object[dash]["reason"]["p50"], "no_data", "{dash}");
    }
    assert_eq!(
        object["success_30m"],
        json!({"ratio": null, "n": 0, "reason": {"ratio": "no_data"}})
    );
}

#[tokio::test(start_paused = true)]
async fn rate_limits_lower_success_beside_a_full_uptime() {
    let limited = Attempts {
        ok: 20,
        rate_limited: 130,
        ..Attempts::default()
    };
    let object = shown(limited, Duration::ZERO).await["sextant"].clone();
    assert_eq!(object["uptime_30m"]["ratio"], 1.0);
    assert_eq!(object["success_30m"]["ratio"], 20.0 / 150.0);
    assert_eq!(object["rate_limited_30m"]["ratio"], 130.0 / 150.0);
    assert_eq!(object["latency_ms"]["reason"]["p95"], "insufficient_data");
}

#[tokio::test(start_paused = true)]
async fn answers_that_were_not_streamed_say_so() {
    let unstreamed = Attempts {
        is_unstreamed: true,
        ..ok(100)
    };
    let object = shown(unstreamed, Duration::ZERO).await["sextant"].clone();
    assert_eq!(object["latency_ms"]["reason"]["p50"], "not_streaming");
    assert!(object["duration_ms"]["p50"].is_f64());
}

#[tokio::test(start_paused = true)]
async fn what_is_still_being_rebuilt_says_so() {
    let object = shown(ok(100), Duration::ZERO).await["sextant"].clone();
    assert_eq!(object["uptime_1d"]["reason"]["ratio"], "rebuilding");
    assert_eq!(object["uptime_1d"]["n"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_number_is_stale_once_its_window_lies_in_the_past() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let reason = |object: &Value, name: &str| object[name]["reason"]["ratio"].clone();
    let shown_at = async |passing| shown(ok(500), passing).await;

    let young = shown_at(Duration::from_millis(59_999)).await;
    assert!(young["sextant"]["uptime_1m"]["ratio"].is_f64());

    let minute_old = shown_at(minutes(1)).await;
    let object = &minute_old["sextant"];
    assert_eq!(object["age_ms"], 60_000);
    assert_eq!(reason(object, "uptime_1m"), "stale");
    assert_eq!(reason(object, "success_1m"), "stale");
    assert!(object["uptime_5m"]["ratio"].is_f64());
    assert!(object["latency_ms"]["p50"].is_f64());
    assert_eq!(object["status"], "healthy");

    let half_hour_old = shown_at(minutes(30)).await;
    let object = &half_hour_old["sextant"];
    assert_eq!(reason(object, "uptime_30m"), "stale");
    assert_eq!(object["latency_ms"]["reason"]["p50"], "stale");
    assert_eq!(object["latency_ms"]["n"], 500);
    assert_eq!(
        (&object["status"], &object["reason"]["status"]),
        (&json!("unknown"), &json!("stale"))
    );
    for absent in ["latency_last_30m", "throughput_last_30m", "uptime_last_30m"] {
        assert_eq!(half_hour_old[absent], Value::Null, "{absent}");
    }
}
