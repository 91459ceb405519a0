//! What was sent, one line an attempt, to be compared with what a store keeps of it.

use std::path::Path;

use serde_json::Value;
use sextant_measure::observation::{Measurement, Observation};
use sextant_store::AttemptRow;

use crate::embedded;
use crate::fleet::Fleet;
use crate::traffic::MODEL;

/// All that was sent, sorted.
pub fn sent(observations: &[Observation]) -> Vec<String> {
    let lines = observations.iter().map(|observation| {
        let name = observation.request_id.as_ref().unwrap().as_str();
        line(
            name,
            observation.definition.provider.as_str(),
            &observation.measurement,
            1,
        )
    });
    sorted(lines)
}

/// What the embedded store of an ended process keeps, sorted.
pub fn embedded(data: &Path) -> Vec<String> {
    let lines = embedded::attempts(data).into_iter().map(|row: AttemptRow| {
        let name = row.request_id.as_ref().unwrap().as_str();
        let provider = row.series.endpoint.provider.as_str();
        line(name, provider, &row.measurement, row.weight.get())
    });
    sorted(lines)
}

/// What ClickHouse keeps, sorted.
pub fn of_fleet(fleet: &Fleet) -> Vec<String> {
    let rows = fleet.sql(&format!(
        "SELECT concatWithSeparator(' ', request_id, provider, outcome, source, \
         ifNull(toString(round(ttft_ms * 1e3)), '-'), ifNull(toString(round(duration_ms * 1e3)), '-'), \
         ifNull(toString(output_tokens), '-'), toString(weight)) AS line \
         FROM observations WHERE model = '{MODEL}'"
    ));
    let text = |row: Value| row["line"].as_str().unwrap().to_owned();
    sorted(rows.into_iter().map(text))
}

fn line(name: &str, provider: &str, m: &Measurement, weight: u32) -> String {
    let number = |it: Option<u64>| it.map_or("-".to_owned(), |it| it.to_string());
    let (ttft, duration) = (number(m.ttft_us), number(m.duration_us));
    let tokens = number(m.output_tokens.map(u64::from));
    let (outcome, source) = (m.outcome, m.source);
    format!("{name} {provider} {outcome} {source} {ttft} {duration} {tokens} {weight}")
}

fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    lines
}
