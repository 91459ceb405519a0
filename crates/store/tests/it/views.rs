//! What people read with SQL.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use sextant_store::Store;
use sextant_store::sqlite::SqliteOptions;

use crate::harness::SqliteHarness;
use crate::rows::{NOON, one_of_each};

/// The only row of a view, by column.
async fn only_row_of(view: &str) -> BTreeMap<String, Value> {
    let harness = SqliteHarness::new();
    let store = harness.open_with(SqliteOptions::default());
    store.write(one_of_each("groq", NOON)).await.unwrap();
    let connection = harness.connect();
    let mut statement = connection
        .prepare(&format!("SELECT * FROM {view}"))
        .unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let values = |row: &rusqlite::Row<'_>| (0..names.len()).map(|at| row.get(at)).collect();
    let rows = statement.query_map((), values).unwrap();
    let mut rows: Vec<Vec<Value>> = rows.map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    names.iter().cloned().zip(rows.remove(0)).collect()
}

fn check(row: &BTreeMap<String, Value>, expected: &[(&str, Value)]) {
    for (column, value) in expected {
        assert_eq!(row.get(*column), Some(value), "{column}");
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[tokio::test]
async fn steps_say_names_time_counts_and_uptime() {
    let row = only_row_of("endpoint_steps").await;
    check(
        &row,
        &[
            ("at", text("2026-11-22T14:30Z")),
            ("minute", Value::Integer(29_922_630)),
            ("model", text("meta-llama/llama-4-scout")),
            ("provider", text("groq")),
            ("quantization", text("fp8")),
            ("region", text("us-west-2")),
            ("live_ok", Value::Integer(98)),
            ("live_timeout", Value::Integer(1)),
            ("live_rate_limited", Value::Integer(1)),
            ("probe_ok", Value::Integer(10)),
            ("uptime_good", Value::Integer(108)),
            ("uptime_whole", Value::Integer(109)),
            ("uptime", Value::Real(108.0 / 109.0)),
            ("success", Value::Real(98.0 / 100.0)),
            ("ttft_n", Value::Integer(98)),
            ("ttft_min_ms", Value::Real(200.0)),
            ("ttft_max_ms", Value::Real(297.0)),
            ("throughput_max_tps", Value::Real(247.0)),
        ],
    );
}

#[tokio::test]
async fn uptime_says_names_time_and_ratio() {
    let row = only_row_of("endpoint_uptime").await;
    check(
        &row,
        &[
            ("at", text("2026-11-22T14:30Z")),
            ("provider", text("groq")),
            ("good", Value::Integer(108)),
            ("uptime", Value::Real(108.0 / 109.0)),
        ],
    );
}

#[tokio::test]
async fn windows_say_what_was_published() {
    let row = only_row_of("endpoint_windows").await;
    check(
        &row,
        &[
            ("at", text("2026-11-22T14:30Z")),
            ("region", text("global")),
            ("status", text("healthy")),
            ("uptime_30m", Value::Real(149.0 / 150.0)),
            ("success_30m", Value::Real(149.0 / 200.0)),
            ("rate_limited_30m", Value::Real(50.0 / 200.0)),
            ("uptime_1m", Value::Real(4.0 / 5.0)),
            ("uptime_6h", Value::Real(1_799.0 / 1_800.0)),
            ("uptime_1d", Value::Null),
            ("latency_p50_ms", Value::Real(221.5)),
            ("latency_p99_ms", Value::Null),
            ("throughput_p95_tps", Value::Real(159.2)),
            ("throughput_q95_tps", Value::Real(206.9)),
            ("price_input_usd", text("0.080000000")),
            ("price_output_usd", text("0.300000001")),
            ("native", Value::Integer(0)),
            ("verdicts", text("{\"summarize\":\"green\"}")),
            ("late", Value::Integer(3)),
        ],
    );
}

#[tokio::test]
async fn agents_say_what_they_lost() {
    let row = only_row_of("agents").await;
    check(
        &row,
        &[
            ("agent", text("edge-1")),
            ("recorded", Value::Integer(1_000)),
            ("dropped", text("{\"spool_full\":7}")),
            ("clock_offset_ms", Value::Real(-1.5)),
        ],
    );
}

#[tokio::test]
async fn gates_say_who_ruled_what_and_when() {
    let row = only_row_of("gates").await;
    check(
        &row,
        &[
            ("since", text("2026-11-22T14:30:01.500Z")),
            ("model", text("meta-llama/llama-4-scout")),
            ("quantization", text("fp8")),
            ("operation", text("summarize")),
            ("verdict", text("green")),
            ("author", text("evals")),
        ],
    );
}

#[tokio::test]
async fn incidents_say_what_was_wrong_from_when_to_when() {
    let row = only_row_of("incidents").await;
    check(
        &row,
        &[
            ("rule", text("uptime-page")),
            ("kind", text("uptime")),
            ("severity", text("page")),
            (
                "subject",
                text("endpoint/meta-llama/llama-4-scout/groq/fp8"),
            ),
            ("model", text("meta-llama/llama-4-scout")),
            ("provider", text("groq")),
            ("quantization", text("fp8")),
            ("agent", Value::Null),
            ("opened_at", text("2026-11-22T14:30:02.000Z")),
            ("closed_at", text("2026-11-22T14:30:12.500Z")),
            ("lasted_s", Value::Real(10.5)),
            ("worst", Value::Real(0.125)),
            ("worst_unit", text("ratio")),
            ("closed_because", text("it has recovered")),
        ],
    );
}

#[tokio::test]
async fn observations_say_what_happened_in_milliseconds_and_tokens_a_second() {
    let row = only_row_of("observations").await;
    check(
        &row,
        &[
            ("completed_at", text("2026-11-22T14:30:01.500Z")),
            ("model", text("meta-llama/llama-4-scout")),
            ("provider", text("groq")),
            ("quantization", text("fp8")),
            ("region", text("us-west-2")),
            ("source", text("live")),
            ("outcome", text("ok")),
            ("status_code", Value::Integer(200)),
            ("ttft_ms", Value::Real(221.5)),
            ("duration_ms", Value::Real(800.0)),
            ("input_tokens", Value::Integer(550)),
            ("output_tokens", Value::Integer(150)),
            ("throughput_tps", Value::Real(187.5)),
            ("streamed", Value::Integer(1)),
            ("tier", text("standard")),
            ("operation", text("summarize")),
            ("request_id", text("request-1")),
            ("attempt", Value::Integer(2)),
            ("is_final", Value::Integer(1)),
            ("weight", Value::Integer(4)),
            ("agent", text("edge-1")),
            ("epoch", text("feedf00dfeedf00d")),
            ("partition", Value::Integer(5)),
            ("part_index", Value::Integer(3)),
        ],
    );
}
