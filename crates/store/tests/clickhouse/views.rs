//! What people ask in SQL.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sextant_measure::bins::{Bins, Tail};
use sextant_measure::figures::{Percentile, minimum};
use sextant_measure::id::{EndpointId, Region, SeriesId};
use sextant_measure::ratio::Ratio;
use sextant_measure::scale::Metric;
use sextant_store::{Limits, MinuteRow, Revision, Rows, Store, no_sums};
use sextant_testkit::store_contract::SEEDS;
use sextant_testkit::store_contract::traffic::Traffic;

use crate::harness::ClickHouseHarness;
use crate::rows::{NOON, endpoint, one_of_each};

pub(crate) type Row = Map<String, Value>;

/// The rows that a statement answers, by column.
async fn ask(harness: &ClickHouseHarness, statement: &str) -> Vec<Row> {
    let query = harness.client().query_raw(statement);
    let query = query.with_setting("output_format_json_quote_64bit_integers", "0");
    let mut answer = query.fetch_bytes("JSONEachRow").unwrap();
    let text = answer.collect().await.unwrap();
    let lines = std::str::from_utf8(&text).unwrap().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) async fn only_row_of(view: &str) -> Row {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    let rows = one_of_each("groq", NOON);
    store.write(rows.clone()).await.unwrap();
    // Twice in parts that are not merged, and once in the view.
    store.write(rows).await.unwrap();
    let mut found = ask(&harness, &format!("SELECT * FROM {view}")).await;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn is_close(told: f64, value: f64) -> bool {
    (told - value).abs() <= value.abs() * 1e-12
}

pub(crate) fn check(row: &Row, expected: &Value) {
    for (column, value) in expected.as_object().unwrap() {
        let told = row.get(column).unwrap();
        // Numbers come as text, of which the last digit may be another.
        let close = match (told.as_f64(), value.as_f64()) {
            (Some(told), Some(value)) => is_close(told, value),
            _ => told == value,
        };
        assert!(close, "{column}: {told} is not {value}");
    }
}

#[tokio::test]
async fn steps_say_names_time_counts_and_uptime() {
    let row = only_row_of("endpoint_steps").await;
    check(
        &row,
        &serde_json::json!({
            "minute": "2026-11-22 14:30:00",
            "model": "meta-llama/llama-4-scout",
            "provider": "groq",
            "quantization": "fp8",
            "region": "us-west-2",
            "live_ok": 98,
            "live_timeout": 1,
            "live_rate_limited": 1,
            "probe_ok": 10,
            "uptime_good": 108,
            "uptime_whole": 109,
            "uptime": 108.0 / 109.0,
            "success": 98.0 / 100.0,
            "ttft_n": 98,
            "ttft_min_ms": 200,
            "ttft_max_ms": 297,
            "throughput_max_tps": 247,
        }),
    );
    let counts = row["ttft_histogram"].as_object().unwrap().values();
    assert_eq!(counts.map(|n| n.as_u64().unwrap()).sum::<u64>(), 98);
}

#[tokio::test]
async fn uptime_says_names_time_and_ratio() {
    check(
        &only_row_of("endpoint_uptime").await,
        &serde_json::json!({
            "starting": "2026-11-22 14:30:00",
            "provider": "groq",
            "good": 108,
            "whole": 109,
            "uptime": 108.0 / 109.0,
        }),
    );
}

#[tokio::test]
async fn windows_say_what_was_published_and_what_the_router_saw() {
    for view in [
        "endpoint_windows",
        "endpoints_at(at = '2026-11-22 14:30:42')",
    ] {
        check(
            &only_row_of(view).await,
            &serde_json::json!({
                "ending": "2026-11-22 14:30:00",
                "window_start": "2026-11-22 14:00:00.000000",
                "window_end": "2026-11-22 14:29:59.999999",
                "region": "global",
                "status": "healthy",
                "uptime_30m": 149.0 / 150.0,
                "success_30m": 149.0 / 200.0,
                "rate_limited_30m": 50.0 / 200.0,
                "uptime_1m": 4.0 / 5.0,
                "uptime_6h": 1_799.0 / 1_800.0,
                "uptime_1d": null,
                "latency_p50_ms": 221.5,
                "latency_p99_ms": null,
                "throughput_p95_tps": 159.2,
                "throughput_q95_tps": 206.9,
                "price_input_usd": 0.08,
                "price_output_usd": 0.300_000_001,
                "native": false,
                "verdicts": {"summarize": "green"},
                "late": 3,
            }),
        );
    }
}

#[tokio::test]
async fn gates_say_who_ruled_what_and_when() {
    check(
        &only_row_of("gates").await,
        &serde_json::json!({
            "since": "2026-11-22 14:30:01.500000",
            "model": "meta-llama/llama-4-scout",
            "quantization": "fp8",
            "operation": "summarize",
            "verdict": "green",
            "author": "evals",
        }),
    );
}

#[tokio::test]
async fn agents_say_what_they_lost_over_all_partitions() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    let mut rows = one_of_each("groq", NOON);
    let mut other = rows.agents[0].clone();
    other.partition = 6;
    rows.agents.push(other);
    store.write(rows.clone()).await.unwrap();
    store.write(rows).await.unwrap();
    let found = ask(&harness, "SELECT * FROM agents").await;
    assert_eq!(found.len(), 1);
    check(
        &found[0],
        &serde_json::json!({
            "agent": "edge-1",
            "recorded": 2_000,
            "dropped": {"spool_full": 14},
            "clock_offset_ms": -3,
        }),
    );
}

