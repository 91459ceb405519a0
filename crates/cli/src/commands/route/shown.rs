//! A route, as a table shows it.

use serde::Deserialize;

use crate::escape::OneLine;
use crate::table::{Cell, Column, Table, Tone};

#[derive(Debug, Deserialize)]
pub(super) struct Route {
    model: String,
    tier: String,
    operation: Option<String>,
    region: String,
    at: String,
    seed: u64,
    candidates: Vec<Candidate>,
    excluded: Vec<Excluded>,
    reason: Option<String>,
    observer_suspected: bool,
    notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Candidate {
    tag: String,
    reason: String,
    status: String,
    price: Option<String>,
    ttft_p95_ms: Option<f64>,
    throughput_p95: Option<f64>,
    success_1m: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Excluded {
    tag: String,
    reason: String,
}

impl Route {
    /// Candidates in order, then who was left out.
    pub(super) fn text(&self, colour: bool) -> String {
        let mut parts = vec![self.head()];
        parts.extend(self.reason.as_ref().map(|why| OneLine(why).to_string()));
        if !self.candidates.is_empty() {
            let mut table = Table::new(columns());
            for (place, candidate) in self.candidates.iter().enumerate() {
                table.push(candidate.cells(place + 1));
            }
            parts.push(table.render(colour));
        }
        if !self.excluded.is_empty() {
            let mut table = Table::new([Column::text("left out"), Column::text("because")]);
            for one in &self.excluded {
                table.push([Cell::new(&one.tag), Cell::new(&one.reason)]);
            }
            parts.push(table.render(colour));
        }
        parts.join("\n\n")
    }

    fn head(&self) -> String {
        let operation = self.operation.as_ref();
        let operation = operation.map(|name| format!(" for {}", OneLine(name)));
        let mut head = format!(
            "{} {}{}, {}, {}, seed {}",
            OneLine(&self.model),
            OneLine(&self.tier),
            operation.unwrap_or_default(),
            OneLine(&self.region),
            OneLine(&self.at),
            self.seed
        );
        if self.observer_suspected {
            head.push_str("\nobserver suspected: status is ignored");
        }
        for note in &self.notes {
            head.push('\n');
            head.push_str(meaning(note).unwrap_or(&OneLine(note).to_string()));
        }
        head
    }
}

/// Nothing of a note that this version doesn't know.
fn meaning(note: &str) -> Option<&'static str> {
    match note {
        "no_operation" => Some("no operation: no gate applies"),
        "all_down" => Some("all are down"),
        "stale" => Some("stale: catalog, gates and price decide"),
        _ => None,
    }
}

fn columns() -> [Column; 8] {
    [
        Column::number("#"),
        Column::text("endpoint"),
        Column::text("because"),
        Column::text("status"),
        Column::number("$/M"),
        Column::number("TTFT p95 ms"),
        Column::number("tok/s p95"),
        Column::number("success 1m"),
    ]
}

impl Candidate {
    fn cells(&self, place: usize) -> [Cell; 8] {
        let tenths = |value: Option<f64>| Cell::optional(value.map(|value| format!("{value:.1}")));
        let tone = match self.status.as_str() {
            "healthy" => Tone::Good,
            "degraded" => Tone::Doubtful,
            "down" => Tone::Bad,
            _ => Tone::Faint,
        };
        [
            Cell::new(place.to_string()),
            Cell::new(&self.tag),
            Cell::new(&self.reason),
            Cell::new(&self.status).toned(tone),
            Cell::optional(self.price.clone()),
            tenths(self.ttft_p95_ms),
            tenths(self.throughput_p95),
            Cell::optional(self.success_1m.map(|share| format!("{share:.2}"))),
        ]
    }
}
