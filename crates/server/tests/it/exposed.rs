//! The gauges of endpoints in `/metrics`.

use std::num::NonZeroU32;
use std::time::Duration;

use sextant_measure::quantization::Quantization;
use sextant_snapshot::record::OwnerState;

use crate::numbers::{Attempts, deepinfra, endpoint, figures, ok, row, row_of_two, unlisted};
use crate::rig::{Rig, Running, progress};

const SCOUT: &str = "/api/v1/models/meta-llama/llama-4-scout/endpoints";
const DEEPINFRA: &str =
    "model=\"meta-llama/llama-4-scout\",provider=\"deepinfra\",quantization=\"fp8\"";

/// What is told in base units: the gauge's name and last label, and the number of the endpoint that it
/// is, in what unit.
const TOLD: &str = "
    uptime_ratio window=30m uptime_30m ratio 1.0
    uptime_ratio window=5m uptime_5m ratio 1.0
    uptime_ratio window=1m uptime_1m ratio 1.0
    uptime_lower_ratio window=30m uptime_30m lower 1.0
    uptime_observations window=1m uptime_1m n 1.0
    success_ratio window=30m success_30m ratio 1.0
    success_ratio window=1m success_1m ratio 1.0
    success_observations window=30m success_30m n 1.0
    rate_limited_ratio window=30m rate_limited_30m ratio 1.0
    ttft_seconds percentile=p50 latency_ms p50 1e-3
    ttft_seconds percentile=p95 latency_ms p95 1e-3
    ttft_observations - latency_ms n 1.0
    duration_seconds percentile=p95 duration_ms p95 1e-3
    duration_observations - duration_ms n 1.0
    throughput_tokens_per_second percentile=p95 throughput_tps p95 1.0
    throughput_observations - throughput_tps n 1.0
";

/// A gauge of the endpoint over all regions.
fn of(running: &Running, name: &str, more: &str) -> Option<f64> {
    let name = format!("sextant_endpoint_{name}{{{DEEPINFRA},region=\"global\"{more}}}");
    running.metric(&name)
}

/// Samples of a family.
fn samples(running: &Running, name: &str) -> usize {
    let begins = format!("sextant_endpoint_{name}{{");
    let text = running.metrics();
    text.lines()
        .filter(|line| line.starts_with(&begins))
        .count()
}

fn mixed() -> Attempts {
    Attempts {
        ok: 140,
        timeouts: 4,
        rate_limited: 6,
        ..Attempts::default()
    }
}