#[tokio::test]
async fn the_worst_endpoints_come_first() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    let seconds = harness.text("SELECT toUnixTimestamp(now())").await;
    let now: u32 = seconds.trim().parse().unwrap();
    let ending = sextant_measure::time::Minute::from_index(now / 60);
    let mut rows = Rows::default();
    for (provider, bad) in [("a", 1), ("b", 90), ("c", 3)] {
        for at in [ending.minus(1), ending] {
            let mut window = crate::rows::window(provider, at);
            let code = sextant_measure::counts::count_code(
                sextant_measure::outcome::Source::Live,
                sextant_measure::outcome::Outcome::Timeout,
            );
            window.figures.counts.add_code(code, bad);
            rows.windows.push(window);
        }
    }
    store.write(rows).await.unwrap();
    let told = harness.text("SELECT provider FROM worst_endpoints").await;
    assert_eq!(told, "b\nc\na\n");
}

/// Rows of an endpoint in two regions, some of them twice.
fn traffic_of(traffic: &mut Traffic) -> Vec<MinuteRow> {
    let mut rows = Vec::new();
    for region in ["eu", "us"] {
        let series = SeriesId {
            endpoint: endpoint("groq"),
            region: Region::new(region).unwrap(),
        };
        for minute in 0..traffic.below(12) {
            let row = traffic.minute_row(&series, NOON.plus(minute), Revision::default());
            rows.push(row);
        }
    }
    rows
}

/// What the rows of an endpoint merge to.
#[derive(Default)]
struct Merged {
    bins: Option<[Bins; 3]>,
    uptime: Ratio,
    success: Ratio,
    limited: u64,
}

impl Merged {
    fn add(&mut self, row: &MinuteRow) {
        let counts = &row.sums.counts;
        self.uptime = self.uptime + counts.uptime();
        self.success = self.success + counts.success();
        self.limited += counts.rate_limited().part;
        let bins = self.bins.get_or_insert_with(|| no_sums().bins);
        for (bins, more) in bins.iter_mut().zip(&row.sums.bins) {
            bins.merge(more);
        }
    }

