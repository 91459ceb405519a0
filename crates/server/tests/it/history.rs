//! `GET /api/v1/models/{author}/{slug}/history`.

use serde_json::{Value, json};
use sextant_measure::counts::{Counts, count_code};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::scale::Metric;
use sextant_measure::time::Minute;
use sextant_store::{HistoryPoint, StoreError, no_sums};

use crate::numbers::deepinfra;
use crate::rig::{NOW, Rig};

const PATH: &str = "/api/v1/models/meta-llama/llama-4-scout/history";

/// `n` good attempts; the k-th took k ms to its first token.
fn point(from: Minute, n: u32) -> HistoryPoint {
    let mut sums = no_sums();
    let mut counts = Counts::default();
    counts.add_code(count_code(Source::Live, Outcome::Ok), n);
    sums.counts = counts;
    for k in 1..=u64::from(n) {
        sums.bins[usize::from(Metric::Ttft.code())].record(k * 1_000);
        sums.bins[usize::from(Metric::Throughput.code())].record(k * 1_000);
    }
    HistoryPoint {
        endpoint: deepinfra(),
        from,
        sums,
    }
}

#[tokio::test(start_paused = true)]
async fn steps_have_counts_ratios_and_percentiles() {
    let (rig, running) = Rig::with([]).await;
    let minute = NOW.minute();
    rig.store.hold(vec![
        point(minute.minus(10), 100),
        point(minute.minus(5), 19),
    ]);
    let answer = running.json(&format!("{PATH}?step=5m")).await;
    assert_eq!(answer["step_minutes"], 5);
    assert_eq!(answer["region"], "global");
    let endpoint = &answer["endpoints"][0];
    assert_eq!(endpoint["tag"], "deepinfra/fp8");
    let points = endpoint["points"].as_array().unwrap();
    assert_eq!(points.len(), 2);
    assert_eq!(points[0]["from"], "2026-11-22T14:19:00Z");
    assert_eq!(points[0]["counts"]["live"]["ok"], 100);
    assert_eq!(points[0]["success"], json!({"ratio": 1.0, "n": 100}));
    let close = |value: &Value, wanted: f64| {
        let value = value.as_f64().unwrap();
        assert!((value / wanted - 1.0).abs() <= 0.01, "{value} for {wanted}");
    };
    close(&points[0]["latency_ms"]["p95"], 95.0);
    // 95 % were at least this fast.
    close(&points[0]["throughput_tps"]["p95"], 5.0);
    close(&points[0]["throughput_tps"]["q95"], 95.0);
    assert_eq!(
        points[1]["latency_ms"]["reason"]["p50"],
        "insufficient_data"
    );
    assert_eq!(points[1]["uptime"]["n"], 19);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_parameters_it_is_the_last_six_hours_of_all_regions() {
    let (rig, running) = Rig::with([]).await;
    running.json(PATH).await;
    let query = rig.store.last_query();
    let end = NOW.minute().plus(1);
    assert_eq!(
        (query.minutes.range.from, query.minutes.range.to),
        (end.minus(360), end)
    );
    assert_eq!((query.step_minutes.get(), query.minutes.region), (5, None));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn parameters_say_when_how_fine_and_where() {
    let (rig, running) = Rig::with([]).await;
    let query =
        "?from=2026-11-22T12:00:30Z&to=2026-11-22T14:00:00%2B01:00&step=1h&region=us-west-2";
    running.json(&format!("{PATH}{query}")).await;
    let asked = rig.store.last_query();
    assert_eq!(asked.minutes.range.len(), 60);
    assert_eq!(
        asked.minutes.range.to.start().as_micros(),
        1_795_352_400_000_000
    );
    assert_eq!(asked.step_minutes.get(), 60);
    assert_eq!(asked.minutes.region.unwrap().as_str(), "us-west-2");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn parameters_that_cannot_be_are_refused_by_their_names() {
    let (_rig, running) = Rig::with([]).await;
    for (query, parameter) in [
        ("from=yesterday", "from"),
        ("to=2026-13-01T00:00:00Z", "to"),
        ("from=2026-11-22T12:00:00Z&to=2026-11-22T12:00:59Z", "from"),
        ("step=0", "step"),
        ("step=5m&step=6m", "step"),
        ("region=a%20b", "region"),
    ] {
        let refused = running.get(&format!("{PATH}?{query}")).await.problem(400);
        assert_eq!(refused["parameter"], parameter, "{query}");
    }
    running.get(&format!("{PATH}?until=now")).await.problem(400);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn more_than_the_store_answers_at_once_is_refused_with_both_figures() {
    let (rig, running) = Rig::with([]).await;
    rig.store.fail(StoreError::TooMany {
        what: "points",
        count: 100_000,
        max: 20_000,
    });
    let problem = running.get(PATH).await.problem(400);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("100000 points") && detail.contains("20000"),
        "{detail}"
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_takes_only_the_history_with_it() {
    let (rig, running) = Rig::with([]).await;
    rig.store.fail(StoreError::Unavailable {
        reason: "a secret path".to_owned(),
    });
    let refused = running.get(PATH).await;
    let detail = refused.problem(503)["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("the store") && !detail.contains("secret"),
        "{detail}"
    );
    assert!(refused.header("retry-after").is_some());
    for path in ["/api/v1/models", "/api/v1/snapshot", "/livez", "/readyz"] {
        assert_eq!(running.get(path).await.status, 200, "{path}");
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_nobody_knows_has_no_history() {
    let (rig, running) = Rig::with([]).await;
    running.get("/api/v1/models/a/b/history").await.problem(404);
    // Unless the store remembers it.
    rig.store.hold(vec![point(NOW.minute(), 1)]);
    running.json("/api/v1/models/a/b/history").await;
    running.end().await;
}