#[tokio::test(start_paused = true)]
async fn they_say_what_the_endpoints_say_in_base_units() {
    let (_rig, running) = Rig::with([row(deepinfra(), &figures(mixed()))]).await;
    let shown = running.json(SCOUT).await;
    let shown = shown["data"]["endpoints"].as_array().unwrap().iter();
    let own = shown
        .map(|endpoint| &endpoint["sextant"])
        .find(|own| own["uptime_30m"]["n"] == 144)
        .unwrap();
    for line in TOLD.lines().filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        let [name, label, json, part, unit] = words.try_into().unwrap();
        let label = label.split_once('=');
        let more = label.map_or(String::new(), |(name, value)| {
            format!(",{name}=\"{value}\"")
        });
        let unit: f64 = unit.parse().unwrap();
        let told = of(&running, name, &more).unwrap_or_else(|| panic!("no {name}{more}"));
        let expected = own[json][part].as_f64().unwrap() * unit;
        assert!(
            (told - expected).abs() < 1e-12,
            "{name}{more}: {told} {expected}"
        );
    }
    let status = |name: &str| of(&running, "status", &format!(",status=\"{name}\""));
    let statuses = ["healthy", "unknown", "degraded", "down"].map(status);
    assert_eq!(statuses, [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]);
    let agents = format!("sextant_endpoint_agents{{{DEEPINFRA}}}");
    assert_eq!(running.metric(&agents), Some(1.0));
    for (direction, usd) in [("input", 0.08), ("output", 0.3)] {
        let name = "sextant_endpoint_price_usd_per_million_tokens";
        let price = format!("{name}{{{DEEPINFRA},direction=\"{direction}\"}}");
        assert_eq!(running.metric(&price), Some(usd), "{direction}");
    }
    assert_eq!(running.metric("sextant_server_coverage_ratio"), Some(1.0));
    assert_eq!(
        running.metric("sextant_server_observer_suspected"),
        Some(0.0)
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_absent_number_is_an_absent_sample() {
    let (_rig, running) = Rig::with([row(deepinfra(), &figures(ok(19)))]).await;
    let catalog = samples(&running, "status");
    assert!(
        catalog > 8,
        "endpoints that nobody uses have a status: {catalog}"
    );
    for name in [
        "uptime_ratio",
        "uptime_lower_ratio",
        "success_ratio",
        "rate_limited_ratio",
    ] {
        assert_eq!(samples(&running, name), 0, "{name}");
    }
    for name in [
        "ttft_seconds",
        "duration_seconds",
        "throughput_tokens_per_second",
    ] {
        assert_eq!(samples(&running, name), 0, "{name}");
    }
    assert_eq!(
        of(&running, "uptime_observations", ",window=\"30m\""),
        Some(19.0)
    );
    assert_eq!(of(&running, "status", ",status=\"unknown\""), Some(1.0));
    let text = running.metrics();
    assert!(!text.contains("NaN"), "{text}");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_number_whose_window_has_passed_is_gone_and_the_age_says_since_when() {
    let (rig, running) = Rig::with([row(deepinfra(), &figures(ok(150)))]).await;
    let (one, thirty) = (",window=\"1m\"", ",window=\"30m\"");
    rig.log.cut(true);
    rig.pass(Duration::from_mins(2)).await;
    for name in ["uptime_ratio", "uptime_observations", "success_ratio"] {
        assert_eq!(of(&running, name, one), None, "{name}");
        assert!(of(&running, name, thirty).is_some(), "{name}");
    }
    let age = of(&running, "age_seconds", "").unwrap();
    assert!((age - 120.0).abs() < 4.0, "{age}");
    rig.pass(Duration::from_mins(30)).await;
    assert_eq!(samples(&running, "uptime_ratio"), 0);
    assert_eq!(
        samples(&running, "ttft_seconds") + samples(&running, "ttft_observations"),
        0
    );
    assert_eq!(of(&running, "status", ",status=\"unknown\""), Some(1.0));
    assert_eq!(of(&running, "status", ",status=\"healthy\""), Some(0.0));
    let age = running.metric("sextant_server_input_age_seconds").unwrap();
    assert!(age > 1_900.0, "{age}");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn each_region_has_its_own_beside_their_merge() {
    let regions = [&figures(ok(150)), &figures(ok(30))];
    let both = row_of_two(deepinfra(), regions, &figures(ok(180)));
    let (_rig, running) = Rig::with([both]).await;
    for (region, n) in [
        ("global", 180.0),
        ("eu-north-1", 150.0),
        ("us-west-2", 30.0),
    ] {
        let labels = format!("{DEEPINFRA},region=\"{region}\"");
        let name = format!("sextant_endpoint_ttft_observations{{{labels}}}");
        assert_eq!(running.metric(&name), Some(n), "{region}");
    }
    running.end().await;
}

/// Fault matrix row 15: who makes up names gets no listed endpoint out.
#[tokio::test(start_paused = true)]
async fn their_number_is_bounded_and_the_catalogs_come_first() {
    let mut rig = Rig::new(1).await;
    let listed: usize = rig
        .catalog
        .get()
        .models()
        .map(|model| model.endpoints.len())
        .sum();
    // Room for the catalog, for one more region of one of its endpoints, and for one made up.
    let room = u32::try_from(listed + 1 + 2).unwrap();
    rig.config.metrics_endpoints_max = NonZeroU32::new(room).unwrap();
    rig.claim(0).await;
    rig.append(0, row(deepinfra(), &figures(ok(150)))).await;
    for n in 0..50 {
        let id = endpoint(&format!("aaa/made-up-{n:02}"), "p", Quantization::Int4);
        rig.append(0, row(id, &figures(ok(150)))).await;
    }
    rig.append(0, progress(OwnerState::Whole)).await;
    let running = rig.serve().await;
    let series = samples(&running, "age_seconds");
    assert_eq!(
        series, 4,
        "two of the listed one that is seen, two of one made up"
    );
    assert_eq!(
        samples(&running, "status"),
        4 * usize::try_from(room).unwrap()
    );
    assert!(of(&running, "uptime_ratio", ",window=\"30m\"").is_some());
    let all = u32::try_from(listed + 50).map(f64::from).ok();
    assert_eq!(running.metric("sextant_server_endpoints"), all);
    assert_eq!(
        running.metric("sextant_server_endpoints_left_out"),
        Some(49.0)
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn before_the_log_is_read_there_are_none() {
    let rig = Rig::new(1).await;
    rig.log.cut(true);
    let running = rig.serve().await;
    let text = running.metrics();
    assert!(!text.contains("sextant_endpoint_"), "{text}");
    assert_eq!(running.metric("sextant_server_coverage_ratio"), Some(0.0));
    running.end().await;
}

/// What a server with ten thousand endpoints pays for being read; run it with `--release`.
#[tokio::test(start_paused = true)]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_types, reason = "tokio's clock stands still")]
async fn what_ten_thousand_endpoints_cost() {
    let mut rig = Rig::new(1).await;
    rig.config.metrics_endpoints_max = NonZeroU32::new(100_000).unwrap();
    rig.claim(0).await;
    let full = figures(mixed());
    for n in 0..10_000 {
        let id = unlisted(&format!("author/model-{n:05}"));
        rig.append(0, row(id, &full)).await;
    }
    rig.append(0, progress(OwnerState::Whole)).await;
    let running = rig.serve().await;
    for _ in 0..5 {
        let begun = std::time::Instant::now();
        let text = running.metrics();
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        println!(
            "{lines} samples, {} bytes, {:?}",
            text.len(),
            begun.elapsed()
        );
    }
    running.end().await;
}
