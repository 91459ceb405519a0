//! What ClickHouse has of a fleet, compared with what a server says.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fleet::Fleet;
use crate::page::provider;

/// Observations of a series in a minute, by provider, region and minute.
pub type Minutes = BTreeMap<(String, String, String), u64>;

/// How many observations each stored minute has.
pub fn minutes(fleet: &Fleet) -> Minutes {
    let counted = fleet.sql(
        "SELECT provider, region, toString(minute) AS at, \
         arraySum([COLUMNS('^(live|probe)_')]) AS n FROM endpoint_steps",
    );
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let minute = |row: Value| {
        let key = (
            text(&row, "provider"),
            text(&row, "region"),
            text(&row, "at"),
        );
        (key, row["n"].as_u64().unwrap())
    };
    counted.into_iter().map(minute).collect()
}

/// Merging the stored minutes gives what the server shows: counts equal, and quantiles too, since
/// they are of the same bins.
pub fn assert_stored(fleet: &Fleet, model: &str, shown: &[Value]) {
    let rows = fleet.sql(&format!(
        "SELECT * FROM endpoints_between(\
         from = now('UTC') - INTERVAL 1 HOUR, to = now('UTC') + INTERVAL 5 MINUTE) \
         WHERE model = '{model}' AND region = 'global'",
    ));
    assert_eq!(rows.len(), shown.len());
    for endpoint in shown {
        let name = provider(endpoint);
        let row = rows.iter().find(|row| row["provider"] == name).unwrap();
        let own = &endpoint["sextant"];
        for (stored, served) in [
            ("uptime_n", &own["uptime_30m"]["n"]),
            ("success_n", &own["success_30m"]["n"]),
            ("ttft_n", &own["latency_ms"]["n"]),
            ("duration_n", &own["duration_ms"]["n"]),
            ("throughput_n", &own["throughput_tps"]["n"]),
            ("uptime", &own["uptime_30m"]["ratio"]),
            ("success", &own["success_30m"]["ratio"]),
            ("ttft_p50_ms", &own["latency_ms"]["p50"]),
            ("ttft_p95_ms", &own["latency_ms"]["p95"]),
            ("duration_p50_ms", &own["duration_ms"]["p50"]),
            ("duration_p95_ms", &own["duration_ms"]["p95"]),
            ("throughput_p50_tps", &own["throughput_tps"]["p50"]),
            ("throughput_p95_tps", &own["throughput_tps"]["p95"]),
        ] {
            assert_eq!(row[stored].as_f64(), served.as_f64(), "{name} {stored}");
        }
    }
}