    /// The numbers that the view must tell, as thousandths or as they are.
    fn expected(&self) -> BTreeMap<String, Option<f64>> {
        let mut expected = BTreeMap::new();
        for bins in self.bins.iter().flatten() {
            let (name, unit, tail) = match bins.metric() {
                Metric::Ttft => ("ttft", "ms", Tail::AtMost),
                Metric::Duration => ("duration", "ms", Tail::AtMost),
                Metric::Throughput => ("throughput", "tps", Tail::AtLeast),
            };
            let value = |percentile: Percentile, tail| {
                let value = bins.percentile(percentile.percent(), tail);
                let value = value.filter(|_| bins.n() >= percentile.min());
                value.map(|value| value as f64 / 1e3)
            };
            for percentile in Percentile::ALL {
                let column = format!("{name}_{percentile}_{unit}", percentile = percentile.name());
                expected.insert(column, value(percentile, tail));
            }
            expected.insert(format!("{name}_n"), Some(bins.n() as f64));
            if tail == Tail::AtLeast {
                let q95 = value(Percentile::P95, Tail::AtMost);
                expected.insert("throughput_q95_tps".to_owned(), q95);
            }
        }
        let (uptime, success) = (self.uptime, self.success);
        let enough = |ratio: Ratio| ratio.whole >= minimum::RATIO;
        let lower = uptime.wilson_lower().filter(|_| enough(uptime));
        let limited = Ratio::new(self.limited, success.whole);
        for (column, value) in [
            ("uptime", uptime.value_with(minimum::RATIO)),
            ("uptime_lower", lower),
            ("uptime_n", Some(uptime.whole as f64)),
            ("success", success.value_with(minimum::RATIO)),
            ("rate_limited", limited.value_with(minimum::RATIO)),
            ("success_n", Some(success.whole as f64)),
        ] {
            expected.insert(column.to_owned(), value);
        }
        expected
    }
}

#[tokio::test]
async fn numbers_over_any_range_are_those_of_the_merged_rows() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    let fresh = rand::random();
    for (n, seed) in (1..).zip((5..15).chain(SEEDS).chain([fresh])) {
        let mut traffic = Traffic::new(seed);
        let model = format!("author/m-{n}").parse().unwrap();
        let mut rows = traffic_of(&mut traffic);
        for row in &mut rows {
            let endpoint = row.series.endpoint.clone();
            row.series.endpoint = EndpointId {
                model: std::clone::Clone::clone(&model),
                ..endpoint
            };
        }
        let minutes = rows.clone();
        let written = Rows {
            minutes,
            ..Rows::default()
        };
        store.write(written.clone()).await.unwrap();
        store.write(written).await.unwrap();
        let (from, to) = (traffic.below(6), 6 + traffic.below(6));
        let mut merged: BTreeMap<String, Merged> = BTreeMap::new();
        let inside = NOON.plus(from)..NOON.plus(to);
        for row in rows.iter().filter(|row| inside.contains(&row.minute)) {
            for region in [row.series.region.as_str(), "global"] {
                merged.entry(region.to_owned()).or_default().add(row);
            }
        }
        let sql = format!(
            "SELECT * FROM endpoints_between(from = '2026-11-22 14:30:00'::DateTime('UTC') \
             + {from} * 60, to = '2026-11-22 14:30:00'::DateTime('UTC') + {to} * 60) \
             WHERE model = '{model}' ORDER BY region"
        );
        let found = ask(&harness, &sql).await;
        assert_eq!(found.len(), merged.len(), "seed {seed}");
        for row in found {
            let region = row["region"].as_str().unwrap();
            for (column, value) in merged[region].expected() {
                let told = row[&column].as_f64();
                let close = match (told, value) {
                    (Some(told), Some(value)) => is_close(told, value),
                    (told, value) => told == value,
                };
                assert!(close, "seed {seed}, {region}, {column}: {told:?} {value:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_question_about_one_model_reads_no_others() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    store.write(one_of_each("groq", NOON)).await.unwrap();
    let range = "from = '2026-11-22 00:00:00', to = '2026-11-23 00:00:00'";
    for from in [
        format!("endpoints_between({range})"),
        "endpoint_steps".to_owned(),
        "endpoint_windows".to_owned(),
    ] {
        let told = harness
            .text(&format!(
                "EXPLAIN indexes = 1 SELECT * FROM {from} WHERE model = 'other/model'"
            ))
            .await;
        let key = told
            .split("PrimaryKey")
            .nth(1)
            .unwrap_or_else(|| panic!("{told}"));
        assert!(
            key.contains("other/model") && key.contains("Granules: 0/1"),
            "{told}"
        );
    }
}
